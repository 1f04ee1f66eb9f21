"""A folder's digest follows names and contents, and nothing else."""

import shutil

import pytest

from schemas.digest import directory_digest
from schemas.errors import ModelError


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"graph")
    (path / "variables" / "data").write_bytes(b"weights")
    return path


def test_digest_of_a_copy_is_the_same(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    assert directory_digest(str(folder)) == directory_digest(str(copy)) == directory_digest(f"file://{copy}/")


def test_digest_changes_with_a_byte_and_with_a_name(folder):
    before = directory_digest(str(folder))
    (folder / "saved_model.pb").write_bytes(b"grapH")
    changed = directory_digest(str(folder))
    (folder / "saved_model.pb").rename(folder / "saved_model.pbtxt")
    assert len({before, changed, directory_digest(str(folder))}) == 3


def test_digest_passes_over_what_is_left_out(folder):
    before = directory_digest(str(folder))
    (folder / "manifest.json").write_text("{}")
    assert directory_digest(str(folder), leave_out=["manifest.json"]) == before != directory_digest(str(folder))


def test_digest_of_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no file"):
        directory_digest(str(tmp_path))
