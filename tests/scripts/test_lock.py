"""The lock files: complete, hashed, bound to no index, and able to be installed together."""

import pathlib
import re

import pytest

from scripts import lock

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", "requirements-gpu.lock", "requirements-uv.lock"]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name):
    entries = lock.blocks((ROOT / name).read_text())
    assert entries
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_index_is_named(name):
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / name).read_text())


def test_gpu_lock_pins_nothing_twice():
    def names(file):
        return {lock.name(entry) for entry in lock.blocks((ROOT / file).read_text())}

    assert not names("requirements.lock") & names("requirements-gpu.lock")


@pytest.mark.parametrize("tfx", ["tfx==1.16.0", "tfx==1.21.0"])
def test_both_stacks_are_locked(tfx):
    assert any(entry.startswith(tfx + " ;") for entry in lock.blocks((ROOT / "requirements.lock").read_text()))


def test_blocks_keep_a_pin_with_its_hashes():
    text = (
        "# made by make lock\na==1 ; x \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\n"
    )
    assert [lock.name(entry) for entry in lock.blocks(text)] == ["a", "b"]
    assert "".join(lock.blocks(text)) == text.split("\n", 1)[1]
