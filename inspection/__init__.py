"""Views of finished runs, read from ML Metadata and from the files that stages left.

Nothing here writes, and nothing loads TensorFlow.
"""
