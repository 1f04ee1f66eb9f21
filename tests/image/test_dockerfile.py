"""What the Dockerfile says, as far as it shows without making the image: `make test-image` performs it."""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from pipeline.runners.kubeflow.options import KubeflowOptions

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader():
    spec = importlib.util.spec_from_file_location("reader", pathlib.Path(__file__).with_name("reader.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["reader"] = module
    spec.loader.exec_module(module)
    return module


def test_hadolint_finds_nothing():
    linter = pathlib.Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_base_is_pinned_and_new_enough_for_the_newer_stack(reader):
    names = {stage.name for stage in reader.stages(TEXT)}
    bases = {stage.base for stage in reader.stages(TEXT)} - names
    (base,) = bases
    assert re.fullmatch(r"python:3\.13\.\d+-slim-trixie", base)  # Debian 13: glibc 2.41


def test_what_is_copied_is_in_the_context_and_nothing_else_is(reader):
    context = reader.context(ROOT, (ROOT / ".dockerignore").read_text())
    assert {path.parts[0] for path in context} <= {
        "pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements.lock", "requirements-gpu.lock",
        "requirements-uv.lock", "scripts", "pipeline", "components", "inspection", "serving", "ranker", "schemas",
    }  # fmt: skip
    assert not [path for path in context if "__pycache__" in path.parts]
    for stage in reader.stages(TEXT):
        for instruction in stage.instructions:
            if instruction.name == "COPY" and not instruction.flag("from"):
                for source in instruction.text.split()[:-1]:
                    assert [path for path in context if pathlib.PurePosixPath(source) in (path, *path.parents)], source


def test_every_package_of_ours_is_in_the_last_stage(reader):
    from setuptools import find_packages

    include = [f"{name}*" for name in ("pipeline", "components", "inspection", "serving", "ranker", "schemas")]
    ours = {name.split(".")[0] for name in find_packages(str(ROOT), include=include)}
    copied = {
        instruction.text.split()[-1]
        for stage in reader.needed(reader.stages(TEXT), "seqrank")
        for instruction in stage.instructions
        if instruction.name == "COPY" and instruction.flag("from")
    }
    assert copied == ours | {".venv"}


def test_every_stage_that_runs_ends_as_a_user_by_number(reader):
    stages = {stage.name: stage for stage in reader.stages(TEXT)}
    for name in ("steps", "beam-worker"):
        users = [instruction.text for instruction in stages[name].instructions if instruction.name == "USER"]
        assert users[-1] == "10001:0"  # Kubernetes can tell from a number alone that it isn't root


def test_beams_boot_program_is_of_the_locked_beam():
    (version,) = re.findall(r"^COPY --from=apache/beam_python3\.13_sdk:(\S+) ", TEXT, re.MULTILINE)
    locked = re.findall(
        r"^apache-beam(?:\[.*\])?==(\S+) ; (.*)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert version in [found for found, marker in locked if "python_full_version >= '3.11'" in marker]


def test_an_unknown_instruction_is_refused(reader):
    with pytest.raises(ValueError, match="Dockerfile:2: VOLUME isn't known here"):
        reader.stages("FROM debian\nVOLUME /data\n")
    with pytest.raises(ValueError, match="Dockerfile:1: RUN isn't known here"):
        reader.stages("RUN true\n")


def test_lines_are_joined_and_flags_taken_apart(reader):
    (stage,) = reader.stages(
        "FROM a AS b\nRUN --mount=type=cache,target=/c \\\n  # why\n  --x=1 \\\n  make && \\\n  true\n"
    )
    (run,) = stage.instructions
    assert (stage.base, stage.name) == ("a", "b")
    assert run.flags == (("mount", "type=cache,target=/c"), ("x", "1"))
    assert run.text == "make && true"
    assert run.line == 2


def test_names_are_filled_in_from_before(reader):
    assert reader.pairs('PATH=/venv:$PATH NOTE="a b" NEW=${PATH}', {"PATH": "/bin"}) == {
        "PATH": "/venv:/bin", "NOTE": "a b", "NEW": "/bin",
    }  # fmt: skip


def test_the_last_pattern_that_fits_decides(reader, tmp_path):
    for name in ("kept/a.py", "kept/__pycache__/a.pyc", "left/b.py", "c.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = reader.context(tmp_path, "# all but\n*\n!kept\n**/__pycache__\n")
    assert list(map(str, found)) == ["kept/a.py"]


@pytest.fixture
def make(tmp_path):
    """`make image` where the path holds these programs and no others; an engine only says what it is told."""

    def run(*engines, **variables):
        for program in ("sh", "git", "awk", "python3"):
            os.symlink(shutil.which(program), tmp_path / program)
        for engine in engines:
            script = tmp_path / engine
            script.write_text(f'#!/bin/sh\n[ "$1" = info ] || echo {engine} "$@"\n')
            script.chmod(0o755)
        words = [shutil.which("make"), "image", *(f"{name}={value}" for name, value in variables.items())]
        return subprocess.run(words, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)

    return run


def test_without_an_engine_make_image_says_what_it_needs(make):
    done = make()
    assert done.returncode
    assert done.stderr.splitlines()[0] == "seqrank: make image needs Docker or Podman, and its engine has to run"


def test_what_make_image_builds_is_what_the_options_name(make):
    assert make("docker").stdout.split()[-3:] == ["--tag", KubeflowOptions().image, "."]


def test_make_image_tells_the_engine_which_variant_and_commit(make):
    done = make("podman", IMAGE="shop:7", GPU="1")
    assert done.returncode == 0, done.stderr
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    words = done.stdout.split()
    assert words[:4] == ["podman", "build", "--build-arg", "GPU=1"]
    assert words[5].rstrip("+") == f"COMMIT={head}"
    assert words[6:] == ["--target", "seqrank", "--tag", "shop:7", "."]
