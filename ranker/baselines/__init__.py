"""What every model is held against, one file a baseline."""
