"""The metrics of ranker.metrics as TFMA metrics.

TFMA's combiners are called once an extract. Here an extract is all rows of a batch that share their slices, not one
example: the same sums, some hundred times fewer calls. So TFMA's own example_count and its bootstraps, which take an
extract for an example, must not be used on these; EXAMPLES counts rows, and intervals come from ranker.bootstrap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from ranker import metrics, pair_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EXAMPLES = "examples"
COVERAGE, POPULARITY, COLD_SHARE = "coverage", "mean_popularity", "cold_share"
# Our keys of an extract: {model: [n] int64}, [n, K] int64 with NO_ITEM and COLD_ITEM, {k: [n] float64 with NaN}.
RANKS, ITEMS, MEAN_COUNTS = "ranks", "items", "mean_counts"
PAIR_SUMS = "pair_sums"  # {model: [m] float64, of ranker.pair_metrics}; such an extract has none of the others
_FORMULAS: dict[str, Callable] = {"hr": metrics.hr_at_k, "ndcg": metrics.ndcg_at_k, "mrr": metrics.mrr_at_k}


def rank_gains(rank: np.ndarray, cutoffs: Iterable[int]) -> dict[str, np.ndarray]:
    """Each example's part in every metric that is a mean of a function of its rank.

    Args:
        rank: [n] int64; 1 is best, 0: no candidate.
        cutoffs: the k, in items.
    Returns: "hr@1" and so on, each [n] float64.
    """
    return {f"{name}@{k}": formula(rank, k) for k in cutoffs for name, formula in _FORMULAS.items()}


class RankMetrics(metric_types.Metric):
    """HR, NDCG and MRR at each cutoff, and the number of examples, from the ranks of each model."""

    def __init__(self, cutoffs: list[int], name: str = "rank_metrics") -> None:
        super().__init__(_rank_computations, cutoffs=cutoffs, name=name)


class ListMetrics(metric_types.Metric):
    """Catalogue coverage, mean popularity and share of cold items at each cutoff, from the candidate's lists."""

    def __init__(self, cutoffs: list[int], catalogue_size: int, name: str = "list_metrics") -> None:
        super().__init__(_list_computations, cutoffs=cutoffs, catalogue_size=catalogue_size, name=name)


class PairMetrics(metric_types.Metric):
    """The metrics of ranker.pair_metrics that fit a head, of each model.

    TFMA's own log loss takes no weights within an extract, and the others go through pairs one by one in Python. What
    these are must be what TFMA's are (tests/components/evaluator/test_pair_tfma.py).
    """

    def __init__(self, head: str, name: str = "pair_metrics") -> None:
        super().__init__(_pair_computations, head=head, name=name)


def _pair_computations(head: str, name: str, model_names: list[str]) -> list[metric_types.MetricComputation]:
    return [_computation(list(pair_metrics.NAMES[head]), model, _PairSums(model, head)) for model in model_names]


def _no_pairs(head: str) -> np.ndarray:
    nothing = np.empty(0)
    return pair_metrics.SUMS[head](nothing, nothing, nothing)


def _rank_computations(cutoffs: list[int], name: str, model_names: list[str]) -> list[metric_types.MetricComputation]:
    names = [*rank_gains(np.empty(0, np.int64), cutoffs), EXAMPLES]
    return [_computation(names, model, _RankSums(model, cutoffs)) for model in model_names]


def _list_computations(
    cutoffs: list[int], catalogue_size: int, name: str, model_names: list[str]
) -> list[metric_types.MetricComputation]:
    names = [f"{kind}@{k}" for k in cutoffs for kind in (COVERAGE, POPULARITY, COLD_SHARE)]
    return [_computation(names, model, _ListSums(model, cutoffs, catalogue_size)) for model in model_names]


def _computation(names: list[str], model: str, combiner: beam.CombineFn) -> metric_types.MetricComputation:
    keys = [metric_types.MetricKey(name=name, model_name=model) for name in names]
    return metric_types.MetricComputation(keys=keys, preprocessors=[_Ours(model)], combiner=combiner)


class _Ours(metric_types.Preprocessor):
    """Hands our keys of the extract to the combiners, which would see features, labels and predictions otherwise."""

    def __init__(self, model: str) -> None:
        super().__init__(name=f"ours_{model}")

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {key: extracts.get(key) for key in (RANKS, ITEMS, MEAN_COUNTS, PAIR_SUMS)}


class _RankSums(beam.CombineFn):
    """Sums of gains and the number of examples: [metrics + 1] float64."""

    def __init__(self, model: str, cutoffs: list[int]) -> None:
        self._model, self._cutoffs = model, cutoffs
        self._names = list(rank_gains(np.empty(0, np.int64), cutoffs))

    def create_accumulator(self) -> np.ndarray:
        return np.zeros(len(self._names) + 1)

    def add_input(self, total: np.ndarray, extract: dict[str, Any]) -> np.ndarray:
        if extract[RANKS] is None:
            return total
        rank = extract[RANKS][self._model]
        return total + np.array([gain.sum() for gain in rank_gains(rank, self._cutoffs).values()] + [len(rank)])

    def merge_accumulators(self, totals: Iterable[np.ndarray]) -> np.ndarray:
        return np.sum(list(totals), axis=0)

    def extract_output(self, total: np.ndarray) -> dict[metric_types.MetricKey, float]:
        values = [*(total[:-1] / max(total[-1], 1)), total[-1]]
        names = [*self._names, EXAMPLES]
        return {metric_types.MetricKey(n, self._model): float(v) for n, v in zip(names, values, strict=True)}


class _ListSums(beam.CombineFn):
    """Items that were shown, [cutoffs, catalogue] bool; sums of popularity and of cold shares, and numbers of lists:
    [3, cutoffs] float64."""

    def __init__(self, model: str, cutoffs: list[int], catalogue_size: int) -> None:
        self._model, self._cutoffs, self._size = model, cutoffs, catalogue_size

    def create_accumulator(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(self._cutoffs), self._size), bool), np.zeros((3, len(self._cutoffs)))

    def add_input(self, total: tuple[np.ndarray, np.ndarray], extract: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        if extract[ITEMS] is None:
            return total
        shown = np.stack([metrics.recommended_at_k(extract[ITEMS], k, self._size) for k in self._cutoffs])
        means = np.stack([extract[MEAN_COUNTS][k] for k in self._cutoffs])
        cold = np.stack([metrics.cold_share_at_k(extract[ITEMS], k) for k in self._cutoffs])
        sums = np.stack([np.nansum(means, axis=1), np.nansum(cold, axis=1), (~np.isnan(means)).sum(axis=1)])
        return total[0] | shown, total[1] + sums

    def merge_accumulators(self, totals: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        shown, sums = zip(*totals, strict=True)
        return np.any(shown, axis=0), np.sum(sums, axis=0)

    def extract_output(self, total: tuple[np.ndarray, np.ndarray]) -> dict[metric_types.MetricKey, float]:
        shown, (popularity, cold, lists) = total
        found: dict[metric_types.MetricKey, float] = {}
        for i, k in enumerate(self._cutoffs):
            found[metric_types.MetricKey(f"{COVERAGE}@{k}", self._model)] = float(shown[i].mean())
            found[metric_types.MetricKey(f"{POPULARITY}@{k}", self._model)] = float(popularity[i] / max(lists[i], 1))
            found[metric_types.MetricKey(f"{COLD_SHARE}@{k}", self._model)] = float(cold[i] / max(lists[i], 1))
        return found


class _PairSums(beam.CombineFn):
    """Sums over pairs: [1, m] float64."""

    def __init__(self, model: str, head: str) -> None:
        self._model, self._head = model, head

    def create_accumulator(self) -> np.ndarray:
        return _no_pairs(self._head)

    def add_input(self, total: np.ndarray, extract: dict[str, Any]) -> np.ndarray:
        return total if extract[PAIR_SUMS] is None else total + extract[PAIR_SUMS][self._model]

    def merge_accumulators(self, totals: Iterable[np.ndarray]) -> np.ndarray:
        return np.sum(list(totals), axis=0)

    def extract_output(self, total: np.ndarray) -> dict[metric_types.MetricKey, float]:
        found = pair_metrics.VALUES[self._head](total)
        return {metric_types.MetricKey(name, self._model): float(value[0]) for name, value in found.items()}
