"""What the ratings of the training labels say: their mean, range, and each item's shrunken mean."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import ratings
from schemas.errors import ModelError

LISTS = {name: tf.io.VarLenFeature(tf.int64) for name in ("history", "history_gap", "label", "loss_from", "seen")}
SPEC = {**LISTS, **{name: tf.io.VarLenFeature(tf.float32) for name in ("label_rating", "label_weight")}}


@pytest.fixture
def write(tmp_path):
    """Writes (label, label_rating, label_weight, loss_from) as Transform does."""

    def write_rows(*rows):
        with tf.io.TFRecordWriter(str(tmp_path / "rows.gz"), "GZIP") as writer:
            for label, given, weight, loss_from in rows:
                whole = {"history": [2] * len(label), "history_gap": label, "label": label, "loss_from": [loss_from]}
                features = {key: tf.train.Feature(int64_list=tf.train.Int64List(value=v)) for key, v in whole.items()}
                for key, values in (("label_rating", given), ("label_weight", weight)):
                    features[key] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
        return [str(tmp_path / "rows.gz")]

    return write_rows


def test_means_are_of_the_labels_that_count_by_their_weight(write):
    # Item 0 (id 2) has 5 and, weighing 3, 1; item 1 has 3. Not: before loss_from, unknown item, no rating, no weight.
    files = write(([2, 2, 3], [5, 1, 3], [1, 3, 1], 0), ([3, 1, 4], [9, 9, np.nan], [1, 1, 1], 1), ([3], [9], [0], 0))
    found = ratings.read(files, SPEC, window=4, items=3)
    mean = (5 + 3 * 1 + 3) / 5
    assert (found.mean, found.lowest, found.highest) == (pytest.approx(mean), 1.0, 5.0)
    np.testing.assert_array_equal(found.weights, [4, 1, 0])
    np.testing.assert_allclose(found.of_items(0), [(5 + 3) / 4 - mean, 3 - mean, 0])
    np.testing.assert_allclose(found.of_items(6), [(8 - 4 * mean) / 10, (3 - mean) / 7, 0])


def test_labels_without_any_rating_are_refused(write):
    files = write(([2, 3], [np.nan, np.nan], [1, 1], 0))
    with pytest.raises(ModelError, match="no rating to learn from"):
        ratings.read(files, SPEC, window=4, items=3)
    with pytest.raises(ModelError, match=r"example_gen\.columns\.rating"):
        ratings.read(files, LISTS, window=4, items=3)
