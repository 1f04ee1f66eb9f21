"""Requests that come together go together, and what fails fails alone."""

import asyncio
import concurrent.futures
import threading

import pytest

from serving.batches import Batcher, OverloadedError
from serving.metrics import Metrics


class Calls:
    """A call that doubles numbers, keeps what it was called with, and waits until it is let go."""

    def __init__(self):
        self.made, self.go = [], threading.Event()

    def __call__(self, model, rows):
        self.made.append((model, list(rows)))
        assert self.go.wait(10)
        if "bad" in rows:
            raise ValueError("bad")
        return [row * 2 for row in rows]


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def batcher(calls):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield Batcher("test", calls, pool, most=3, waiting=5, metrics=Metrics.create())
        calls.go.set()


def test_what_comes_while_a_call_runs_goes_together(batcher, calls, run_async):
    async def ask():
        tasks = [asyncio.ensure_future(batcher("model", n)) for n in range(5)]
        await asyncio.sleep(0.05)
        calls.go.set()
        return await asyncio.gather(*tasks)

    assert run_async(ask()) == [0, 2, 4, 6, 8]
    assert calls.made == [("model", [0, 1, 2]), ("model", [3, 4])]


def test_rows_of_two_models_are_never_mixed(batcher, calls, run_async):
    async def ask():
        calls.go.set()
        return await asyncio.gather(*(batcher(model, n) for n, model in enumerate("aabb")))

    assert run_async(ask()) == [0, 2, 4, 6]
    assert calls.made == [("a", [0, 1]), ("b", [2, 3])]


def test_beyond_what_may_wait_is_refused_at_once(batcher, calls, run_async):
    async def ask():
        tasks = [asyncio.ensure_future(batcher("model", n)) for n in range(6)]
        await asyncio.sleep(0.05)
        calls.go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    *answered, refused = run_async(ask())
    assert answered == [0, 2, 4, 6, 8]
    assert isinstance(refused, OverloadedError)


def test_a_call_that_fails_fails_for_those_in_it_alone(batcher, calls, run_async):
    async def ask():
        calls.go.set()
        first = await asyncio.gather(batcher("model", "bad"), return_exceptions=True)
        return first, await batcher("model", 4)

    (error,), after = run_async(ask())
    assert str(error) == "bad"
    assert after == 8


def test_whoever_has_gone_is_passed_over(batcher, calls, run_async):
    async def ask():
        tasks = [asyncio.ensure_future(batcher("model", n)) for n in range(5)]
        await asyncio.sleep(0.05)
        tasks[4].cancel()
        calls.go.set()
        return await asyncio.gather(*tasks[:4])

    assert run_async(ask()) == [0, 2, 4, 6]
    assert calls.made[-1] == ("model", [3])
