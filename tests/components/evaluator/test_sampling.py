import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.testing.util import assert_that, equal_to

from components.evaluator import sampling
from schemas import features, records

BEAM = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
USERS = pa.array([f"user {n}" for n in range(20_000)])
CHOSEN = [6, 12, 21, 27]  # of the first 40, a fifth


def test_share_of_users_is_about_what_was_asked_for_and_smaller_ones_lie_in_larger_ones():
    tenth, half = sampling.chosen(USERS, 0.1), sampling.chosen(USERS, 0.5)
    assert 0.09 < tenth.mean() < 0.11  # three deviations are 0.006
    assert 0.48 < half.mean() < 0.52
    assert not np.any(tenth & ~half)
    assert sampling.chosen(USERS, 1.0).all()


def test_the_choice_is_the_same_for_text_and_bytes_and_for_ever():
    few = USERS[:40]
    found = sampling.chosen(few, 0.2)
    np.testing.assert_array_equal(found, sampling.chosen(few.cast(pa.binary()), 0.2))
    assert np.flatnonzero(found).tolist() == CHOSEN


def test_shares_follow_from_the_counts_and_the_cap(tmp_path):
    path = str(tmp_path / "sequences.json")
    numbers = ("interactions", "duplicates", "below_core", "users", "users_without_training", "items")
    records.SequenceCounts(
        **dict.fromkeys((*numbers, "training_interactions", "buckets"), 0),
        examples={"valid": 400, "test": 80},
        cold_labels={},
        repeated_labels={},
    ).save(path)
    assert sampling.shares(path, ("valid", "test"), 100) == {"valid": 0.25, "test": 1.0}
    assert sampling.shares(path, ("valid", "test"), None) == {"valid": 1.0, "test": 1.0}
    assert sampling.shares(None, ("valid",), 100) == {"valid": 1.0}


def test_examples_of_the_users_left_out_are_dropped():
    users = [f"user {n}" for n in range(40)]
    batch = pa.RecordBatch.from_pydict({features.USER_ID: [[user] for user in users], "label": [["a"]] * 40})
    examples = list(records.to_examples(batch))
    with beam.Pipeline(argv=BEAM) as pipeline:
        kept = pipeline | beam.Create(examples) | sampling.ChooseUsers(0.2)
        assert_that(kept, equal_to([examples[n] for n in CHOSEN]))
