"""Ids, gaps and vocabularies of the transform graph, by TFT's own analyzers."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.transform import preprocessing
from components.transform.options import Options


def apply(output, rows, as_examples):
    raw = tf.io.parse_example(as_examples(rows), output.raw_feature_spec())
    transformed = output.transform_features_layer()(raw)
    return {
        name: (tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value).numpy().tolist()
        for name, value in transformed.items()
    }


def test_overlapping_windows_count_each_interaction_once(make_sequence):
    events = list("abcabda")
    windows = [
        make_sequence("u", events[0:3], events[1:4]),
        make_sequence("u", events[1:4], events[2:5], loss_from=2),
        make_sequence("u", events[3:6], events[4:7], loss_from=1),
        make_sequence("v", ["z"], []),  # one training event: an item, though nothing follows it
    ]
    history = tf.ragged.constant([w["history"] for w in windows]).to_sparse()
    label = tf.ragged.constant([w["label"] for w in windows]).to_sparse()
    start = tf.constant([w["loss_from"] for w in windows], tf.int64)
    found = collections.Counter(preprocessing.training_items(history, label, start).numpy().tolist())
    assert found == collections.Counter(item.encode() for item in [*events, "z"])


def test_gap_buckets_begin_at_their_boundary_and_unknown_is_zero():
    times = [[1_000, 1_999, 2_999, 12_999], [5_000, 0, 6_000, 6_000]]  # gaps 999, 1000 and 10000 ms; unknown twice; 0
    found = preprocessing.gap_buckets(tf.ragged.constant(times, tf.int64).to_sparse(), (1, 10))
    np.testing.assert_array_equal(tf.sparse.to_dense(found), [[0, 1, 2, 3], [0, 0, 0, 1]])
    assert Options(gap_boundaries=(1, 10)).gaps == 4


def test_vocabulary_holds_training_items_by_frequency_and_nothing_else(analyze, make_sequence, as_examples):
    train = [
        make_sequence("u", ["b", "a"], ["a", "a"]),
        make_sequence("v", ["a", "b"], ["b", "c"]),
    ]
    output = analyze(train)
    assert output.vocabulary_by_name("items") == [b"a", b"b", b"c"]
    evaluation = [make_sequence("w", ["c", "cold"], ["new"], seen=["a", "old"])]
    found = apply(output, evaluation, as_examples)
    assert (found["history"], found["label"], found["seen"]) == ([[4, 1]], [[1]], [[2, 1]])
    assert found["loss_from"] == [[0]]
    assert "user" not in found


def test_rare_items_are_unknown_and_users_get_ids_where_asked(analyze, make_sequence, as_examples):
    train = [make_sequence("u", ["a", "b"], ["b", "a"]), make_sequence("u", ["rare"], [])]
    output = analyze(train, Options(min_frequency=2), users=True)
    found = apply(output, [train[0], make_sequence("stranger", ["rare"], ["b"])], as_examples)
    assert found["user"] == [[2], [1]]
    assert set(output.vocabulary_by_name("items")) == {b"a"}
    assert found["history"][1][0] == 1


@pytest.mark.parametrize("boundaries", [(), (0, 1), (5, 5), (10, 1)])
def test_boundaries_that_do_not_rise_are_refused(boundaries):
    with pytest.raises(ValidationError):
        Options(gap_boundaries=boundaries)
