"""Refuses data that nothing should train on, and says what it let pass."""
