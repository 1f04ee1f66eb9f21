"""SequenceGen as a whole: Parquet in, sequences and counts out, through Beam."""

from __future__ import annotations

import numpy as np
import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.sequence_gen.options import Options
from schemas import features as f
from schemas.errors import DataError
from schemas.logs import parquet_files


def made_log(seed: int, rows: int = 600) -> dict[str, list]:
    """Random users, items and many equal timestamps, with a few rows written twice."""
    rng = np.random.default_rng(seed)
    columns = {
        f.USER_ID: [f"u{n}" for n in rng.zipf(1.4, rows) % 40],
        f.ITEM_ID: [f"i{n}" for n in rng.zipf(1.4, rows) % 30],
        f.TIMESTAMP: rng.integers(0, 60, rows).tolist(),
        f.TIE: rng.integers(-(2**60), 2**60, rows).tolist(),
    }
    return {name: values + values[:9] for name, values in columns.items()}


def shuffled(columns: dict[str, list], seed: int) -> dict[str, list]:
    """The same rows in another order."""
    order = np.random.default_rng(seed).permutation(len(columns[f.USER_ID]))
    return {name: [values[i] for i in order] for name, values in columns.items()}


def test_leave_last_out_gives_each_user_a_test_and_a_validation_label(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "abcde", "bob": "xy", "cy": "z"}))
    train = {row[f.USER_ID][0]: row for row in ran.rows(f.TRAIN)}
    assert train[b"ann"][f.HISTORY] == [b"a", b"b"]
    assert train[b"ann"][f.LABEL] == [b"b", b"c"]
    assert train[b"bob"][f.LABEL] == [b"y"]
    assert train[b"cy"][f.HISTORY] == [b"z"]
    assert not train[b"cy"].get(f.LABEL)
    (valid,), (test,) = ran.rows(f.VALID), ran.rows(f.TEST)
    assert (valid[f.HISTORY], valid[f.LABEL]) == ([b"a", b"b", b"c"], [b"d"])
    assert (test[f.HISTORY], test[f.LABEL]) == ([b"a", b"b", b"c", b"d"], [b"e"])
    assert (test[f.HISTORY_TIMESTAMP], test[f.LABEL_TIMESTAMP]) == ([0, 10, 20, 30], [40])
    assert test[f.LABEL_POPULARITY] == [b"cold"]


def test_outputs_carry_the_properties_that_later_stages_read(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "abcde", "bob": "xyz"}), window=4, mask_seen=False)
    sequences, item_counts = ran.artifacts["sequences"], ran.artifacts["item_counts"]
    assert artifact_utils.decode_split_names(sequences.split_names) == [f.TRAIN, f.VALID, f.TEST]
    assert sequences.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert (item_counts.window, item_counts.mask_seen) == (4, 0)
    assert (item_counts.items, item_counts.interactions) == (4, 4)  # a, b, c and x
    assert not (tmp_path / "sequences" / ".temporary").exists()


def test_item_counts_are_those_of_training_and_in_order(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "babxyz", "bob": "bcaxy", "cy": "aab"}))
    # ann trains b a b x, bob b c a, cy a
    assert ran.counts.to_pydict() == {"item_id": ["a", "b", "c", "x"], "count": [3, 3, 1, 1]}


@pytest.mark.parametrize(
    "split", [{"name": "leave_last_out"}, {"name": "global_time", "valid_from": 0.03, "test_from": 0.045}]
)
def test_sequences_are_the_same_whatever_the_buckets_the_files_and_the_order(tmp_path, split, run):
    columns = made_log(3)
    one = run(tmp_path / "one", columns, split=split, buckets=1)
    many = run(tmp_path / "many", shuffled(columns, 5), split=split, buckets=7, files=4)
    for name in f.SEQUENCE_SPLITS:
        assert one.rows(name) == many.rows(name)
    assert one.counts.equals(many.counts)
    assert one.report.model_copy(update={"buckets": 7}) == many.report
    assert one.report.duplicates == 9


def test_buckets_become_files_whose_names_tell_their_order(tmp_path, run):
    ran = run(tmp_path, made_log(1), buckets=3)
    for name in f.SEQUENCE_SPLITS:
        files = sorted(file.name for file in (ran.root / "sequences" / f"Split-{name}").iterdir())
        assert files == [f"data_tfrecord-{number:05d}-of-00003.gz" for number in range(3)]


@pytest.mark.parametrize(
    "split", [{"name": "leave_last_out"}, {"name": "global_time", "valid_from": 0.03, "test_from": 0.045}]
)
def test_nothing_of_validation_or_test_reaches_counts_or_training(tmp_path, split, run):
    columns = made_log(11, rows=900)
    # Each event has an item of its own, so an item that is found tells which event leaked.
    columns[f.ITEM_ID] = [f"{n}" for n in range(len(columns[f.USER_ID]))]
    ran = run(tmp_path, columns, split=split, buckets=4)
    held_out = {row[f.LABEL][0] for name in (f.VALID, f.TEST) for row in ran.rows(name)}
    train = {item for row in ran.rows(f.TRAIN) for item in row[f.HISTORY] + (row.get(f.LABEL) or [])}
    assert held_out
    assert not held_out & train
    assert {item.encode() for item in ran.counts["item_id"].to_pylist()} == train
    assert all(row[f.LABEL_POPULARITY] == [b"cold"] for name in (f.VALID, f.TEST) for row in ran.rows(name))
    if split["name"] == "global_time":
        assert (
            max(t for row in ran.rows(f.TRAIN) for t in row[f.HISTORY_TIMESTAMP] + (row.get(f.LABEL_TIMESTAMP) or []))
            < 30
        )


def test_each_training_interaction_is_found_once_in_the_windows(tmp_path, run):
    ran = run(tmp_path, made_log(2), window=4, overlap=2)
    found: dict[str, int] = {}
    for row in ran.rows(f.TRAIN):
        start = row[f.LOSS_FROM][0]
        items = ([row[f.HISTORY][0]] if start == 0 else []) + (row.get(f.LABEL) or [])[start:]
        for item in items:
            found[item.decode()] = found.get(item.decode(), 0) + 1
    assert found == dict(zip(*ran.counts.to_pydict().values(), strict=True))


def test_global_time_history_rolls_over_validation_and_counts_users_without_training(tmp_path, run, log):
    split = {"name": "global_time", "valid_from": 0.02, "test_from": 0.04, "labels_per_user": "all"}
    columns = log({"ann": "abcdef"})
    late = log({"bob": "xy"})
    late[f.TIMESTAMP] = [30, 50]
    ran = run(tmp_path, {name: columns[name] + late[name] for name in columns}, split=split)
    made = {(row[f.USER_ID][0], row[f.LABEL][0]): row.get(f.HISTORY) or [] for row in ran.rows(f.TEST)}
    assert made == {
        (b"ann", b"e"): [b"a", b"b", b"c", b"d"],
        (b"ann", b"f"): [b"a", b"b", b"c", b"d", b"e"],
        (b"bob", b"y"): [b"x"],
    }
    valid = {(row[f.USER_ID][0], row[f.LABEL][0]): row.get(f.HISTORY) or [] for row in ran.rows(f.VALID)}
    assert valid == {(b"ann", b"c"): [b"a", b"b"], (b"ann", b"d"): [b"a", b"b", b"c"], (b"bob", b"x"): []}
    assert ran.report.users_without_training == 1
    assert ran.report.users == 2


def test_seen_is_the_older_past_that_the_history_does_not_hold(tmp_path, run, log):
    ran = run(tmp_path / "masked", log({"ann": "abacdefa"}), window=3)
    (test,) = ran.rows(f.TEST)  # history d e f, label a, older past a b a c
    assert test[f.HISTORY] == [b"d", b"e", b"f"]
    assert test[f.SEEN] == [b"b", b"a", b"c"]
    assert (test[f.LABEL_REPEATS], test[f.HISTORY_LENGTH]) == ([1], [b"5-19"])
    assert ran.report.repeated_labels == {f.VALID: 0, f.TEST: 1}
    (unmasked,) = run(tmp_path / "open", log({"ann": "abacdefa"}), window=3, mask_seen=False).rows(f.TEST)
    assert not unmasked.get(f.SEEN)
    assert unmasked[f.LABEL_REPEATS] == [1]


def test_true_order_comes_before_the_tie_and_the_tie_before_the_input_order(tmp_path, run, log):
    columns = log({"ann": "abcd"}, time=0) | {f.TIE: [4, 3, 2, 1]}
    assert run(tmp_path / "tie", columns).rows(f.TEST)[0][f.LABEL] == [b"a"]
    assert run(tmp_path / "order", columns | {f.ORDER: [1, 2, 4, 3]}).rows(f.TEST)[0][f.LABEL] == [b"c"]


def test_optional_columns_travel_with_their_positions(tmp_path, run, log):
    columns = log({"ann": "abcd"})
    columns |= {
        f.RATING: [1, 2, 3, 4],
        f.WEIGHT: [0.5, None, 2, 1],
        f.CONTEXT_PREFIX + "device": ["tv", "app", None, "tv"],
    }
    ran = run(tmp_path, columns)
    (train,), (test,) = ran.rows(f.TRAIN), ran.rows(f.TEST)
    assert (train[f.LABEL_RATING], train[f.LABEL_WEIGHT]) == ([2], [1])  # no weight counts like any other
    assert test[f.HISTORY_CONTEXT_PREFIX + "device"] == [b"tv", b"app", b""]
    assert (test[f.LABEL_RATING], test[f.LABEL_WEIGHT]) == ([4], [1])


def test_repeats_drop_keeps_the_first_event_with_an_item(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "abacbd"}), repeats="drop")
    (test,) = ran.rows(f.TEST)
    assert (test[f.HISTORY], test[f.LABEL]) == ([b"a", b"b", b"c"], [b"d"])
    assert ran.report.repeats_dropped == 2


def test_k_core_drops_until_all_have_enough(tmp_path, run, log):
    # z has one interaction; without it cy has two only, and then c has one.
    users = {"ann": "aba", "bob": "bab", "cy": "zac"}
    ran = run(tmp_path, log(users), k_core={"users": 3, "items": 2}, buckets=2)
    assert (ran.report.users, ran.report.below_core, ran.report.interactions) == (2, 3, 6)


def test_k_core_that_leaves_nothing_is_an_error_that_says_so(tmp_path, run, log):
    with pytest.raises(DataError, match="not even an interaction to train on"):
        run(tmp_path, log({"ann": "abc"}), k_core={"items": 5})


def test_users_of_one_event_are_an_error_that_says_what_is_needed(tmp_path, run, log):
    with pytest.raises(DataError, match=r"(?s)not even a validation label.*three events or more"):
        run(tmp_path, log({"ann": "a", "bob": "b"}))


def test_no_files_is_an_error(tmp_path):
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(tmp_path), artifact_utils.encode_split_names([f.ALL])
    (tmp_path / "Split-all").mkdir()
    with pytest.raises(DataError, match="no interactions"):
        parquet_files(examples)


def test_single_user_and_single_item_make_sequences(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "aaaa"}))
    assert ran.report.items == 1
    assert ran.rows(f.TEST)[0][f.LABEL_REPEATS] == [1]
    assert Options().window == 50
