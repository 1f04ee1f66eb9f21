"""Which of the two stacks fits this machine, and why: the one place where they differ before anything is installed.

Runs on any Python from 3.6 on, standard library alone, since it comes before the environment. After the set-up the
two differ by Python's version alone: the markers in requirements.lock pick each one's packages.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections import namedtuple

# name, Python versions in order of preference, whether a package must be compiled, a line for people
Stack = namedtuple("Stack", "name pythons compiles line")
# ml-metadata and data-validation of TFX 1.21 come as manylinux_2_39 wheels alone, for every Python: glibc decides.
NEWER = Stack("newer", ("3.13", "3.12", "3.11"), False, "TFX 1.21, TensorFlow 2.21")
# TFX 1.16 is the last one for older systems, and Python 3.10 the only one it shares with our other packages. Its
# data-validation wants a pyfarmhash that has no wheel.
OLDER = Stack("older", ("3.10",), True, "TFX 1.16, TensorFlow 2.16")
NEWER_GLIBC = (2, 39)
OLDER_GLIBC = (2, 17)  # manylinux2014

Python = namedtuple("Python", "path version headers")

_PROBE = (
    "import os, sys, sysconfig as s, struct;"
    "assert struct.calcsize('P') == 8 and not s.get_config_var('Py_GIL_DISABLED');"
    "print('%d.%d' % sys.version_info[:2],"
    " os.path.isfile(os.path.join(s.get_paths()['include'], 'Python.h')), sys.executable)"
)


class UnfitError(Exception):
    """This machine lacks something; the message says what to install."""


def glibc():
    """(major, minor) of the system's C library, or None where it is another one (Alpine's musl)."""
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").split()
    except (AttributeError, OSError, ValueError):
        return None
    return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else None


def choose(libc, system="Linux", machine="x86_64"):
    """The stack for a C library's version; `system` and `machine` as the platform module names them.

    Raises: UnfitError: none of the two can be installed there.
    """
    if (system, machine) != ("Linux", "x86_64"):
        raise UnfitError("TFX has packages for Linux on x86_64 alone; this is {} on {}.".format(system, machine))
    if libc is None or libc < OLDER_GLIBC:
        found = "another one" if libc is None else "%d.%d" % libc
        raise UnfitError(
            "TFX needs the GNU C library, 2.17 or newer; this system has {}.\n"
            "Next: use Debian, Ubuntu or Fedora; Alpine's musl is not supported.".format(found)
        )
    return NEWER if libc >= NEWER_GLIBC else OLDER


def this_system():
    """The stack for this machine. Raises: UnfitError."""
    return choose(glibc(), platform.system(), platform.machine())


def probe(path):
    """Python(path, version, headers) of an interpreter, or None if it doesn't really run, as some pyenv shims don't."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return None
    version, headers, executable = answer.stdout.decode().strip().split(" ", 2)
    return Python(executable, version, headers == "True")


def candidates(version):
    """Paths at which a Python of `version` ("3.10") may lie, best first; none of them need work."""
    name = "python" + version
    yield from filter(None, [shutil.which(name), sys.executable, shutil.which("python3"), shutil.which("python")])
    yield from ("/usr/bin/" + name, "/usr/local/bin/" + name)
    pyenv = os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    installed = os.listdir(pyenv) if os.path.isdir(pyenv) else []
    for folder in sorted(installed, key=_by_number, reverse=True):
        yield os.path.join(pyenv, folder, "bin", name)


def _by_number(folder):
    return [int(part) if part.isdigit() else -1 for part in folder.split(".")]


def find_python(stack, extra=()):
    """The best Python for `stack` on this machine, or None; one with headers goes first where something is compiled.

    Args:
        extra: more paths to look at, after all others.
    """
    found = []
    for version in stack.pythons:
        for path in list(candidates(version)) + list(extra):
            python = probe(path) if os.path.exists(path) else None
            if python and python.version == version:
                if python.headers or not stack.compiles:
                    return python
                found.append(python)
    return found[0] if found else None


def packages_command(*wanted):
    """How this system's own package manager installs "python", "venv", "compiler" or "headers"."""
    family = _family()
    names = {
        "debian": {"python": "python3", "venv": "python3-venv", "compiler": "g++", "headers": "python3.10-dev"},
        "fedora": {"python": "python3", "venv": "python3", "compiler": "gcc-c++", "headers": "python3.10-devel"},
        "suse": {"python": "python3", "venv": "python3", "compiler": "gcc-c++", "headers": "python310-devel"},
        "arch": {"python": "python", "venv": "python", "compiler": "gcc", "headers": "python"},
    }
    tool = {"debian": "apt-get install", "fedora": "dnf install", "suse": "zypper install", "arch": "pacman -S"}
    if family is None:
        return "install " + " and ".join(wanted) + " with your system's package manager"
    return " ".join([tool[family], *sorted({names[family][what] for what in wanted})])


def _family():
    """debian, fedora, suse or arch, from /etc/os-release; None for others."""
    try:
        with open("/etc/os-release") as file:
            lines = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    except OSError:
        return None
    words = (lines.get("ID", "") + " " + lines.get("ID_LIKE", "")).replace('"', "").split()
    for word, family in (("debian", "debian"), ("ubuntu", "debian"), ("fedora", "fedora"), ("rhel", "fedora"),
                         ("suse", "suse"), ("opensuse", "suse"), ("arch", "arch")):  # fmt: skip
        if word in words:
            return family
    return None


def check_compiler(python):
    """Says what is missing for compiling pyfarmhash (the older stack). Raises: UnfitError."""
    missing = []
    if not (shutil.which("g++") or shutil.which("c++")):
        missing.append("compiler")
    if python is not None and not python.headers:
        missing.append("headers")
    if missing:
        raise UnfitError(
            "The older stack compiles one small package (pyfarmhash), which needs a C++ compiler and Python's headers; "
            "missing here: {}.\nNext: {}".format(" and ".join(missing), packages_command(*missing))
        )


if __name__ == "__main__":
    try:
        print(this_system().name)
    except UnfitError as unfit:
        sys.exit("seqrank set-up: {}".format(unfit))
