"""What this machine and environment are: for a run's summary, and for `seqrank doctor`."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import platform
import subprocess
from typing import Any, Final

_PACKAGES: Final = (
    "tfx", "tensorflow", "tf-keras", "tensorflow-transform", "tensorflow-model-analysis", "tensorflow-data-validation",
    "tensorflow-recommenders", "apache-beam", "ml-metadata", "polars", "pyarrow", "numpy", "pandas", "protobuf",
)  # fmt: skip
_NEWER: Final = (3, 11)  # from this Python on, the lock holds the newer stack
_NEWER_GLIBC: Final = (2, 39)
_GIBIBYTE: Final = 2**30
_COMMIT: Final = "SEQRANK_COMMIT"  # set in the image (Dockerfile), which has no .git


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of `seqrank doctor`.

    Args:
        name: what was looked at.
        says: what it is, and where something must be mended, how.
        ok: False: a run would fail.
    """

    name: str
    says: str
    ok: bool = True


def stack() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run does; a package that is missing is left out."""
    installed = {each.name.lower().replace("_", "-"): each.version for each in importlib.metadata.distributions()}
    return {
        "python": platform.python_version(),
        **{name: installed[name] for name in _PACKAGES if name in installed},
    }


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory in GiB, system, C library. TensorFlow isn't asked."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIBIBYTE, 1),
        "system": platform.platform(terse=True),
        "glibc": platform.libc_ver()[1],
    }


def gpus() -> list[str]:
    """TensorFlow's GPUs by name; imports TensorFlow."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(device).get("device_name", device.name) for device in devices]


def git_commit() -> str | None:
    """The checkout's commit, "+" after it where files differ from it; what the image says of itself; else None."""
    folder = pathlib.Path(__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return os.environ.get(_COMMIT) or None
    return f"{commit}+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else commit


def examine() -> list[Finding]:
    """Everything that `seqrank doctor` shows; imports TensorFlow and TFX."""
    return [_python(), _glibc(), *_versions(), *_tensorflow(), _tfx()]


def _python() -> Finding:
    which = "newer" if _is_newer() else "older"
    return Finding("Python", f"{platform.python_version()}: the {which} stack")


def _glibc() -> Finding:
    version = platform.libc_ver()[1]
    enough = tuple(int(part) for part in version.split(".")[:2]) >= _NEWER_GLIBC if version else False
    needed = ".".join(map(str, _NEWER_GLIBC))
    if _is_newer() and not enough:
        return Finding("glibc", f"{version or 'unknown'}; Python {platform.python_version()} needs {needed}", ok=False)
    hint = "" if _is_newer() else f"; the newer stack {'would run here' if enough else f'needs {needed}'}"
    return Finding("glibc", f"{version}{hint}")


def _versions() -> list[Finding]:
    return [Finding(name, version) for name, version in stack().items() if name != "python"]


def _tensorflow() -> list[Finding]:
    try:
        import tensorflow as tf
        import tf_keras
    except ImportError as error:
        return [Finding("TensorFlow", f"can't be imported: {error}; `make setup` installs it", ok=False)]
    keras_2 = "tf_keras" in tf.keras.Model.__module__ or tf.keras.Model.__module__.startswith("keras.src.engine")
    chosen = f"tf.keras is Keras {tf_keras.__version__}" if keras_2 else "not Keras 2: set TF_USE_LEGACY_KERAS=1"
    build = tf.sysconfig.get_build_info()
    cuda = f"CUDA {build['cuda_version']}, cuDNN {build['cudnn_version']}" if build.get("is_cuda_build") else "none"
    devices = gpus()
    return [
        Finding("Keras", chosen, ok=keras_2),
        Finding("built for", cuda),
        Finding("GPUs", ", ".join(devices) or "none that TensorFlow can use"),
        lstm(devices, fits=_lstm_fits()),
    ]


def lstm(devices: list[str], *, fits: bool) -> Finding:
    """Whether the LSTM takes the fast path.

    Args:
        devices: names of the GPUs.
        fits: whether the layer's settings are those that cuDNN's kernel takes.
    """
    if fits and devices:
        return Finding("LSTM", f"takes the fast path: cuDNN's kernel on {', '.join(devices)}")
    if fits:
        return Finding("LSTM", "fit for the fast path, cuDNN's kernel; without a GPU TensorFlow's own loop runs")
    return Finding("LSTM", "its settings rule cuDNN's kernel out: TensorFlow's own loop runs", ok=not devices)


def _lstm_fits() -> bool:
    """What Keras made of our layers' settings (activations, bias, recurrent dropout, unrolling); needs Keras 2."""
    from ranker import registry

    module = registry.load("architectures", "lstm")
    stack = module.build(module.Options(), width=8, dropout=0.0, window=8)
    return all(getattr(layer, "_could_use_gpu_kernel", False) for layer in stack.layers)


def _tfx() -> Finding:
    try:
        from tfx.orchestration.local import local_dag_runner
    except Exception as error:
        return Finding("TFX", f"can't be imported: {type(error).__name__}: {error}", ok=False)
    return Finding("TFX", f"imports ({local_dag_runner.__name__})")


def _is_newer() -> bool:
    return tuple(map(int, platform.python_version_tuple()[:2])) >= _NEWER


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(folder: pathlib.Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
