"""What `seqrank doctor` and a run's summary say of this machine."""

import pytest

from pipeline import machine


def test_the_configured_lstm_is_fit_for_cudnn_and_another_is_not(monkeypatch):
    import tensorflow as tf

    assert machine._lstm_fits()
    plain = tf.keras.layers.LSTM
    monkeypatch.setattr(tf.keras.layers, "LSTM", lambda *args, **kwargs: plain(*args, recurrent_dropout=0.1, **kwargs))
    assert not machine._lstm_fits()


@pytest.mark.parametrize(
    ("devices", "fits", "says", "ok"),
    [
        (["H100"], True, "takes the fast path: cuDNN's kernel on H100", True),
        ([], True, "without a GPU TensorFlow's own loop runs", True),
        (["H100"], False, "rule cuDNN's kernel out", False),
        ([], False, "rule cuDNN's kernel out", True),
    ],
)
def test_the_fast_path_needs_a_gpu_and_the_right_settings(devices, fits, says, ok):
    finding = machine.lstm(devices, fits=fits)
    assert says in finding.says
    assert finding.ok is ok


def test_every_finding_of_this_environment_is_well():
    findings = {finding.name: finding for finding in machine.examine()}
    assert {"Python", "glibc", "tensorflow", "tfx", "Keras", "built for", "GPUs", "LSTM", "TFX"} <= set(findings)
    assert [finding for finding in findings.values() if not finding.ok] == []


def test_the_stack_and_the_machine_are_named():
    assert {"python", "tfx", "tensorflow", "polars"} <= set(machine.stack())
    described = machine.machine()
    assert described["cores"] >= 1
    assert described["memory_gib"] > 0


def test_the_commit_is_gits_and_without_git_what_the_image_says(monkeypatch):
    monkeypatch.setenv("SEQRANK_COMMIT", "0123abc")
    assert len(machine.git_commit().rstrip("+")) == 40
    monkeypatch.setenv("PATH", "")  # no git here
    assert machine.git_commit() == "0123abc"
    monkeypatch.setenv("SEQRANK_COMMIT", "")
    assert machine.git_commit() is None
