import pytest

from schemas.errors import ModelError
from schemas.models import saved_model_folder


def test_a_trainers_artifact_holds_its_model_one_folder_down(tmp_path):
    (tmp_path / "Format-Serving").mkdir()
    (tmp_path / "Format-Serving" / "saved_model.pb").write_bytes(b"graph")
    assert saved_model_folder(str(tmp_path)) == str(tmp_path / "Format-Serving")


def test_a_published_version_is_the_folder_itself(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    assert saved_model_folder(f"{tmp_path}/") == str(tmp_path)


def test_a_folder_without_a_model_is_refused_with_its_address(tmp_path):
    with pytest.raises(ModelError, match=tmp_path.name):
        saved_model_folder(str(tmp_path))
