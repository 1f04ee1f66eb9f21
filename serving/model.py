"""The model that answers: loaded beside the one before, warmed, and exchanged in one step.

Whoever asks takes `Models.current` once and keeps it to the end of the request, so that a request never sees two
models, and the old one is freed when its last request has ended.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import gc
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tensorflow as tf

from ranker import saved
from schemas import features as f
from schemas import stores
from schemas.errors import ModelError, SeqrankError
from schemas.models import read_facts
from serving import versions

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from schemas.keys import KeyOptions
    from serving.metrics import Metrics
    from serving.versions import Version

_log = logging.getLogger(__name__)
_WARM_LENGTHS: Final = (0, 1, 30)  # of histories in the first calls
_WARM_ROWS: Final = (1, 2, 8)


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded:
    """One version, ready to answer.

    Args:
        number: of the version; 0: it has none.
        identity: what its states are told apart by: version and digest.
        ranker: its signatures.
        most: items in one of its answers, K.
        mask_seen: whether it leaves out what the user has seen.
        items: titles and features of items by id, empty where it was trained without a table.
        signatures: name -> (inputs, outputs), tensor name -> tf.TensorSpec.
    """

    number: int
    identity: str
    ranker: saved.SavedRanker
    most: int
    mask_seen: bool
    items: dict[str, dict[str, Any]]
    signatures: dict[str, tuple[dict[str, tf.TensorSpec], dict[str, tf.TensorSpec]]]

    @property
    def recurrent(self) -> bool:
        """Whether a user's state can be kept."""
        return self.ranker.recurrent

    def title(self, item: str) -> str | None:
        """What people call an item, where the table says."""
        return self.items.get(item, {}).get(f.TITLE)

    def call(self, name: str, inputs: dict[str, tf.Tensor]) -> dict[str, np.ndarray]:
        """A signature as it is: tensors by name in, arrays by name out."""
        return {key: value.numpy() for key, value in self.ranker.call(name, inputs).items()}


def load(version: Version, key: KeyOptions | None = None) -> Loaded:
    """Loads a version and calls each of its signatures that serving uses: the first call is a slow one.

    Args:
        version: which.
        key: of an encrypted one; None: where it was when the model was published.
    Raises: ModelError: it can't be loaded or doesn't answer as one of ours. ConfigError, DataError: `versions.on_disk`.
    """
    with versions.on_disk(version.path, key) as folder:
        ranker = saved.load(folder)
        told = versions.manifest(folder)
        facts = read_facts(folder)
        loaded = Loaded(
            number=version.number,
            identity=f"{version.number}:{told.digest if told else ''}",
            ranker=ranker,
            most=_warm(ranker, version.path),
            mask_seen=facts.mask_seen,
            items=_table(folder),
            signatures=ranker.specs(),
        )
    return loaded


def _warm(ranker: saved.SavedRanker, where: str) -> int:
    """Returns: K."""
    try:
        for rows in _WARM_ROWS:
            for length in _WARM_LENGTHS:
                answer = ranker.recommend([["?"] * length] * rows)
            if ranker.recurrent:
                state = ranker.step(ranker.initial_state(rows), ["?"] * rows)
                ranker.rank(state, [["?"]] * rows)
                ranker.rank(state)
    except tf.errors.OpError as error:
        raise ModelError("The model doesn't answer.", where=where, why=error.message) from error
    if not np.isfinite(answer.scores[answer.item_ids != ""]).all():
        raise ModelError("The model's scores are no numbers.", where=where)
    return int(answer.item_ids.shape[1])


def _table(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    table = saved.items(folder)
    if table is None:
        return {}
    return {row[f.ITEM_ID]: row for row in table.iter_rows(named=True)}


class Models:
    """Keeps the newest version that can be loaded.

    Args:
        place: a publish target or a model's folder.
        metrics: swaps and failures are counted there.
        changed: called in the loop's thread after each exchange, with the new one.
        key: of encrypted models; None: where it was when they were published.
    """

    def __init__(
        self,
        place: str,
        metrics: Metrics,
        changed: Callable[[Loaded], None] = lambda _: None,
        key: KeyOptions | None = None,
    ) -> None:
        self._place, self._metrics, self._changed, self._key = place, metrics, changed, key
        self._current: Loaded | None = None
        self._failed: dict[Version, str] = {}  # and why
        self._pool = concurrent.futures.ThreadPoolExecutor(1, "load")

    @property
    def current(self) -> Loaded:
        """Raises: ModelError: none is loaded."""
        if self._current is None:
            raise ModelError("No model is loaded.", where=self._place, next_step="Ask again in a moment.")
        return self._current

    @property
    def ready(self) -> bool:
        """Whether there is a model."""
        return self._current is not None

    async def begin(self) -> None:
        """Loads the newest version that can be loaded.

        Raises: SeqrankError: there is none.
        """
        await self._look()
        if not self.ready:
            raise ModelError(
                "There is no model here that can be served.",
                where=self._place,
                why="\n".join(
                    f"{version.path} can't be loaded: {why}"
                    for version, why in sorted(self._failed.items(), key=lambda failed: failed[0].path)
                ),
                next_step="`seqrank run` publishes one; --model names another place.",
            )

    async def watch(self, seconds: float) -> None:
        """Looks for newer versions for ever; whatever fails, what is served stays."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._look()
            except SeqrankError as error:
                _log.warning("%s", error)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._pool, versions.complete, self._place)
        except Exception as error:
            if not isinstance(error, stores.failures()):
                raise
            self._metrics.load_failures.inc()
            _log.warning("%s can't be looked at (%s: %s).", self._place, type(error).__name__, error)
            return
        self._failed = {version: why for version, why in self._failed.items() if version in found}
        await self._exchange(found)

    async def _exchange(self, found: list[Version]) -> None:
        """Takes the newest that isn't older than what is served and that loads."""
        for version in found:
            if self._current is not None and version.number <= self._current.number:
                return
            if version in self._failed:
                continue
            began = time.monotonic()
            try:
                loaded = await asyncio.get_running_loop().run_in_executor(self._pool, load, version, self._key)
            except Exception as error:  # whatever a broken model does, the old one stays
                self._failed[version] = _short(error)
                self._metrics.load_failures.inc()
                _log.error("Version %d can't be loaded (%s); what was served stays.", version.number, error)
                continue
            self._take(loaded)
            _log.info("Version %d is served, loaded in %.1f s.", loaded.number, time.monotonic() - began)
            return

    def _take(self, loaded: Loaded) -> None:
        first, self._current = self._current is None, loaded
        self._metrics.model_version.set(loaded.number)
        if first:
            gc.freeze()  # TensorFlow's many objects: a full collection would stop requests for a tenth of a second
            gc.enable()  # a server begins without
        else:
            self._metrics.swaps.inc()
        self._changed(loaded)

    def close(self) -> None:
        """Ends the thread that loads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _short(error: Exception) -> str:
    """Its first line: TensorFlow's errors have hundreds."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
