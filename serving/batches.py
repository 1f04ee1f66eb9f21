"""Joins requests that come at the same time into one call of the model.

While a call runs, what comes waits; the next call takes all of it, up to a number of rows. So a request that comes
alone is called at once, and under load batches grow by themselves: nobody has to set a time to wait.
"""

from __future__ import annotations

import asyncio
import collections
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from schemas.errors import SeqrankError

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Sequence

    from serving.metrics import Metrics
    from serving.model import Loaded

Row = TypeVar("Row")
Result = TypeVar("Result")


class OverloadedError(SeqrankError):
    """More requests wait than may."""


class Batcher(Generic[Row, Result]):
    """Calls one function of the model for many requests at once.

    Args:
        name: in the metrics.
        call: (model, rows) -> a result a row, in their order; runs in a thread of `pool`.
        pool: where the model is called.
        most: rows of one call.
        waiting: rows that may wait.
        metrics: sizes and waits are observed there.
    """

    def __init__(
        self,
        name: str,
        call: Callable[[Loaded, Sequence[Row]], Sequence[Result]],
        pool: concurrent.futures.Executor,
        *,
        most: int,
        waiting: int,
        metrics: Metrics,
    ) -> None:
        self._call, self._pool, self._most, self._limit = call, pool, most, waiting
        self._sizes, self._seconds = metrics.batch_rows.labels(name), metrics.model_seconds.labels(name)
        self._refused = metrics.refused
        self._waiting: collections.deque[tuple[Loaded, Row, asyncio.Future[Result]]] = collections.deque()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, model: Loaded, row: Row) -> Result:
        """The result of a row, by this very model.

        Raises: OverloadedError: too many wait. Whatever the call raises.
        """
        if len(self._waiting) >= self._limit:
            self._refused.inc()
            raise OverloadedError("More requests wait for the model than may.", next_step="Ask again in a second.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((model, row, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            model, taken = self._take()
            if taken:
                await self._answer(model, taken)
        self._task = None

    def _take(self) -> tuple[Any, list[tuple[Row, asyncio.Future[Result]]]]:
        """The first that wait for one model; those whose client has gone are passed over."""
        model = self._waiting[0][0]
        taken: list[tuple[Row, asyncio.Future[Result]]] = []
        while self._waiting and len(taken) < self._most and self._waiting[0][0] is model:
            _, row, future = self._waiting.popleft()
            if not future.done():
                taken.append((row, future))
        return model, taken

    async def _answer(self, model: Loaded, taken: list[tuple[Row, asyncio.Future[Result]]]) -> None:
        began = time.perf_counter()
        try:
            rows = [row for row, _ in taken]
            results = await asyncio.get_running_loop().run_in_executor(self._pool, self._call, model, rows)
        except Exception as error:
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        self._sizes.observe(len(taken))
        self._seconds.observe(time.perf_counter() - began)
        for (_, future), result in zip(taken, results, strict=True):
            if not future.done():
                future.set_result(result)
