"""One file a way to put a model's first items in another order. The file's name is the name in requests and knobs.

order(slate, k, strength) -> k positions in the slate, best first. No file here needs TensorFlow: it is NumPy on the
hundred items or so that a model answers with. Strength 0 leaves the model's order, 1 looks at the model's scores least.

Scores of a ranker are no more than an order, and their scale differs from model to model. So what weighs against a
distance or a divergence is the score's place between the slate's lowest and highest, which is in [0, 1] everywhere.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, eq=False)
class Slate:
    """What is put in order, and whom for.

    Args:
        relevance: [n] float64 in [0, 1], descending.
        attributes: [n, m] float64, 1 where an item has a value of an attribute, else 0.
        history: [m] float64, how the user's past is spread over them, sums to 1; zeros: nothing is known.
    """

    relevance: np.ndarray
    attributes: np.ndarray
    history: np.ndarray

    def similarity(self) -> np.ndarray:
        """[n, n] cosines of attributes, in [0, 1]; an item without any is like none but itself."""
        norms = np.linalg.norm(self.attributes, axis=1, keepdims=True)
        unit = np.divide(self.attributes, norms, out=np.zeros_like(self.attributes), where=norms > 0)
        made = unit @ unit.T
        np.fill_diagonal(made, 1.0)
        return made

    def shares(self) -> np.ndarray:
        """[n, m], each item's attributes as parts of one; zeros for an item without any."""
        return shares(self.attributes)


def shares(attributes: np.ndarray) -> np.ndarray:
    """[n, m] of 0 and 1 -> each row divided by its sum; zeros stay zeros."""
    sums = attributes.sum(axis=1, keepdims=True)
    return np.divide(attributes, sums, out=np.zeros_like(attributes, dtype=np.float64), where=sums > 0)


def slate(scores: Sequence[float], attributes: Sequence[Sequence[str]], history: Sequence[Sequence[str]]) -> Slate:
    """From what a server knows.

    Args:
        scores: of the candidates, descending, finite.
        attributes: values of each candidate: genres, say.
        history: values of each item of the user's past, oldest first.
    Raises: ValueError: scores and attributes differ in length.
    """
    if len(scores) != len(attributes):
        raise ValueError(f"There are {len(scores)} scores and {len(attributes)} items.")
    known = {value: n for n, value in enumerate(dict.fromkeys(v for row in (*attributes, *history) for v in row))}
    values = np.asarray(scores, np.float64)
    span = float(np.ptp(values)) if len(values) else 0.0
    relevance = (values - values.min()) / span if span > 0 else np.ones(len(values))
    past = shares(_indicators(history, known)).sum(axis=0)
    total = past.sum()
    return Slate(relevance, _indicators(attributes, known), past / total if total > 0 else past)


def _indicators(rows: Sequence[Sequence[str]], known: dict[str, int]) -> np.ndarray:
    made = np.zeros((len(rows), len(known)))
    for n, row in enumerate(rows):
        made[n, [known[value] for value in row]] = 1.0
    return made
