"""Sections of the report, one a file; each has TITLE, ORDER (the smallest first) and blocks(facts)."""
