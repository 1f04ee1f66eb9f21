"""The model: a library over TensorFlow that knows no TFX. Importing this package imports no TensorFlow."""
