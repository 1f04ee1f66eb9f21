"""Tuner: tries knobs of the training, and says which did best on the validation split."""
