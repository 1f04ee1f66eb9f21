"""The data contracts: what each stage may expect of the one before. Imports nothing of ours, and no TensorFlow."""
