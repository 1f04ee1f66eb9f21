"""Data to run on: MovieLens-100K from where it is kept, and made logs of any size."""
