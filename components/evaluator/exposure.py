"""How the recommended lists of a split spread: diversity, novelty, exposure, and gaps between groups.

Read from the rows that inference left, a file at a time; catalogue-wide figures of the candidate alone, without
intervals. By cutoff k:

gini@k          of exposure over the items of training
novelty@k       mean self-information, in bits
ild@k           intra-list distance by the items table's categories; only where the model was trained with one
ndcg_gap_history_length@k, ndcg_gap_label_popularity@k
                best less worst NDCG@k among users by how much is known of them, and among labels by their popularity;
                of slices with at least SMALLEST examples
ndcg_gap_user_<column>@k
                the same among users by what the users table says of them
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from tfx.dsl.io import fileio

from components.evaluator import per_user
from components.evaluator.options import DISTANCE, GAP, GAP_GROUPS, GINI, NOVELTY, USER_GAP
from components.evaluator.tfma_metrics import EXAMPLES
from ranker import metrics
from schemas import features as f
from schemas import stores
from schemas.models import EXPORTED_ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from components.evaluator.report import Report

UserGroups = dict[str, dict[str, dict[str, float]]]
Attributes = tuple[dict[str, int], np.ndarray]  # rows of ids, and what ranker.metrics calls attributes
SMALLEST: Final = 30  # examples of a slice, below which its NDCG says too little of a group


def add(report: Report, folder: str, item_counts: str, model: str, cutoffs: Sequence[int]) -> dict[str, UserGroups]:
    """Puts all of it into a report, among the candidate's overall figures of each split.

    Args:
        report: of components.evaluator.report, in place.
        folder: of the Parquet files of schemas.records.PER_USER.
        item_counts: file of schemas.records.ITEM_COUNTS.
        model: folder of the candidate's SavedModel.
        cutoffs: k.
    Returns: split -> what `user_groups` gives.
    """
    counts, table = per_user.read_item_counts(item_counts), attributes(exported_items(model))
    groups = {split: user_groups(folder, split, cutoffs) for split in report}
    for split, by_model in report.items():
        slices = by_model[per_user.CANDIDATE]
        found = {**measure(folder, split, counts, table, cutoffs), **gaps(slices, cutoffs)}
        found |= _group_gaps(groups[split], cutoffs)
        for name, value in found.items():
            slices[per_user.OVERALL][name] = {"value": value, "low": None, "high": None}
    return groups


def user_groups(folder: str, split: str, cutoffs: Sequence[int]) -> UserGroups:
    """NDCG@k of users by what the users table says of them; one of several values is in several groups.

    Args:
        folder: of the Parquet files of schemas.records.PER_USER.
        split: of them.
        cutoffs: k.
    Returns: column -> value -> {"examples": …, "ndcg@k": …}; empty without a users table.
    """
    names = [f"ndcg@{k}" for k in cutoffs]
    parts = []
    for path in sorted(fileio.glob(f"{folder}/*.parquet")):
        rows = per_user.read_parquet(path, [per_user.SPLIT, "rank", per_user.GROUPS])
        rows = rows.filter(pl.col(per_user.SPLIT) == split)
        gains = {name: metrics.ndcg_at_k(rows["rank"].to_numpy(), k) for name, k in zip(names, cutoffs, strict=True)}
        of_groups = rows.select(per_user.GROUPS).with_columns(**{n: pl.Series(v) for n, v in gains.items()})
        of_groups = of_groups.explode(per_user.GROUPS).drop_nulls(per_user.GROUPS)
        parts.append(of_groups.group_by(per_user.GROUPS).agg(pl.len().alias(EXAMPLES), pl.col(names).sum()))
    made: UserGroups = {}
    if parts:
        whole = pl.concat(parts).group_by(per_user.GROUPS).sum().sort(per_user.GROUPS)
        for row in whole.iter_rows(named=True):
            column, _, value = row[per_user.GROUPS].partition("=")
            means = {name: row[name] / row[EXAMPLES] for name in names}
            made.setdefault(column, {})[value] = {EXAMPLES: row[EXAMPLES], **means}
    return made


def _group_gaps(groups: UserGroups, cutoffs: Sequence[int]) -> dict[str, float]:
    found: dict[str, float] = {}
    for column, by_value in groups.items():
        found |= _apart(f"{USER_GAP}{column}", by_value.values(), cutoffs)
    return found


def measure(
    folder: str, split: str, counts: pl.DataFrame, table: Attributes | None, cutoffs: Sequence[int]
) -> dict[str, float]:
    """Gini, novelty and distance of the first k of all lists of a split.

    Args:
        folder: of the Parquet files of schemas.records.PER_USER.
        split: of them.
        counts: schemas.records.ITEM_COUNTS.
        table: of the items (`attributes`); None: they have no categories.
        cutoffs: k.
    Returns: value by name; empty where the split has no lists.
    """
    known = {item: n for n, item in enumerate(counts["item_id"])}
    exposed = {k: np.zeros(len(known), np.int64) for k in cutoffs}
    sums: dict[str, list[float]] = {}
    for path in sorted(fileio.glob(f"{folder}/*.parquet")):
        lists = per_user.read_parquet(path, [per_user.SPLIT, "top_items"]).filter(pl.col(per_user.SPLIT) == split)
        if lists.is_empty():
            continue
        tops = lists["top_items"].to_list()
        numbers = metrics.numbered(tops, known, f.TOP_K)
        of_table = None if table is None else (metrics.numbered(tops, table[0], f.TOP_K), table[1])
        for k in cutoffs:
            first = numbers[:, :k]
            exposed[k] += np.bincount(first[first >= 0], minlength=len(known))
            _add(sums, f"{NOVELTY}@{k}", metrics.novelty_at_k(numbers, k, counts["count"].to_numpy()))
            if of_table is not None and k > 1:
                distances = metrics.intra_list_distance_at_k(of_table[0], k, of_table[1])
                _add(sums, f"{DISTANCE}@{k}", distances)
    found = {f"{GINI}@{k}": metrics.gini(shown) for k, shown in exposed.items()}
    found |= {name: total / n if n else float("nan") for name, (total, n) in sums.items()}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def gaps(slices: Mapping[str, Mapping[str, Mapping[str, Any]]], cutoffs: Sequence[int]) -> dict[str, float]:
    """Best less worst NDCG@k among the slices of each kind of group.

    Args:
        slices: slice -> metric -> {"value"}, of one model.
        cutoffs: k.
    Returns: value by name; a kind with fewer than two large slices has none.
    """
    found: dict[str, float] = {}
    for group in GAP_GROUPS:
        of_group = [values for name, values in slices.items() if name.startswith(f"{group}=")]
        plain = [{metric: each["value"] for metric, each in values.items()} for values in of_group]
        found |= _apart(f"{GAP}_{group}", plain, cutoffs)
    return found


def _apart(name: str, groups: Iterable[Mapping[str, float]], cutoffs: Sequence[int]) -> dict[str, float]:
    """Best less worst NDCG@k of the large ones among groups, by `name`@k; nothing where fewer than two are large."""
    large = [values for values in groups if values[EXAMPLES] >= SMALLEST]
    if len(large) < 2:
        return {}
    of_cutoffs = {k: [values[f"ndcg@{k}"] for values in large] for k in cutoffs}
    return {f"{name}@{k}": max(values) - min(values) for k, values in of_cutoffs.items()}


def exported_items(model: str) -> pl.DataFrame | None:
    """The items table beside a SavedModel; None: it was trained without one.

    Args:
        model: folder of the SavedModel, local or a URL.
    """
    system, root = stores.url_to_fs(f"{model.rstrip('/')}/{EXPORTED_ITEMS}")
    if not system.exists(root):
        return None
    with system.open(root, "rb") as file:
        return pl.read_parquet(file.read())


def attributes(items: pl.DataFrame | None) -> Attributes | None:
    """The categories of an items table (`exported_items`); None: it has none, or there is no table."""
    if items is None:
        return None
    columns = [
        name for name, kind in items.schema.items() if name.startswith(f.FEATURE_PREFIX) and kind == pl.List(pl.String)
    ]
    if not columns:
        return None
    row = pl.int_range(pl.len()).alias("row")
    each = [
        items.select(row, value=pl.col(name)).explode("value").drop_nulls().with_columns(column=pl.lit(name))
        for name in columns
    ]
    held = pl.concat(each).unique().sort("row")
    numbers = held.select(pl.struct("column", "value").rank("dense")).to_series().to_numpy()
    rows = held["row"].to_numpy()
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    made = np.full((items.height, int(place.max(initial=-1)) + 1), -1, np.int64)
    made[rows, place] = numbers
    return {item: n for n, item in enumerate(items[f.ITEM_ID])}, made


def _add(sums: dict[str, list[float]], name: str, values: np.ndarray) -> None:
    total = sums.setdefault(name, [0.0, 0])
    there = values[np.isfinite(values)]
    total[0], total[1] = total[0] + float(there.sum()), total[1] + len(there)
