"""Where the full softmax stops being the better choice, and the picture of it."""

import pytest

from benchmarks import growth


def record(loss, items, seconds):
    return {"loss": loss, "items": items, "train_seconds": seconds, "train_peak_bytes": 1e9}


def test_the_crossing_lies_on_the_line_of_logarithms_between_two_sizes():
    found = [record(growth.FULL, 100, 1.0), record(growth.SAMPLED, 100, 1.0)]
    found += [record(growth.FULL, 10_000, 16.0), record(growth.SAMPLED, 10_000, 1.0)]
    assert growth.crossing(found, times=4.0) == pytest.approx(1000.0)


def test_there_is_no_crossing_where_the_full_softmax_is_always_fast_enough():
    assert growth.crossing([record(growth.FULL, 100, 1.0), record(growth.SAMPLED, 100, 1.0)]) is None


def test_the_plot_is_a_picture(tmp_path):
    growth.plot([record(growth.FULL, 10**n, 10.0**-n) for n in (3, 4)], tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_made_items_are_in_the_catalogue_and_the_first_are_the_most_frequent():
    history = growth.batch(1000, seed=0)["history"].numpy()
    assert history.min() >= 2
    assert history.max() < 1002
    assert (history < 12).mean() > 0.25
