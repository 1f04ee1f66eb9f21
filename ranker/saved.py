"""Loads an exported model and calls it with plain Python and NumPy values. Needs TensorFlow alone, save `items`."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from schemas import features as f
from schemas.errors import ModelError
from schemas.models import EXPORTED_ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl


@dataclasses.dataclass(frozen=True)
class Answer:
    """item_ids [B, K] of str, best first, "" where fewer are left; scores [B, K] float32, -inf beside "".

    Scores are what the model's head says: probabilities, ratings, or, of the head next_item, no more than an order.
    """

    item_ids: np.ndarray
    scores: np.ndarray


@dataclasses.dataclass(frozen=True)
class Ranks:
    """label_rank, popularity_rank [B] int64, 0 where the label is no candidate; top_items [B, TOP_K] of str."""

    label_rank: np.ndarray
    popularity_rank: np.ndarray
    top_items: np.ndarray


def load(path: str | os.PathLike[str]) -> SavedRanker:
    """Loads a SavedModel's folder.

    Raises: ModelError: there is no SavedModel, or it isn't one of ours.
    """
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError) as error:
        raise ModelError("This is no SavedModel that TensorFlow can load.", where=str(path), why=str(error)) from error
    return SavedRanker(loaded, str(path))


def items(path: str | os.PathLike[str]) -> pl.DataFrame | None:
    """What the items table said when the model was trained: titles, for people, and features.

    Args:
        path: a SavedModel's folder, where TensorFlow can read it. The file is read with Polars.
    Returns: columns item_id, title, published (milliseconds; null: unknown), feature_<column>, as far as the table had
        them; None: the model was trained without a table.
    """
    import polars as pl

    file = f"{os.fspath(path).rstrip('/')}/{EXPORTED_ITEMS}"
    if not tf.io.gfile.exists(file):
        return None
    with tf.io.gfile.GFile(file, "rb") as source:
        return pl.read_parquet(source.read())


class SavedRanker:
    """The signatures of an exported model as methods.

    Args:
        loaded: what tf.saved_model.load gave.
        where: its folder, for messages.
    Raises: ModelError: a signature that every model has is missing.
    """

    def __init__(self, loaded: Any, where: str) -> None:
        self._loaded, self._where = loaded, where  # the functions live no longer than what was loaded
        for name in (f.SIGNATURE_RECOMMEND, f.SIGNATURE_EVALUATE, f.SIGNATURE_SERVING):
            self._signature(name)

    @property
    def recurrent(self) -> bool:
        """Whether the model has `step` and `rank`."""
        return f.SIGNATURE_STEP in self._loaded.signatures

    def call(self, name: str, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Any signature, tensors by name.

        Raises: ModelError: there is no such signature. tf.errors.OpError, ValueError, TypeError: not its inputs.
        """
        return self._signature(name)(**inputs)

    def specs(self) -> dict[str, tuple[dict[str, tf.TensorSpec], dict[str, tf.TensorSpec]]]:
        """Inputs and outputs of each signature, by name."""
        return {
            name: (dict(function.structured_input_signature[1]), dict(function.structured_outputs))
            for name, function in self._loaded.signatures.items()
        }

    def recommend(
        self,
        history: Sequence[Sequence[str]],
        timestamps: Sequence[Sequence[int]] | None = None,
        user_id: Sequence[str] | None = None,
        exclude: Sequence[Sequence[str]] | None = None,
        now: Sequence[int] | None = None,
    ) -> Answer:
        """Answers for histories.

        Args:
            history: [B] lists of item ids, oldest first; they may differ in length.
            timestamps: beside them, milliseconds; None: unknown.
            user_id: [B]; None: unknown.
            exclude: [B] lists of items that must not be answered; None: none.
            now: [B] milliseconds, when each asks: only items published by then are answers. None: right after the last
                event, or, where no time is known, when the newest item is published.
        """
        rows = len(history)
        items = _padded(history, "")
        times = np.zeros(items.shape, np.int64) if timestamps is None else _padded(timestamps, 0).astype(np.int64)
        if now is not None:  # the time of no event is that of the request
            items, times = (np.column_stack(pair) for pair in ((items, [""] * rows), (times, list(now))))
        out = self._signature(f.SIGNATURE_RECOMMEND)(
            history=tf.constant(items, tf.string),
            timestamps=tf.constant(times, tf.int64),
            user_id=tf.constant([""] * rows if user_id is None else list(user_id), tf.string),
            exclude=tf.constant(_padded(exclude or [[]] * rows, ""), tf.string),
        )
        return _answer(out)

    def serve(self, examples: Sequence[bytes]) -> Answer:
        """Answers for serialised sequences."""
        return _answer(self._signature(f.SIGNATURE_SERVING)(examples=tf.constant(list(examples), tf.string)))

    def evaluate(self, examples: Sequence[bytes]) -> Ranks:
        """Ranks of the labels of serialised sequences."""
        out = self._signature(f.SIGNATURE_EVALUATE)(examples=tf.constant(list(examples), tf.string))
        return Ranks(out[f.LABEL_RANK].numpy(), out[f.POPULARITY_RANK].numpy(), _text(out[f.TOP_ITEMS]))

    def score(
        self,
        history: Sequence[Sequence[str]],
        candidates: Sequence[Sequence[str]],
        timestamps: Sequence[Sequence[int]] | None = None,
        user_id: Sequence[str] | None = None,
    ) -> np.ndarray:
        """What the model's head says of any items: a score, a probability, or a rating.

        Args:
            history, timestamps, user_id: as for `recommend`.
            candidates: [B] lists of item ids, of the past or not; they may differ in length.
        Returns: [B, longest list] float32; NaN: an item that the model doesn't know, or no item at all.
        """
        items = _padded(history, "")
        times = np.zeros(items.shape, np.int64) if timestamps is None else _padded(timestamps, 0).astype(np.int64)
        out = self._signature(f.SIGNATURE_SCORE)(
            history=tf.constant(items, tf.string),
            timestamps=tf.constant(times, tf.int64),
            user_id=tf.constant([""] * len(history) if user_id is None else list(user_id), tf.string),
            candidates=tf.constant(_padded(candidates, ""), tf.string),
        )
        return out[f.SCORES].numpy()

    def score_examples(self, examples: Sequence[bytes], candidates: Sequence[Sequence[str]]) -> np.ndarray:
        """As `score`, for serialised sequences."""
        out = self._signature(f.SIGNATURE_SCORE_EXAMPLES)(
            examples=tf.constant(list(examples), tf.string), candidates=tf.constant(_padded(candidates, ""), tf.string)
        )
        return out[f.SCORES].numpy()

    def initial_state(self, rows: int) -> np.ndarray:
        """States of users without events: [rows, S] float32."""
        inputs = self._signature(f.SIGNATURE_STEP).structured_input_signature[1]
        return np.zeros((rows, inputs[f.STATE].shape[1]), np.float32)

    def step(self, state: np.ndarray, item: Sequence[str], timestamp: Sequence[int] | None = None) -> np.ndarray:
        """States [B, S] after one more event each; an item "" leaves a state as it is."""
        times = [0] * len(item) if timestamp is None else list(timestamp)
        out = self._signature(f.SIGNATURE_STEP)(
            state=tf.constant(state), item=tf.constant(list(item), tf.string), timestamp=tf.constant(times, tf.int64)
        )
        return out[f.STATE].numpy()

    def rank(self, state: np.ndarray, exclude: Sequence[Sequence[str]] | None = None) -> Answer:
        """Answers after the events that the states [B, S] have seen."""
        left_out = tf.constant(_padded(exclude or [[]] * len(state), ""), tf.string)
        return _answer(self._signature(f.SIGNATURE_RANK)(state=tf.constant(state), exclude=left_out))

    def _signature(self, name: str) -> Any:
        found = self._loaded.signatures
        if name not in found:
            have = ", ".join(sorted(found)) or "none"
            raise ModelError(f"The model has no signature {name!r}.", where=self._where, why=f"It has {have}.")
        return found[name]


def _padded(rows: Sequence[Sequence[Any]], padding: Any) -> np.ndarray:
    """Lists of different lengths -> [B, longest], padded on the right."""
    table = np.full((len(rows), max(map(len, rows), default=0)), padding, dtype=object)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = list(values)
    return table


def _text(values: tf.Tensor) -> np.ndarray:
    return np.char.decode(values.numpy().astype(bytes), "utf-8")


def _answer(out: dict[str, tf.Tensor]) -> Answer:
    return Answer(_text(out[f.ITEM_IDS]), out[f.SCORES].numpy())
