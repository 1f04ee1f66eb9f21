"""Which stack a system gets, and whether a Python that can't run is passed over."""

import os
import pathlib
import stat
import sys

import pytest

from scripts import stack


def fake_python(path: pathlib.Path, answer: str, status: int = 0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def bare_system(monkeypatch, tmp_path):
    """No Python on PATH, under /usr or from this process; pyenv lies in tmp_path."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(sys, "executable", "")
    real = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: str(path).startswith(str(tmp_path)) and real(path))
    return tmp_path


@pytest.mark.parametrize(
    ("libc", "expected"),
    [((2, 39), stack.NEWER), ((2, 41), stack.NEWER), ((2, 36), stack.OLDER), ((2, 17), stack.OLDER)],
)
def test_glibc_decides_the_stack(libc, expected):
    assert stack.choose(libc) is expected


@pytest.mark.parametrize(
    ("system", "names"),
    [
        ({"libc": None}, "Alpine"),
        ({"libc": (2, 12)}, r"2\.12"),
        ({"libc": (2, 41), "machine": "aarch64"}, "aarch64"),
        ({"libc": None, "system": "Darwin"}, "Darwin"),
    ],
)
def test_unsupported_system_is_told_what_is_missing(system, names):
    with pytest.raises(stack.UnfitError, match=names):
        stack.choose(**system)


def test_this_python_is_probed_with_its_version():
    assert stack.probe(sys.executable).version == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_shim_that_fails_is_passed_over_for_pyenvs_own_version(bare_system):
    fake_python(bare_system / "bin/python3.10", "", status=127)
    fake_python(bare_system / "pyenv/versions/3.10.13/bin/python3.10", "3.10 True /pyenv/3.10")
    fake_python(bare_system / "pyenv/versions/3.9.1/bin/python3.9", "3.9 True /pyenv/3.9")
    assert stack.find_python(stack.OLDER) == stack.Python("/pyenv/3.10", "3.10", True)


def test_newest_patch_release_under_pyenv_wins(bare_system):
    fake_python(bare_system / "pyenv/versions/3.10.9/bin/python3.10", "3.10 True nine")
    fake_python(bare_system / "pyenv/versions/3.10.13/bin/python3.10", "3.10 True thirteen")
    assert stack.find_python(stack.OLDER).path == "thirteen"


def test_python_with_headers_is_preferred_where_something_is_compiled(bare_system):
    fake_python(bare_system / "bin/python3.10", "3.10 False without")
    fake_python(bare_system / "pyenv/versions/3.10.13/bin/python3.10", "3.10 True with")
    assert stack.find_python(stack.OLDER).path == "with"


def test_no_python_that_fits_is_none(bare_system):
    fake_python(bare_system / "bin/python3", "3.9 True old")
    assert stack.find_python(stack.NEWER) is None


def test_missing_compiler_is_named_with_what_to_install(bare_system):
    with pytest.raises(stack.UnfitError, match="compiler and headers"):
        stack.check_compiler(stack.Python("python3.10", "3.10", False))


def test_compiler_and_headers_are_enough(bare_system):
    fake_python(bare_system / "bin/g++", "")
    stack.check_compiler(stack.Python("python3.10", "3.10", True))


@pytest.mark.parametrize(
    ("family", "command"),
    [
        ("debian", "apt-get install g++ python3.10-dev"),
        ("fedora", "dnf install gcc-c++ python3.10-devel"),
        (None, "install compiler and headers with your system's package manager"),
    ],
)
def test_package_names_are_the_systems_own(monkeypatch, family, command):
    monkeypatch.setattr(stack, "_family", lambda: family)
    assert stack.packages_command("compiler", "headers") == command
