"""Trains the ranker and exports it."""
