"""Bad input through `seqrank run` itself: exit status, message, what stays on the disk, and that nothing is published.

One process runs them all, so that TFX and TensorFlow are imported once. What each stage does with bad input in detail
is in tests/components/{example_gen,data_gate}.
"""

import json
import pathlib
import sys

import pytest

from pipeline.cli import __main__ as command_line

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "user_id,item_id,timestamp\n"
SMALL = ("trainer.epochs=1", "trainer.model.embedding_dim=4", "trainer.model.architecture.units=4")
# Made first: a good log, beside which the bad ones stand.
GOOD = [f"u{user},i{(user + step) % 9},{86_400 * step}" for user in range(20) for step in range(6)]


def text(*rows):
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


# name -> (content, what the message must hold)
FAILS_AT_ONCE = {
    "a missing column": (b"user_id,movie,timestamp\n1,2,3\n", ["{file}", "item_id"]),
    "an empty file": (b"", ["{file}", "empty"]),
    "a header alone": (HEADER.encode(), ["{file}", "no row"]),
    "binary junk": (bytes(range(256)) * 64, ["{file}", "isn't text"]),
}
REFUSED_AT_THE_GATE = {
    "all rows malformed": (text("1,2", ",2,3", "1,2,soon"), ["3 of 3 rows can't be used", "{file}:2: "]),
    "times that are NaN": (
        text(*GOOD, "u1,i1,NaN", "u2,i2,nan"),
        ["2 of 122 rows can't be used", "{file}:122: ", "not a number of seconds", "max_rejected"],
    ),
    "a single item": (text(*(f"u{n},i,{n}" for n in range(9))), ["a single item"]),
    "users with one event each": (text(*(f"u{n},i{n},{n}" for n in range(9))), ["every user has one event"]),
}


@pytest.fixture
def seqrank(monkeypatch, capfd, tmp_path):
    """Runs the command line on a file of this content: exit status, what was printed, the file and the output root."""

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(command_line, "_leave", leave)  # else it would end this process
    monkeypatch.chdir(ROOT)  # where the default configuration lies

    def run(content, *settings):
        file, root = tmp_path / "log.csv", tmp_path / "runs"
        file.write_bytes(content)
        words = [word for setting in (*SMALL, *settings) for word in ("--set", setting)]
        monkeypatch.setattr(sys, "argv", ["seqrank", "run", "--data", str(file), "--output", str(root), *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        printed = capfd.readouterr()
        return ended.value.code, printed.out + printed.err, file, root

    return run


def assert_failed_as_documented(status, printed, file, root, expected):
    assert status == 1, printed
    assert "Traceback" not in printed
    assert "Next: " in printed
    for part in expected:
        assert part.format(file=file) in printed
    assert not (root / "serving").exists()
    assert not (root / "latest").exists()


@pytest.mark.parametrize("name", FAILS_AT_ONCE)
def test_file_that_cannot_be_read_ends_the_run_and_names_it(seqrank, name):
    content, expected = FAILS_AT_ONCE[name]
    status, printed, file, root = seqrank(content)
    assert_failed_as_documented(status, printed, file, root, expected)
    assert not list((root / "artifacts").glob("SequenceGen"))


@pytest.mark.parametrize("name", REFUSED_AT_THE_GATE)
def test_data_that_no_model_should_learn_from_are_refused_and_the_rejects_survive(seqrank, name):
    content, expected = REFUSED_AT_THE_GATE[name]
    status, printed, file, root = seqrank(content)
    assert_failed_as_documented(status, printed, file, root, ["DataGate: ", *expected])
    (rejected,) = root.rglob("rejected.csv")
    assert rejected.exists()
    if "rejected.csv" in printed:
        assert str(rejected) in printed
    assert not list((root / "artifacts").glob("SequenceGen"))


def test_single_user_with_one_malformed_row_of_2000_runs_to_the_end_with_the_row_set_aside(seqrank):
    rows = [f"u,i{n},{n}" for n in range(1999)]
    status, printed, file, root = seqrank(text(*rows[:1000], "u,,7", *rows[1000:]))
    assert status == 3, printed  # one user's two labels show nothing: trained, measured, not blessed
    assert "Traceback" not in printed
    assert "Not blessed" in printed
    summary = json.loads((root / "latest" / "summary.json").read_text())
    assert [(read["read"], read["rejected"]) for read in summary["data"]] == [(2000, 1)]
    rejected = pathlib.Path(summary["paths"]["rejected"], "rejected.csv").read_text().splitlines()
    assert len(rejected) == 2
    assert f"{file}" in rejected[1]
    assert "item_id is missing" in rejected[1]
    assert not list(root.glob("serving/*/*"))
