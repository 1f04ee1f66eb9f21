"""The model: a library over TensorFlow that knows no TFX. Importing this package imports no TensorFlow.

TensorFlow Recommenders and TFT know Keras 2 only, and TensorFlow decides when it is imported which Keras it shows.
So the choice is made here, before any module of ranker or components can import TensorFlow.
"""

import os as _os
import sys as _sys

_os.environ["TF_USE_LEGACY_KERAS"] = "1"

# The variable itself proves nothing: TFT sets it, too, and that may have been too late.
if "tensorflow" in _sys.modules and "tf_keras" not in _sys.modules["tensorflow"].keras.Model.__module__:
    raise ImportError("TensorFlow was imported with Keras 3, and seqrank needs Keras 2: set TF_USE_LEGACY_KERAS=1.")
