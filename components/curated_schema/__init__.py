"""Turns a curated schema of `schemas/` into a Schema artifact, with the optional columns that the data have."""
