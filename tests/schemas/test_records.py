import numpy as np
import pyarrow as pa
import pydantic
import pytest
import tensorflow as tf

from schemas.records import ReadCounts, ReadFile, from_examples, lists, to_examples

COUNTS = ReadCounts(read=3, used=2, rejected=1, reasons={"item is missing": 1},
                    files=[ReadFile(name="a.csv", size=9, sha256="0" * 64, read=3, rejected=1)])  # fmt: skip


def test_saved_record_is_loaded_unchanged(tmp_path):
    COUNTS.save(tmp_path / "counts.json")
    assert ReadCounts.load(tmp_path / "counts.json") == COUNTS


def test_record_with_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "counts.json"
    path.write_text('{"read": 1, "surprise": 2}')
    with pytest.raises(pydantic.ValidationError, match="surprise"):
        ReadCounts.load(path)


@pytest.mark.parametrize("text", [pa.string(), pa.binary(), pa.large_binary()])
def test_sequences_survive_the_way_to_examples_and_back(text):
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([[b"i1", b"i2"], [b"i3"]], pa.list_(pa.binary())).cast(pa.list_(text)),
            pa.array([[1, 2], [3]], pa.list_(pa.int64())),
            pa.array([[0.5], [1.0]], pa.list_(pa.float32())),
        ],
        names=["history", "history_timestamp", "label_weight"],
    )
    back = from_examples(to_examples(batch)).to_pydict()
    assert back["history"] == [[b"i1", b"i2"], [b"i3"]]
    assert back["history_timestamp"] == [[1, 2], [3]]
    assert back["label_weight"] == [[0.5], [1.0]]


def test_examples_are_ordinary_tensorflow_examples():
    batch = pa.RecordBatch.from_arrays([pa.array([["é"]], pa.list_(pa.string()))], names=["label"])
    example = tf.train.Example.FromString(to_examples(batch)[0])
    assert example.features.feature["label"].bytes_list.value == ["é".encode()]


def test_lists_leave_out_what_is_not_there_and_keep_empty_rows():
    items = np.array([[b"a", b"b"], [b"c", b""], [b"", b""]], dtype=object)
    assert lists(items, items != b"", pa.binary()).to_pylist() == [[b"a", b"b"], [b"c"], []]
