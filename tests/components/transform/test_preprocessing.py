"""Ids, gaps and vocabularies of the transform graph, by TFT's own analyzers."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.transform import preprocessing
from components.transform.options import Options
from schemas import features as f


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
    assert "user_key" not in found


def test_rows_say_whose_they_are_by_a_hash_where_asked(analyze, make_sequence, as_examples):
    train = [make_sequence(user, ["a"], ["b"]) for user in ("u", "v", "u")]
    found = apply(analyze(train, keys=True), train, as_examples)["user_key"]
    assert found[0] == found[2] != found[1]


def test_rare_items_are_unknown_and_users_get_ids_where_asked(analyze, make_sequence, as_examples):
    train = [make_sequence("u", ["a", "b"], ["b", "a"]), make_sequence("u", ["rare"], [])]
    output = analyze(train, Options(min_frequency=2), users=True)
    found = apply(output, [train[0], make_sequence("stranger", ["rare"], ["b"])], as_examples)
    assert found["user"] == [[2], [1]]
    assert set(output.vocabulary_by_name("items")) == {b"a"}
    assert found["history"][1][0] == 1


def test_contexts_get_ids_of_training_alone_whatever_their_columns_are_called(analyze, make_sequence, as_examples):
    device, place, group = "history_context_Gerät / Art", "history_context_Gerät _ Art", "user_feature_group"
    train = [
        make_sequence("u", ["a", "b"], ["b", "a"], **{device: ["tv", "tv"], place: ["x", ""], group: ["g", "h"]}),
        make_sequence("u", ["b", "a"], ["a", "b"], 1, **{device: ["tv", "web"], place: ["", ""], group: ["g", "h"]}),
        make_sequence("v", ["a"], ["b"], **{device: ["web"], place: ["y"], group: ["h"]}),
    ]
    output = analyze(train)
    evaluation = make_sequence("w", ["a", "b"], ["a"], **{device: ["web", "new"], place: ["y", "x"], group: []})
    found = apply(output, [train[0], evaluation], as_examples)
    assert output.vocabulary_by_name(f.vocabulary_file(device)) == [b"web", b"tv"]  # tv twice, web twice: each once
    assert found[device] == [[3, 3], [2, 1]]
    assert found[place] == [[3, 1], [2, 3]]
    assert found[group] == [[3, 2], [0, 0]]


def test_only_the_most_frequent_contexts_get_an_id(analyze, make_sequence, as_examples):
    train = [make_sequence("u", ["a"] * 3, ["a"] * 3, history_context_device=["tv", "web", "tv"])]
    found = apply(analyze(train, Options(context_values=1)), train, as_examples)
    assert found["history_context_device"] == [[2, 1, 2]]


def test_with_an_items_table_labels_without_an_id_keep_their_name_and_time(analyze, make_sequence, as_examples):
    train = [make_sequence("u", ["a", "b"], ["b", "a"], timestamps=[5, 6])]
    rows = [make_sequence("w", ["a"], ["new"]), make_sequence("w", ["a"], ["b"]), make_sequence("w", ["a"], [])]
    found = apply(analyze(train, items=True), rows, as_examples)
    assert found["label_item"] == [[b"new"], [b""], [b""]]
    assert found["label_timestamp"] == [[1], [1], [0]]


def test_without_side_tables_the_graph_gives_what_it_always_gave(analyze, make_sequence, as_examples):
    train = [make_sequence("u", ["a", "b"], ["b", "a"])]
    found = apply(analyze(train), train, as_examples)
    assert set(found) == {"history", "history_gap", "history_tied", "label", "loss_from", "seen"}


@pytest.mark.parametrize("boundaries", [(), (0, 1), (5, 5), (10, 1)])
def test_boundaries_that_do_not_rise_are_refused(boundaries):
    with pytest.raises(ValidationError):
        Options(gap_boundaries=boundaries)


def test_labels_of_older_spans_count_as_items_and_are_not_learnt(analyze, make_sequence, as_examples):
    rows = [make_sequence("u", "abca", "bcad", learn_from=2), make_sequence("v", "d", "a", learn_from=1)]
    output = analyze(rows)
    assert output.vocabulary_by_name("items") == [b"a", b"d", b"c", b"b"]  # a three times, d twice
    assert apply(output, rows, as_examples)["loss_from"] == [[2], [1]]
