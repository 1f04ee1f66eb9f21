"""An engine on this machine: Prism, Beam's portable job server, and workers that are processes of their own.

The workers' pool runs in a root of its own: this system's programs and the environment, a copy of our code as an image
has it, and nothing else of the submitting side: no checkout, no /tmp, no home. What both sides see is an object store
(an S3 server) and one volume. Beam's boot program starts each worker, as it does in a cluster's image.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = pathlib.Path(__file__).resolve().parents[4]
SERVICES: Final = ROOT / ".services"
PACKAGES: Final = ("pipeline", "components", "ranker", "schemas")
CODE: Final = "/opt/seqrank"  # where the image has our code
_PATIENCE: Final = 300  # seconds until a server answers

# Makes the workers' root. $1: an empty folder; $2: the environment (sys.prefix); $3: the volume; $4: folder with a copy
# of our code and boot; then the folders to hide, up to a lone --; the rest is the command. Runs in a mount namespace.
_FRESH: Final = """
set -e
scratch=$1 environment=$2 volume=$3 image=$4; shift 4
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root" "$scratch/environment" "$scratch/volume" "$scratch/image"
mount --bind "$environment" "$scratch/environment"
mount --bind "$volume" "$scratch/volume"
mount --bind "$image" "$scratch/image"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
root="$scratch/root"
for folder in proc dev sys; do mount --rbind "/$folder" "$root/$folder"; done
while [ "$1" != -- ]; do mkdir -p "$root/$1"; mount -t tmpfs tmpfs "$root/$1"; shift; done
shift
mkdir -p "$root/$environment" "$root/$volume" "$root/opt/seqrank"
mkdir "$scratch/upper-environment" "$scratch/work-environment"
mount -t overlay overlay -o \
  "lowerdir=$scratch/environment,upperdir=$scratch/upper-environment,workdir=$scratch/work-environment" \
  "$root/$environment"
mount --bind "$scratch/volume" "$root/$volume"
mount --bind "$scratch/image" "$root/opt/seqrank"
exec chroot "$root" sh -c 'cd /opt/seqrank && exec "$@"' sh "$@"
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers on port {port}:\n{log.read_text()}")


@contextlib.contextmanager
def prism(folder: pathlib.Path) -> Iterator[str]:
    """Runs Prism; gives its job endpoint. Its log is folder/prism.log."""
    port, log = free_port(), folder / "prism.log"
    command = [str(SERVICES / "prism"), f"--job_port={port}", f"--web_port={free_port()}", "--log_kind=text"]
    with _running(command, log, dict(os.environ)) as process:
        _wait_for(port, process, log)
        yield f"localhost:{port}"


@contextlib.contextmanager
def pool(folder: pathlib.Path, volume: pathlib.Path, env: dict[str, str], *, code: bool = True) -> Iterator[str]:
    """Runs a pool of workers in a root of its own; gives its address. Its log is folder/pool.log.

    Args:
        folder: empty, for the root.
        volume: what both sides see, at the same path.
        env: environment of the workers besides PATH: keys of the store.
        code: the workers' image has our code; else a job has to bring it.
    """
    port, log = free_port(), folder / "pool.log"
    image, scratch = folder / "image", folder / "root"
    scratch.mkdir()
    image.mkdir()
    for name in PACKAGES if code else ():
        shutil.copytree(ROOT / name, image / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(SERVICES / "boot", image / "boot")
    environment = pathlib.Path(sys.prefix).resolve()
    hidden = sorted({str(ROOT), str(environment.parent), "/tmp", "/var/tmp", str(folder.resolve())})
    told = ["--service_port", str(port), "--container_executable", f"{CODE}/boot"]
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", _FRESH, "bash"]
    command += [str(scratch), str(environment), str(volume.resolve()), str(image), *hidden, "--"]
    command += [f"{environment}/bin/python", "-c", _POOL, *told]
    words = {
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
        "PYTHONPATH": CODE,
        "HOME": "/tmp",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1",  # boot would make an environment for each job
        **env,
    }
    with _running(command, log, words) as process:
        _wait_for(port, process, log)
        yield f"localhost:{port}"


# boot asks pip what is installed, and to install what a job sends: a root of an environment made by uv has none.
_POOL: Final = """
import importlib.util, runpy, subprocess, sys
if importlib.util.find_spec("pip") is None:
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
runpy.run_module("apache_beam.runners.worker.worker_pool_main", run_name="__main__", alter_sys=True)
"""


@contextlib.contextmanager
def _running(command: list[str], log: pathlib.Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=env, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def boot_script(folder: pathlib.Path) -> pathlib.Path:
    """Starts a worker with this Python. Prism quotes values, and no shell takes the quotes away."""
    script = folder / "boot.sh"
    text = f"""#!/bin/bash
export PATH={sys.prefix}/bin:$PATH PYTHONPATH={ROOT} RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 TF_USE_LEGACY_KERAS=1
export TF_ENABLE_ONEDNN_OPTS=0
words=(); for word in "$@"; do words+=("${{word//\\'/}}"); done
exec {SERVICES}/boot "${{words[@]}}"
"""
    script.write_text(text)
    script.chmod(0o755)
    return script


def until(there: Callable[[], bool], process: subprocess.Popen[str], patience: float) -> None:
    """Waits, while a process runs."""
    end = time.monotonic() + patience
    while not there():
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.05)


def connected(folder: pathlib.Path) -> int:
    """Workers that have reached Prism so far."""
    return (folder / "prism.log").read_text().count("Data channel established")


def workers(folder: pathlib.Path) -> list[int]:
    """Process ids, here, of the pool's workers: descendants of its process alone."""
    log = str(folder / "pool")
    (pool,) = [each for each in psutil.Process().children() if log in " ".join(each.cmdline())]
    workers = [each.pid for each in pool.children(recursive=True) if "sdk_worker_main" in " ".join(each.cmdline())]
    assert workers
    return workers
