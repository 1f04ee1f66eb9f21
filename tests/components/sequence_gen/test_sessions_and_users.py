"""Sessions and the users table through the whole stage."""

from __future__ import annotations

from tfx.types import channel_utils, standard_artifacts

from components.sequence_gen.component import SequenceGen
from components.sequence_gen.options import Options
from schemas import features as f

GENRE, CITY = f.FEATURE_PREFIX + "genre", f.FEATURE_PREFIX + "city"
OF_GENRE, OF_CITY = f.USER_FEATURE_PREFIX + "genre", f.USER_FEATURE_PREFIX + "city"
TABLE = {
    f.USER_ID: ["bob", "ann", "zoe"],
    f.TITLE: ["Bob", "Ann", "Zoë"],
    GENRE: [["jazz"], ["pop", "rock"], ["folk"]],
    CITY: [["Rome"], [], ["Bonn"]],
}


def _of_streams(items: str, every: int = 10, pause_after: tuple[int, ...] = (), user: str = "log-1") -> dict[str, list]:
    """One stream; a pause of an hour after each of the positions."""
    pauses = [3_600_000 * sum(position <= at for position in pause_after) for at in range(len(items))]
    return {
        f.USER_ID: [user] * len(items),
        f.ITEM_ID: list(items),
        f.TIMESTAMP: [every * at + pause for at, pause in enumerate(pauses)],
        f.TIE: list(range(len(items))),
    }


def test_a_stream_becomes_sessions_with_a_split_repeats_and_counts_of_their_own(tmp_path, run):
    ran = run(tmp_path, _of_streams("abcdabba" + "xy", pause_after=(4, 8)), session_gap=30, buckets=2)
    test = {row[f.USER_ID][0]: row for row in ran.rows(f.TEST)}
    assert set(test) == {b"log-1/1", b"log-1/2"}  # the third has two events, for training alone
    assert (test[b"log-1/1"][f.HISTORY], test[b"log-1/1"][f.LABEL]) == ([b"a", b"b", b"c"], [b"d"])
    assert (test[b"log-1/2"][f.HISTORY], test[b"log-1/2"][f.LABEL]) == ([b"a", b"b", b"b"], [b"a"])
    assert [test[user][f.LABEL_REPEATS] for user in sorted(test)] == [[0], [1]]
    assert sorted(row[f.USER_ID][0] for row in ran.rows(f.TRAIN)) == [b"log-1/1", b"log-1/2", b"log-1/3"]
    assert (ran.report.users, ran.report.sessions, ran.report.interactions) == (1, 3, 10)
    assert ran.report.repeated_labels == {f.VALID: 1, f.TEST: 1}


def test_dropped_repeats_and_k_core_are_per_session(tmp_path, run):
    columns = _of_streams("abac" + "abca" + "b", pause_after=(4, 8))
    ran = run(tmp_path, columns, session_gap=30, repeats="drop", k_core={"users": 2})
    assert (ran.report.repeats_dropped, ran.report.below_core) == (2, 1)
    assert {row[f.USER_ID][0]: row[f.HISTORY] for row in ran.rows(f.TEST)} == {
        b"log-1/1": [b"a", b"b"],
        b"log-1/2": [b"a", b"b"],
    }


def test_without_a_gap_a_user_is_one_sequence_and_keeps_its_id(tmp_path, run):
    ran = run(tmp_path, _of_streams("abcd", pause_after=(2,), user="u/7"))
    assert [row[f.USER_ID] for row in ran.rows(f.TEST)] == [[b"u/7"]]
    assert (ran.report.users, ran.report.sessions) == (1, None)


def test_user_features_join_every_sequence_of_every_split(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "abcde", "bob": "xyzw", "cy": "abc"}), users=TABLE, buckets=3, files=2)
    for split in f.SEQUENCE_SPLITS:
        found = {row[f.USER_ID][0]: (row.get(OF_GENRE) or [], row.get(OF_CITY) or []) for row in ran.rows(split)}
        assert found == {b"ann": ([b"pop", b"rock"], []), b"bob": ([b"jazz"], [b"Rome"]), b"cy": ([], [])}
    assert not any(name in row for row in ran.rows(f.TEST) for name in (f.TITLE, GENRE, "user_title"))


def test_the_table_changes_nothing_else(tmp_path, run, log):
    columns = log({"ann": "abcde", "bob": "xyzw", "cy": "abc"})
    alone, joined = (
        run(tmp_path / "alone", columns, buckets=2),
        run(tmp_path / "joined", columns, users=TABLE, buckets=2),
    )
    for split in f.SEQUENCE_SPLITS:
        rows = [{name: row[name] for name in row if name not in (OF_GENRE, OF_CITY)} for row in joined.rows(split)]
        assert rows == alone.rows(split)
    assert alone.report == joined.report


def test_sessions_join_by_the_user_they_are_of(tmp_path, run):
    ran = run(tmp_path, _of_streams("abcabc", pause_after=(3,), user="ann"), users=TABLE, session_gap=30)
    assert {row[f.USER_ID][0]: row[OF_GENRE] for row in ran.rows(f.TEST)} == {
        b"ann/1": [b"pop", b"rock"],
        b"ann/2": [b"pop", b"rock"],
    }


def test_table_without_a_row_gives_empty_features(tmp_path, run, log):
    ran = run(tmp_path, log({"ann": "abcd"}), users={name: [] for name in TABLE})
    (test,) = ran.rows(f.TEST)
    assert OF_GENRE in test
    assert not test[OF_GENRE]


def test_declaration_takes_a_users_table_or_none():
    examples, table = (channel_utils.as_channel([standard_artifacts.Examples()]) for _ in range(2))
    alone = SequenceGen(examples, 50, Options(), "c")
    joined = SequenceGen(examples, 50, Options(session_gap=30), "c", users=table)
    assert (set(alone.inputs), set(joined.inputs)) == ({"examples"}, {"examples", "users"})
    assert '"session_gap":30.0' in joined.exec_properties["options"]
