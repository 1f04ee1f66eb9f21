"""One pass keeps whole histories of a share of users, by the reader that a run has."""

import numpy as np
import polars as pl
import pytest

from components.example_gen import inputs
from components.example_gen.options import Options
from pipeline.guess import survey

N = 20_000


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "user_id": pl.Series(rng.integers(0, 1000, N)).cast(pl.String),
            "item_id": pl.Series(rng.integers(0, 300, N)).cast(pl.String),
            "timestamp": 1_700_000_000 + np.arange(N),
            "event": np.array(["view", "buy"])[rng.integers(0, 2, N)],
        }
    )
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    frame.write_parquet(path, row_group_size=N // 4)
    return frame, Options(data=(str(path),))


def run(options, event=None, **limits):
    return survey.survey(inputs.find(options), options, event, **limits)


def test_everything_is_kept_of_a_small_log(log):
    frame, options = log
    found = run(options, "event")
    assert (found.read, found.rejected, found.complete) == (N, 0, True)
    assert (found.user_share, found.events.height, found.item_events.height) == (1.0, N, N)
    assert found.words == dict(frame["event"].value_counts().iter_rows())


def test_a_sample_of_users_has_their_whole_histories(log):
    frame, options = log
    found = run(options, limit=3_000)
    assert found.events.height <= 3_000
    lengths = {survey.hashes(pl.Series([user]))[0]: n for user, n in frame["user_id"].value_counts().iter_rows()}
    sampled = dict(found.events[survey.USER].value_counts().iter_rows())
    assert sampled == {user: lengths[user] for user in sampled}
    assert len(sampled) / found.user_share == pytest.approx(1000, rel=0.3)
    items = dict(found.item_events[survey.ITEM].value_counts().iter_rows())
    whole = {survey.hashes(pl.Series([item]))[0]: n for item, n in frame["item_id"].value_counts().iter_rows()}
    assert items == {item: whole[item] for item in items}


def test_a_large_log_is_read_up_to_a_limit(tmp_path):
    path = tmp_path / "log.parquet"
    frame = pl.DataFrame({"user_id": ["u"], "item_id": ["i"], "timestamp": [1]})
    pl.concat([frame] * 300_000).write_parquet(path)
    found = run(Options(data=(str(path),)), most_rows=1000)
    assert not found.complete
    assert 1000 <= found.read < 300_000


def test_rejected_rows_are_counted_by_reason_with_the_first_of_each(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\nu,i,1\n,i,2\nu,i,x\nu,i\n,i,3\n")
    found = run(Options(data=(str(path),)))
    assert (found.read, found.rejected) == (5, 4)
    assert (found.rejects[0].rows, found.rejects[0].line) == (2, 3)
    assert sum(reject.rows for reject in found.rejects) == 4
