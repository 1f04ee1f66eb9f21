"""How fast the server answers, beside the bare model: `make benchmark-serving`."""
