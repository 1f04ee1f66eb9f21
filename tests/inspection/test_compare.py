"""What differs between two runs, and how sure that is."""

import numpy as np
import pytest

from benchmarks import made_results
from inspection import results
from inspection.compare import Change, Difference, compare


@pytest.fixture
def both(store):
    """Two runs on the same users, whose ranks differ."""
    runs = [store.run(name) for name in ("2026-01-02", "2026-02-01")]
    for seed, run in enumerate(runs):
        made_results.write(run, users=200, seed=seed, file=f"logs/day-{seed}.csv")
    return runs


def test_a_run_differs_in_nothing_from_itself(both):
    found = compare(both[0], both[0])
    assert found.config == found.code == found.data == ()
    assert all(figure.before == figure.after for figure in found.figures)
    assert not any(figure.sure for figure in found.figures)


def test_knobs_that_differ_are_named_with_both_values(both):
    assert compare(*both).config == (Change("trainer.dropout", 0.4, 0.5),)


def test_data_differ_by_the_hash_of_each_file(both):
    assert [change.what for change in compare(*both).data] == ["logs/day-0.csv (sha256)", "logs/day-1.csv (sha256)"]


def test_paired_intervals_are_those_of_the_differences_of_each_user(both):
    found = {figure.what: figure for figure in compare(*both).figures}
    figure = found["test hr@10"]
    first, second = (results.of(run).figure("hr@10").value for run in both)
    assert (figure.before, figure.after) == (first, second)
    assert figure.low < second - first < figure.high
    ranks = [np.random.default_rng(seed).integers(1, 40, size=(2, 200))[1] for seed in (0, 1)]  # as made_results draws
    error = np.std((ranks[1] <= 10).astype(float) - (ranks[0] <= 10)) / np.sqrt(200)
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert found["test hr@5"].low is None  # only the cutoff that decides is drawn


def test_runs_with_other_labels_have_no_paired_interval(both):
    made_results.write(both[1], users=150, seed=1)
    found = compare(*both)
    assert found.figures
    assert all(figure.low is None for figure in found.figures)


def test_a_run_without_evaluation_has_figures_on_one_side(store, both):
    found = compare(both[0], store.run("2026-01-03"))
    assert {figure.after for figure in found.figures} == {None}
    seconds = {change.what: change for change in found.seconds}
    assert seconds["Pusher"].after is None
    assert seconds["Transform"].before == 0.0  # from the cache
    assert "LatestBlessedModel" not in seconds


@pytest.mark.parametrize(
    ("low", "high", "sure"),
    [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 0.1, False), (None, None, False)],
)
def test_a_difference_is_sure_where_its_interval_excludes_0(low, high, sure):
    assert Difference("test hr@10", 0.1, 0.2, low, high).sure == sure
