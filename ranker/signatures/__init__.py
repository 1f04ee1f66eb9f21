"""The exported model's signatures, one concern a file. Names, dtypes and shapes: schemas/features.py."""
