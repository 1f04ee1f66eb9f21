"""Pages of runs, and what is kept of them between requests."""

import time

import pytest

from benchmarks.made_runs import FROM_CACHE, MadeRuns
from inspection.connection import sqlite_store
from inspection.store import Store
from inspection.ui import listing

RUNS = 1000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    made = MadeRuns(tmp_path_factory.mktemp("many"))
    for number in range(RUNS):
        made.add(f"run-{number:03d}", cached=FROM_CACHE if number else (), failed="Trainer" if number == 7 else None)
    return made


@pytest.fixture
def store(many):
    return Store(sqlite_store(many.root / "metadata.sqlite"))


@pytest.fixture(scope="module")
def kept():
    return listing.Lines()


def ids(page):
    return [row.line.id for row in page.rows]


def test_the_newest_are_on_the_first_page_and_the_rest_on_the_last(store):
    first, last = (listing.page(store, listing.Lines(), number=number) for number in (1, 99))
    assert ids(first) == [f"run-{number:03d}" for number in range(999, 949, -1)]
    assert (last.number, last.last, last.found, last.first) == (20, 20, RUNS, 951)
    assert ids(last)[-1] == "run-000"


def test_a_name_and_a_state_filter(store):
    assert ids(listing.page(store, listing.Lines(), name="RUN-01")) == [
        f"run-{number:03d}" for number in range(19, 9, -1)
    ]
    assert ids(listing.page(store, listing.Lines(), state="failed")) == ["run-007"]
    assert listing.page(store, listing.Lines(), name="nobody").rows == []


def test_a_thousand_runs_are_listed_within_a_second_of_work(many):
    began = time.process_time()  # not of waiting for others' tests
    listing.page(Store(sqlite_store(many.root / "metadata.sqlite")), listing.Lines())
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("sort", listing.SORTS)
def test_every_order_goes_both_ways(store, kept, sort):
    for up in (True, False):
        keys = [listing.SORTS[sort](row.line) for row in listing.page(store, kept, sort=sort, up=up).rows]
        assert keys == sorted(keys, reverse=not up)


def test_a_run_that_comes_and_one_that_changes_are_seen_by_lines_that_were_kept(many, store):
    lines = listing.Lines()
    listing.page(store, lines, sort="took")
    many.add("run-new", cached=FROM_CACHE)
    execution = many.store.get_executions_by_context(many.store.get_contexts_by_type("pipeline_run")[3].id)[-1]
    execution.last_known_state = execution.FAILED
    time.sleep(0.002)  # the store's clock counts milliseconds
    many.store.put_executions([execution])
    assert "run-new" in ids(listing.page(store, lines))
    assert ids(listing.page(store, lines, state="failed")) == ["run-007", "run-003"]


def test_another_store_in_the_same_place_is_read_anew(store, tmp_path):
    lines = listing.Lines()
    listing.page(store, lines)
    made = MadeRuns(tmp_path)
    made.add("run-999", failed="Trainer")
    page = listing.page(Store(sqlite_store(tmp_path / "metadata.sqlite")), lines)
    assert [row.line.state for row in page.rows] == ["failed"]


def test_a_list_without_runs_has_one_empty_page(tmp_path):
    MadeRuns(tmp_path)
    page = listing.page(Store(sqlite_store(tmp_path / "metadata.sqlite")), listing.Lines())
    assert (page.rows, page.last, page.found) == ([], 1, 0)
