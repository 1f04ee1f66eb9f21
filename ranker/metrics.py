"""Ranking metrics in NumPy: the only place where their formulas stand.

Every evaluation example has one relevant item, its label. A rank is the label's place in the whole catalogue, 1 is
best; 0 says that the label is no candidate (training never saw it, and the model knows no feature of it), which is a
miss that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NO_ITEM = -1  # in a list of recommended items: nothing stands here
COLD_ITEM = -2  # in a list of recommended items: one that training never saw


def numbered(lists: Iterable[Sequence[str]], places: Mapping[str, int], most: int) -> np.ndarray:
    """Lists of item ids as the functions below take them.

    Args:
        lists: [n], best first; "" is no item.
        places: item id -> its number.
        most: K, at least the longest list.
    Returns: [n, K] int64; COLD_ITEM for an item without a number, NO_ITEM where a list is shorter.
    """
    found = [[places.get(item, COLD_ITEM) for item in items if item] for items in lists]
    made = np.full((len(found), most), NO_ITEM, np.int64)
    for row, numbers in zip(made, found, strict=True):
        row[: len(numbers)] = numbers
    return made


def hr_at_k(rank: np.ndarray, k: int) -> np.ndarray:
    """Hit rate at k: whether the label is among the first k (Deshpande and Karypis, ACM TOIS 2004).

    With one relevant item this is recall@k as well.

    Args:
        rank: [n] int64; 1 is best, 0: no candidate.
        k: cutoff, in items, at least 1.
    Returns: [n] float64, 0 or 1; the mean over examples is what is reported.
    Raises: ValueError: k < 1 or a negative rank.
    """
    return _hits(rank, k).astype(np.float64)


def ndcg_at_k(rank: np.ndarray, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain at k (Jarvelin and Kekalainen, ACM TOIS 2002; log2(1 + rank) as discount).

    With one relevant item the ideal list's gain is 1, so NDCG is the label's own discount 1 / log2(1 + rank).

    Args:
        rank: [n] int64; 1 is best, 0: no candidate.
        k: cutoff, in items, at least 1.
    Returns: [n] float64 in [0, 1]; rank 1 gives 1, rank 3 gives 1 / log2(4) = 0.5.
    Raises: ValueError: k < 1 or a negative rank.
    """
    return np.where(_hits(rank, k), 1.0 / np.log2(1.0 + np.maximum(rank, 1)), 0.0)


def mrr_at_k(rank: np.ndarray, k: int) -> np.ndarray:
    """Reciprocal rank at k: 1 / rank of the label, 0 beyond k (Voorhees, TREC-8 1999); its mean over examples is MRR@k.

    Args:
        rank: [n] int64; 1 is best, 0: no candidate.
        k: cutoff, in items, at least 1.
    Returns: [n] float64 in [0, 1].
    Raises: ValueError: k < 1 or a negative rank.
    """
    return np.where(_hits(rank, k), 1.0 / np.maximum(rank, 1), 0.0)


def recommended_at_k(items: np.ndarray, k: int, catalogue_size: int) -> np.ndarray:
    """Which items of the catalogue stand among the first k of any list.

    Parts of the lists can be taken one after the other and joined by a logical or, so memory follows the catalogue.

    Args:
        items: [n, K] int64, best first; numbers in [0, catalogue_size), COLD_ITEM, or NO_ITEM where a list is shorter.
        k: cutoff, in items, at least 1.
        catalogue_size: number of items of training, at least 1; cold ones are none of them.
    Returns: [catalogue_size] bool.
    Raises: ValueError: k < 1, or an item outside the catalogue.
    """
    first = _first(items, k, catalogue_size)
    found = np.zeros(catalogue_size, bool)
    found[first[first >= 0]] = True
    return found


def coverage_at_k(items: np.ndarray, k: int, catalogue_size: int) -> float:
    """Catalogue coverage at k: the share of the catalogue that at least one list shows (Ge et al., RecSys 2010).

    Args: as in `recommended_at_k`.
    Returns: a share in [0, 1]; 0 where there are no lists.
    Raises: ValueError: k < 1, or an item outside the catalogue.
    """
    return float(np.mean(recommended_at_k(items, k, catalogue_size)))


def popularity_at_k(items: np.ndarray, k: int, counts: np.ndarray) -> np.ndarray:
    """Mean training count of the first k items of each list (Yin et al., VLDB 2012: average popularity of a list).

    Args:
        items: [n, K] int64, best first; indices into `counts`, COLD_ITEM (a count of 0), or NO_ITEM where a list is
            shorter.
        k: cutoff, in items, at least 1.
        counts: [c] int64, interactions of each item in training.
    Returns: [n] float64, in interactions; NaN for an empty list. The mean over the others is what is reported.
    Raises: ValueError: k < 1, or an item outside `counts`.
    """
    first = _first(items, k, len(counts))
    there = first != NO_ITEM
    totals = np.where(first >= 0, counts[np.maximum(first, 0)], 0).sum(axis=1, dtype=np.float64)
    return _mean_over_list(totals, there)


def cold_share_at_k(items: np.ndarray, k: int) -> np.ndarray:
    """Share of the first k items of each list that training never saw: |{cold i <= k}| / |{i <= k}|.

    Args:
        items: [n, K] int64, best first; COLD_ITEM, any number that isn't negative, or NO_ITEM where a list is shorter.
        k: cutoff, in items, at least 1.
    Returns: [n] float64 in [0, 1]; NaN for an empty list. The mean over the others is what is reported.
    Raises: ValueError: k < 1.
    """
    first = _first(items, k, np.iinfo(np.int64).max)
    return _mean_over_list((first == COLD_ITEM).sum(axis=1, dtype=np.float64), first != NO_ITEM)


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of exposure: 0 where every item has the same, near 1 where one has all.

    Twice the area between the Lorenz curve and the diagonal: sum over i of (2 i - n - 1) x_i / (n * sum of x), x
    ascending. Example: counts 0 and 2 give (-1 * 0 + 1 * 2) / (2 * 2) = 0.5.

    Args:
        counts: [n], how often each item is shown, items that never are among them.
    Returns: a number in [0, 1); NaN where there is nothing.
    """
    n, total = len(counts), counts.sum()
    if not n or not total:
        return float("nan")
    return float(((2 * np.arange(1, n + 1) - n - 1) * np.sort(counts)).sum() / (n * total))


def novelty_at_k(items: np.ndarray, k: int, counts: np.ndarray) -> np.ndarray:
    """Mean self-information of the first k items of each list (Zhou et al., PNAS 2010): -log2 p, in bits.

    p = (count + 1) / (interactions + items): of an item that training never saw it isn't infinite.

    Args:
        items: [n, K] int64, best first; indices into `counts`, COLD_ITEM, or NO_ITEM where a list is shorter.
        k: cutoff, in items, at least 1.
        counts: [c] int64, interactions of each item in training.
    Returns: [n] float64; NaN for an empty list.
    Raises: ValueError: k < 1, or an item outside `counts`.
    """
    first = _first(items, k, len(counts))
    bits = np.log2(counts.sum() + len(counts)) - np.log2(np.append(counts, 0) + 1.0)
    there = first != NO_ITEM
    totals = np.where(there, bits[np.where(first >= 0, first, len(counts))], 0.0).sum(axis=1)
    return _mean_over_list(totals, there)


def intra_list_distance_at_k(items: np.ndarray, k: int, attributes: np.ndarray) -> np.ndarray:
    """Mean distance of two of the first k items of each list (Smyth and McClave, 2001): 1 - cosine of attributes.

    With unit vectors u the cosines of all pairs add up to (|sum of u|^2 - sum of |u|^2) / 2. An item without attributes
    is at distance 1 from every other.

    Args:
        items: [n, K] int64, best first; rows of `attributes`, COLD_ITEM (no attributes), or NO_ITEM where a list is
            shorter.
        k: cutoff, in items, at least 2.
        attributes: [c, w] int64, numbers of an item's values, each once, and -1 where it has fewer than w.
    Returns: [n] float64 in [0, 1]; NaN for a list of fewer than two items.
    Raises: ValueError: k < 2, or an item outside `attributes`.
    """
    if k < 2:
        raise ValueError(f"A distance within a list needs two items; got k = {k}.")
    first = _first(items, k, len(attributes))
    there = first != NO_ITEM
    values = np.where((first >= 0)[..., None], attributes[np.maximum(first, 0)], -1)
    held = values >= 0
    number = held.sum(axis=2)
    # The sum of a list's unit vectors, by its values alone: all values there are would be far too many.
    lists, positions, _ = np.nonzero(held)
    places, place = np.unique(np.stack([lists, values[held]]), axis=1, return_inverse=True)
    totals = np.bincount(place.ravel(), weights=1.0 / np.sqrt(number[lists, positions]), minlength=places.shape[1])
    both = np.bincount(places[0], weights=totals**2, minlength=len(first)) - (number > 0).sum(axis=1)
    pairs = there.sum(axis=1) * (there.sum(axis=1) - 1.0)
    return np.where(pairs > 0, 1.0 - both / np.maximum(pairs, 1.0), np.nan)


def _mean_over_list(totals: np.ndarray, there: np.ndarray) -> np.ndarray:
    shown = there.sum(axis=1)
    return np.where(shown > 0, totals / np.maximum(shown, 1), np.nan)


def _hits(rank: np.ndarray, k: int) -> np.ndarray:
    if k < 1 or np.any(np.asarray(rank) < 0):
        raise ValueError(f"A metric at k needs k >= 1 and ranks >= 0 (0: no candidate); got k = {k}, rank = {rank}.")
    return (np.asarray(rank) >= 1) & (np.asarray(rank) <= k)


def _first(items: np.ndarray, k: int, catalogue_size: int) -> np.ndarray:
    if k < 1 or catalogue_size < 1:
        raise ValueError(f"A metric at k needs k >= 1 and a catalogue; got k = {k}, {catalogue_size} items.")
    first = np.asarray(items)[:, :k]
    if first.size and (first.min() < COLD_ITEM or first.max() >= catalogue_size):
        raise ValueError(
            f"Item numbers must lie in [{COLD_ITEM}, {catalogue_size}); got {first.min()} to {first.max()}."
        )
    return first
