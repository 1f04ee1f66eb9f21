"""Reads interaction logs: usable rows become columns in Parquet, the rest is set aside with file, line and reason."""
