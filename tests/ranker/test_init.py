"""Whoever imports ranker, components or pipeline gets Keras 2, or is told why not."""

import os
import subprocess
import sys

import pytest


def _python(code):
    bare = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    return subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["ranker", "components", "pipeline"])
def test_keras_2_is_chosen_by_the_import_alone(package):
    code = (
        f"import {package}, os, sys; assert 'tensorflow' not in sys.modules; print(os.environ['TF_USE_LEGACY_KERAS'])"
    )
    assert _python(code).stdout.strip() == "1"


def test_a_process_that_uses_keras_3_already_is_refused_with_the_remedy():
    done = _python("import tensorflow as tf; tf.keras.Model; import ranker")
    assert done.returncode == 1
    assert "set TF_USE_LEGACY_KERAS=1" in done.stderr.splitlines()[-1]
