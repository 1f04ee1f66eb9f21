"""What the benchmark makes of its measurements."""

import pytest

from benchmarks import speed


def figures(targets, **more):
    return {
        "targets_per_second": targets,
        "share_of_machine": 0.5,
        "first_step_seconds": 2.0,
        "users_per_second": 100.0,
        "peak_bytes": 1e9,
        **more,
    }


def test_each_side_is_taken_at_its_fastest_batch():
    assert speed.best({16: figures(10.0), 32: figures(30.0), 64: figures(20.0)})[0] == 32


def test_ratio_is_ours_over_the_peers():
    found = speed.ratios(figures(30.0, peak_bytes=5e8), figures(10.0))
    assert found["targets_per_second"] == pytest.approx(3.0)
    assert found["peak_bytes"] == pytest.approx(0.5)


def test_a_curve_reaches_a_figure_at_its_first_epoch_that_is_as_good_or_never():
    curve = [(1.0, 0.05), (2.0, 0.1), (3.0, 0.09)]
    assert speed.seconds_to(curve, 0.1) == 2.0
    assert speed.seconds_to(curve, 0.11) is None


def test_the_table_says_never_where_a_figure_was_not_reached():
    side = {"curve": [], "seconds": None, "share": None}
    quality = {"target": 0.1, "peer": {"seconds": 100.0}, "same_widths": side, "shipped": {**side, "seconds": 5.0}}
    quality["shipped"]["share"] = 0.05
    both = {"ours": figures(30.0), "peer": figures(10.0)}
    unchecked = {**figures(15.0), "ratio": speed.ratios(figures(30.0), figures(15.0))}
    measured = {**both, "ratio": speed.ratios(*both.values()), "peer_unchecked": unchecked}
    made = speed.table({"speed": {1: measured}, "quality": quality})
    assert list(made.columns[2].cells)[-2:] == ["never", "5"]
    assert list(made.columns[4].cells)[-3] == "2"


def test_a_process_is_bound_to_as_many_cores_as_it_has_threads():
    import sys

    command = [sys.executable, "-c", "import json, os; print('log'); print(json.dumps(len(os.sched_getaffinity(0))))"]
    assert speed.on_cores(command, 1) == 1
