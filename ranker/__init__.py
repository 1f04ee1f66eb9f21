"""The model: a library that knows neither TFX nor Beam. Importing the package imports no TensorFlow."""
