"""Interactions become sequences: users' histories in order, split, and cut into windows."""
