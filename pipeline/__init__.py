"""What runs and where: configuration, the DAG, runners and the command line. Imports no TensorFlow by itself."""

import ranker as _ranker  # noqa: F401 - chooses Keras 2 before TFX imports TensorFlow
