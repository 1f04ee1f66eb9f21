"""Reads interaction logs: usable rows become columns in Parquet, the others are set aside with file, line and reason."""
