"""Users' histories and states: an event costs one step of the model, an answer one ranking, however long the history.

The state of a user belongs to one model. Another model's is never read: until the user's state was made anew, in the
background, the user is answered from the history.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.errors import SeqrankError, StoreError
from serving import calls
from serving.events.records import Codec, Record

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import AsyncIterator, Iterable

    from serving.batches import Batcher
    from serving.calls import Asked, Held, Ranked, Stepped
    from serving.events.stores import Store
    from serving.metrics import Metrics
    from serving.model import Loaded, Models

_log = logging.getLogger(__name__)
_TRIES: Final = 20  # to write a record that others write, too
_PAUSE: Final = 5.0  # seconds after a store failed


class Users:
    """The users of one server.

    Args:
        store: where their records are.
        codec: how.
        keep: newest events of a user that stay.
        step, rank, recommend: calls of the model.
        pool: where states are made anew, beside the requests.
        rebuild: users at a time.
        metrics: counts.
    """

    def __init__(
        self,
        store: Store,
        codec: Codec,
        *,
        keep: int,
        step: Batcher[Stepped, np.ndarray],
        rank: Batcher[Held, Ranked],
        recommend: Batcher[Asked, Ranked],
        pool: concurrent.futures.Executor,
        rebuild: int,
        metrics: Metrics,
    ) -> None:
        self._store, self._codec, self._keep = store, codec, keep
        self._step, self._rank, self._recommend = step, rank, recommend
        self._pool, self._rebuild, self._metrics = pool, rebuild, metrics
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._stale: dict[str, None] = {}
        self._sweep, self._wake = True, asyncio.Event()
        self._wake.set()

    async def add(self, model: Loaded, user: str, item: str, time: int, event_id: str | None) -> tuple[int, bool]:
        """Keeps an event and, where the state holds, the state after it.

        Returns: events kept of the user now; False: its id was there already, and nothing changed.
        Raises: StoreError: the store fails, or others write the same user all the time. OverloadedError.
        """
        key = self._codec.key(user)
        async with self._lock(key):  # of one user, one event after the other
            for _ in range(_TRIES):
                record, revision = await self._read(key)
                if event_id is not None and event_id in record.ids:
                    self._metrics.events.labels("again").inc()
                    return len(record.items), False
                after, last = record.add(item, time, event_id, self._keep)
                state = await self._after(model, record, item, time) if last else None
                if state is not None:
                    after = after.with_state(state.tobytes(), model.identity)
                if await self._store.put(key, self._codec.encode(key, after), revision):
                    if state is None and model.recurrent:
                        self._enqueue(key)
                    self._metrics.events.labels("new").inc()
                    return len(after.items), True
        raise StoreError("A user's record is written by others all the time.", next_step="Send the event again.")

    async def answer(
        self, model: Loaded, user: str, exclude: tuple[str, ...], now: int | None
    ) -> tuple[Ranked, Record, bool]:
        """Items for a user; of nobody that is known, those for an empty history.

        Returns: the model's first items; what is kept; whether the state was at hand.
        """
        record, _ = await self._read(self._codec.key(user))
        state = self._state(model, record) if now is None else None
        if state is None:
            asked = calls.Asked(record.items, record.times, user, exclude, now)
            return await self._recommend(model, asked), record, False
        left_out = (*(dict.fromkeys(record.items) if model.mask_seen else ()), *exclude)
        return await self._rank(model, calls.Held(state, left_out)), record, True

    async def erase(self, user: str) -> bool:
        """Forgets everything that is kept of a user. Returns: whether there was anything."""
        key = self._codec.key(user)
        async with self._lock(key):
            self._stale.pop(key, None)
            return await self._store.delete(key)

    def renew(self) -> None:
        """All states are to be made anew, by the model that is served now."""
        self._sweep = True
        self._wake.set()

    async def keep_up(self, models: Models) -> None:
        """Makes states anew for ever, those whose users just sent events first."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._catch_up(models)
            except SeqrankError as error:
                _log.warning("%s", error)
                await asyncio.sleep(_PAUSE)
                self._wake.set()

    async def _catch_up(self, models: Models) -> None:
        while self._stale or self._sweep:
            model = models.current
            if not model.recurrent:
                self._stale, self._sweep = {}, False
            elif self._stale:
                keys = list(self._stale)[: self._rebuild]
                await self._make_anew(model, keys)
                for key in keys:
                    self._stale.pop(key, None)
            else:
                self._sweep = False
                async for keys in _chunks(self._store.keys(), self._rebuild):
                    await self._make_anew(model, keys)
                    if models.current is not model or self._stale:
                        self._sweep = True  # the rest comes after them
                        break
            self._metrics.stale.set(len(self._stale))

    async def _make_anew(self, model: Loaded, keys: Iterable[str]) -> None:
        """Writes the states of those whose state isn't this model's, unless an event came in between."""
        read = [(key, *(await self._read(key))) for key in keys]
        read = [entry for entry in read if entry[1].items and self._state(model, entry[1]) is None]
        if not read:
            return
        run = asyncio.get_running_loop().run_in_executor
        states = await run(self._pool, _replay, model, [entry[1] for entry in read])
        for (key, record, revision), state in zip(read, states, strict=True):
            value = self._codec.encode(key, record.with_state(state.tobytes(), model.identity))
            if await self._store.put(key, value, revision):
                self._metrics.rebuilt.inc()

    async def _read(self, key: str) -> tuple[Record, int]:
        value, revision = await self._store.get(key)
        return (Record() if value is None else self._codec.decode(key, value)), revision

    def _state(self, model: Loaded, record: Record) -> np.ndarray | None:
        """[S]; None: there is none of this model."""
        if not model.recurrent or not record.items or record.model != model.identity:
            return None
        return np.frombuffer(record.state, np.float32)

    async def _after(self, model: Loaded, record: Record, item: str, time: int) -> np.ndarray | None:
        """The state after one event more; None: it has to be made from the history."""
        if not model.recurrent:
            return None
        state = self._state(model, record) if record.items else model.ranker.initial_state(1)[0]
        return None if state is None else await self._step(model, calls.Stepped(state, item, time))

    def _enqueue(self, key: str) -> None:
        self._stale[key] = None
        self._metrics.stale.set(len(self._stale))
        self._wake.set()

    @contextlib.asynccontextmanager
    async def _lock(self, key: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield


def _replay(model: Loaded, records: list[Record]) -> np.ndarray:
    """States [n, S] after all events of each record."""
    states = model.ranker.initial_state(len(records))
    longest = max(len(record.items) for record in records)
    for at in range(longest):
        there = [at < len(record.items) for record in records]  # an item "" leaves a state as it is
        items = [record.items[at] if is_ else "" for record, is_ in zip(records, there, strict=True)]
        times = [record.times[at] if is_ else 0 for record, is_ in zip(records, there, strict=True)]
        states = model.ranker.step(states, items, times)
    return states


async def _chunks(keys: AsyncIterator[str], size: int) -> AsyncIterator[list[str]]:
    chunk: list[str] = []
    async for key in keys:
        chunk.append(key)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
