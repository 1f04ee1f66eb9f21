"""Items that too few users met in training are in nothing that comes after."""

from schemas import features as f

# Training is all but the last two events: z is met by one user there, b and c by two, p by all.
USERS = {"ann": "pabcd", "bob": "pabce", "cy": "pazzde", "dee": "pczd"}


def held_back(ran):
    return {item for row in ran.counts.to_pylist() for item in [row["item_id"]]}


def test_rare_items_are_in_no_training_sequence_and_no_count(tmp_path, run, log):
    ran = run(tmp_path, log(USERS), min_item_users=2, buckets=2)
    assert {row["item_id"]: row["count"] for row in ran.counts.to_pylist()} == {"p": 4, "a": 3, "b": 2}
    assert ran.report.held_back == 3  # cy's two of z, dee's one of c
    items = {item for row in ran.rows(f.TRAIN) for item in (*row[f.HISTORY], *row[f.LABEL])}
    assert items == {b"p", b"a", b"b"}


def test_who_met_an_item_counts_once_and_validation_and_test_not_at_all(tmp_path, run, log):
    # z: cy twice in training, dee in validation alone; d: nowhere in training, in validation or test of four.
    assert held_back(run(tmp_path / "2", log(USERS), min_item_users=2)).isdisjoint({"z", "d"})


def test_labels_of_validation_and_test_stay_and_are_cold(tmp_path, run, log):
    ran = run(tmp_path, log(USERS), min_item_users=2)
    labels = {row["user_id"][0] if "user_id" in row else n: row[f.LABEL] for n, row in enumerate(ran.rows(f.TEST))}
    assert sorted(label for (label,) in labels.values()) == [b"d", b"d", b"e", b"e"]
    assert ran.report.cold_labels[f.TEST] == 4


def test_off_it_changes_nothing(tmp_path, run, log):
    one, off = run(tmp_path / "1", log(USERS), min_item_users=1), run(tmp_path / "off", log(USERS))
    assert one.counts.equals(off.counts)
    assert one.report == off.report
    assert one.report.held_back == 0
