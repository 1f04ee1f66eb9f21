"""What every test needs before TensorFlow is imported."""

import os
import sys

import pytest

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(scope="session", autouse=True)
def _arguments_of_pytest_alone():
    """Hides pytest's arguments: TFX's Beam executors look for absl's flags there, and take `-v` for a verbosity."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", sys.argv[:1])
        yield
