"""What runs and where: configuration, the DAG, runners and the command line. Imports no TensorFlow by itself."""
