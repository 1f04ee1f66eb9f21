"""Makes .venv/ from the lock: finds uv and a Python that fits, installs with hashes, puts the checkout on its path.

`make setup` runs it. A stamp in .venv/ says what it was made from, so that a second call costs nothing. Runs on any
Python from 3.6 on, standard library alone.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import stack as stacks

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".seqrank-setup")
LOCK = "requirements.lock"
GPU_LOCK = "requirements-gpu.lock"  # CUDA's libraries, on top of the first
UV_LOCK = "requirements-uv.lock"  # uv itself, for machines that have none
MINIMUM_UV = (0, 5)  # reads the lock's markers and hashes as we need them


def main():
    """Returns: exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", choices=["0", "1", ""], default="", help="CUDA's libraries too; '': as last time")
    parser.add_argument("--installer", choices=["uv", "pip", ""], default="", help="pip: do without uv")
    options = parser.parse_args()
    os.chdir(ROOT)
    before = _read_stamp()
    gpu = options.gpu == "1" or (options.gpu == "" and before.get("gpu", False))
    stamp = {"gpu": gpu, "root": ROOT, "made_from": _digest(gpu)}
    if before == stamp and _works(os.path.join(VENV, "bin", "seqrank")) and _works(PYTHON):
        return 0
    try:
        _make(gpu, options.installer)
    except stacks.UnfitError as unfit:
        print("seqrank set-up: {}".format(unfit), file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print("seqrank set-up: `{}` failed, see above.".format(" ".join(error.cmd)), file=sys.stderr)
        return 1
    with open(STAMP, "w") as file:
        json.dump(stamp, file)
    return 0


def _make(gpu, installer):
    started = time.time()
    stack = stacks.this_system()
    _say("{} stack ({}): glibc is {}.{}".format(stack.name, stack.line, *stacks.glibc()))
    uv = None if installer == "pip" else _find_uv() or _install_uv(required=installer == "uv")
    python = _find_python(stack, uv)
    if stack.compiles:
        stacks.check_compiler(python)
    _say("Python {} ({}), {}".format(python.version, python.path, "uv" if uv else "pip"))
    if os.path.lexists(STAMP):
        os.remove(STAMP)  # from here on the environment is neither the old one nor the new one
    _make_venv(python, uv)
    locks = [LOCK] + ([GPU_LOCK] if gpu else [])
    _say("installing the packages of {} (a first download takes minutes)".format(" and ".join(locks)))
    _install(locks, uv)
    _say("done in {:.0f} s".format(time.time() - started))


def _say(line):
    print("setup: " + line, flush=True)


def _run(*command):
    subprocess.run(list(command), check=True, cwd=ROOT)


def _works(path):
    return os.path.exists(path) and os.access(path, os.X_OK)


def _read_stamp():
    try:
        with open(STAMP) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _digest(gpu):
    """What the environment depends on: locks, our own metadata, and how it is made."""
    digest = hashlib.sha256()
    names = [LOCK, "pyproject.toml", "scripts/setup_env.py", "scripts/stack.py"] + ([GPU_LOCK] if gpu else [])
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def _find_uv():
    """A uv that works and is new enough: ours from last time, else the machine's; or None."""
    for path in (os.path.join(ROOT, ".uv", "bin", "uv"), shutil.which("uv")):
        if path and os.path.exists(path) and _uv_version(path) >= MINIMUM_UV:
            return path
    return None


def _uv_version(path):
    try:
        answer = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
        return tuple(int(part) for part in answer.stdout.decode().split()[1].split(".")[:2])
    except (OSError, subprocess.TimeoutExpired, IndexError, ValueError):
        return (0, 0)


def _install_uv(required):
    """uv from its locked wheel into .uv/, by pip. None where that can't be and pip alone will do."""
    home = os.path.join(ROOT, ".uv")
    _say("no uv here: installing one into .uv/")
    shutil.rmtree(home, ignore_errors=True)
    try:
        _bare_venv(sys.executable, home)
        pip = [os.path.join(home, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run(*([*pip, "--require-hashes", "-r", UV_LOCK]))
    except subprocess.CalledProcessError:
        if required:
            raise
        _say("uv can't be had here, so pip installs (slower)")
        return None
    return os.path.join(home, "bin", "uv")


def _bare_venv(python, home):
    """A venv with pip. Raises: stacks.UnfitError: this Python has no venv module that works."""
    able = subprocess.run([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL)
    if able.returncode:
        raise stacks.UnfitError(
            "{} has no venv module that works.\nNext: {}".format(python, stacks.packages_command("venv"))
        )
    _run(python, "-m", "venv", home)


def _find_python(stack, uv):
    """A Python for the stack, fetched by uv if the machine has none. Raises: stacks.UnfitError."""
    python = stacks.find_python(stack, _uvs_own(stack, uv))
    if python is None and uv:
        _say("no Python {} here: uv fetches one".format(" to ".join(sorted({stack.pythons[-1], stack.pythons[0]}))))
        version = stack.pythons[min(1, len(stack.pythons) - 1)]
        subprocess.run([uv, "python", "install", "--quiet", version], cwd=ROOT)
        python = stacks.find_python(stack, _uvs_own(stack, uv))
    if python is None:
        raise stacks.UnfitError(
            "The {} stack needs Python {}; none that runs was found on PATH, in /usr/bin or under pyenv, and uv could "
            "not fetch one.\nNext: install one of them (`pyenv install {}`, or your system's package), then repeat."
            .format(stack.name, " or ".join(stack.pythons), stack.pythons[0])
        )  # fmt: skip
    return python


def _uvs_own(stack, uv):
    """Pythons that uv fetched earlier."""
    paths = []
    for version in stack.pythons if uv else ():
        command = [uv, "python", "find", "--no-python-downloads", "--no-project", "--system", version]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
        paths += answer.stdout.decode().split("\n")[:1] if answer.returncode == 0 else []
    return paths


def _make_venv(python, uv):
    """An empty .venv/ on `python`; one that is on the same version already is kept and brought up to date."""
    current = stacks.probe(PYTHON) if _works(PYTHON) else None
    if current and current.version == python.version:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        _run(uv, "venv", "--quiet", "--no-project", "--python", python.path, VENV)
    else:
        _bare_venv(python.path, VENV)


def _install(locks, uv):
    """The locked packages, each checked against its hash, then the checkout itself as an editable install.

    compat: a plain path to the checkout. setuptools' default finder lists the packages of today and misses new ones.
    """
    editable = ["--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat", "-e", "."]
    if uv:
        _run(*([uv, "pip", "sync", "--quiet", "--python", PYTHON, "--require-hashes", *locks]))
        _run(*([uv, "pip", "install", "--quiet", "--python", PYTHON, *editable]))
        return
    if not _works(os.path.join(VENV, "bin", "pip")):
        _run(PYTHON, "-m", "ensurepip")
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # --no-deps: the lock is complete, and pip can't know uv's override of pyfarmhash.
    _run(*(pip + ["--no-deps", "--require-hashes"] + [word for lock in locks for word in ("-r", lock)]))
    _run(*(pip + editable))


if __name__ == "__main__":
    sys.exit(main())
