"""A local page over all runs: read-only, no script in it, nothing from outside."""
