"""The command line, one module a command. Nothing here imports TensorFlow before a command needs it."""
