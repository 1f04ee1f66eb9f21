"""The list of users to be forgotten."""

import pyarrow as pa
import pytest

from schemas import forgotten
from schemas.errors import ConfigError, DataError
from schemas.forgotten import Forgotten


def test_what_is_added_is_on_the_list_once_and_in_order(tmp_path):
    place = str(tmp_path / "forgotten.txt")
    assert forgotten.add(place, ["b", "a", "b"]) == ["b", "a"]
    assert forgotten.add(place, ["a", "ü 3\u2028"]) == ["ü 3\u2028"]
    assert (tmp_path / "forgotten.txt").read_text() == "b\na\nü 3\u2028\n"
    found = Forgotten.load(place)
    assert found.users == {"a", "b", "ü 3\u2028"}
    assert found.among(pa.array(["a", None, "c"])).to_pylist() == [True, False, False]
    assert [path.name for path in tmp_path.iterdir()] == ["forgotten.txt"]


def test_a_list_in_an_object_store_is_like_any_other():
    assert forgotten.add("memory://lists/forgotten.txt", ["a"]) == ["a"]
    assert forgotten.add("memory://lists/forgotten.txt", ["a", "b"]) == ["b"]
    assert Forgotten.load("memory://lists/forgotten.txt").users == {"a", "b"}


def test_a_list_that_is_named_and_not_there_brings_nobody_back(tmp_path):
    assert not Forgotten.load(None)
    with pytest.raises(DataError, match="can't be read"):
        Forgotten.load(str(tmp_path / "nowhere.txt"))
    (tmp_path / "latin.txt").write_bytes(b"\xe9\n")
    with pytest.raises(DataError, match="UTF-8"):
        Forgotten.load(str(tmp_path / "latin.txt"))


@pytest.mark.parametrize("user", ["", "a\nb", "a\r"])
def test_what_is_no_line_is_refused(tmp_path, user):
    with pytest.raises(ConfigError, match="no user id"):
        forgotten.add(str(tmp_path / "forgotten.txt"), ["a", user])
    assert not (tmp_path / "forgotten.txt").exists()


def test_another_list_is_another_fingerprint_and_none_changes_nothing():
    assert Forgotten().mark("f") == "f"
    assert Forgotten("ab").mark("f") == Forgotten("ba").mark("f") != Forgotten("a").mark("f")
