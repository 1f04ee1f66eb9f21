"""Writes the first k items of every user of the log, for whoever has no server to ask."""
