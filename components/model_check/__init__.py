"""Starts the exported model as serving would, and asks it, before anybody else does."""
