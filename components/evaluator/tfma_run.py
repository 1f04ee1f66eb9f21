"""TFMA's side of the stage: what it is asked for, what it is fed, and what it wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
import polars as pl
import pyarrow as pa
from google.protobuf import wrappers_pb2
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer, metrics_plots_and_validations_writer

from components.evaluator import tfma_metrics
from components.evaluator.per_user import RANK_COLUMNS, SLICES, SPLIT, read_item_counts, slice_name
from ranker import metrics, pair_metrics
from schemas import features

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEYS = (SPLIT, *SLICES)


def eval_config(
    models: list[str],
    cutoffs: tuple[int, ...],
    items: int,
    slices: bool,
    head: str = "next_item",
    pair_models: Sequence[str] = (),
) -> config_pb2.EvalConfig:
    """What TFMA is asked for.

    Args:
        models: keys of per_user.RANK_COLUMNS, the candidate first.
        cutoffs: the k, in items.
        items: size of the catalogue that coverage refers to.
        slices: also by each of per_user.SLICES; splits are kept apart in any case.
        head: a name of ranker.heads.
        pair_models: keys of pair_rows.columns: those whose pairs are measured, none with the head next_item.
    Returns: a configuration without TFMA's default metrics, which would call the model's own loss.
    """
    keys = [[SPLIT]] + ([[SPLIT, name] for name in SLICES] if slices else [])
    ranking = _metric(tfma_metrics.RankMetrics, cutoffs=list(cutoffs))
    lists = _metric(tfma_metrics.ListMetrics, cutoffs=list(cutoffs), catalogue_size=items)
    of_pairs = [_metric(tfma_metrics.PairMetrics, head=head)] if pair_models else []
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(name=name) for name in dict.fromkeys([*models, *pair_models])],
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=key) for key in keys],
        metrics_specs=[
            config_pb2.MetricsSpec(metrics=[ranking], model_names=models),
            config_pb2.MetricsSpec(metrics=[lists], model_names=models[:1]),
            *(config_pb2.MetricsSpec(metrics=[metric], model_names=list(pair_models)) for metric in of_pairs),
        ],
        options=config_pb2.Options(include_default_metrics=wrappers_pb2.BoolValue(value=False)),
    )


def write_results(
    extracts: beam.PCollection, config: config_pb2.EvalConfig, locations: dict[str, str], path: str
) -> None:
    """Evaluates what `Extracts` made and writes it in TFMA's own format.

    Args:
        extracts: of `Extracts`.
        config: of `eval_config`.
        locations: for each model, where it lies or a word on it: shown by TFMA's viewers.
        path: folder that `tfma.load_eval_result(path, model_name=…)` shall read.
    """
    paths = {key: f"{path}/{key}" for key in (constants.METRICS_KEY, constants.PLOTS_KEY, constants.ATTRIBUTIONS_KEY)}
    writers = [
        eval_config_writer.EvalConfigWriter(path, eval_config=config, model_locations=locations),
        metrics_plots_and_validations_writer.MetricsPlotsAndValidationsWriter(
            output_paths=paths, eval_config=config, output_file_format="tfrecord"
        ),
    ]
    _ = extracts | "Metrics" >> model_eval_lib.ExtractEvaluateAndWriteResults(
        eval_config=config,
        extractors=[slice_key_extractor.SliceKeyExtractor(eval_config=config, materialize=False)],
        writers=writers,
    )


def read_results(path: str, model: str) -> dict[str, dict[str, dict[str, float]]]:
    """What TFMA wrote about one model: split -> slice ("overall", "history_length=1-4") -> metric -> value."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for key, outputs in model_eval_lib.load_eval_result(path, model_name=model).slicing_metrics:
        values = {name: value["doubleValue"] for name, value in outputs[""][""].items()}
        names = dict(key)
        found.setdefault(names.pop(SPLIT), {})[slice_name(*names.items())] = values
    return found


class Extracts(beam.DoFn):
    """Tables of schemas.records.PER_USER to TFMA's extracts, one for the rows that share their slices.

    Args:
        models: keys of per_user.RANK_COLUMNS.
        cutoffs: the k, in items.
        item_counts: path of the Parquet file of schemas.records.ITEM_COUNTS.
    """

    def __init__(self, models: list[str], cutoffs: tuple[int, ...], item_counts: str) -> None:
        self._models, self._cutoffs, self._path = models, cutoffs, item_counts

    def setup(self) -> None:
        counts = read_item_counts(self._path)
        self._numbers = pl.DataFrame({"item": counts["item_id"], "number": np.arange(len(counts), dtype=np.int64)})
        self._counts = counts["count"].to_numpy()

    def process(self, rows: pa.Table) -> Iterator[dict[str, Any]]:
        frame = pl.DataFrame(pl.from_arrow(rows)).with_columns(pl.Series("codes", self._codes(rows)))
        for key, part in frame.partition_by(_KEYS, as_dict=True).items():
            codes = part["codes"].to_numpy()
            yield {
                constants.FEATURES_KEY: _features(key),
                tfma_metrics.RANKS: {model: part[RANK_COLUMNS[model]].to_numpy() for model in self._models},
                tfma_metrics.ITEMS: codes,
                tfma_metrics.MEAN_COUNTS: {k: metrics.popularity_at_k(codes, k, self._counts) for k in self._cutoffs},
            }

    def _codes(self, rows: pa.Table) -> np.ndarray:
        """Lines of the recommended items in ItemCounts: [n, TOP_K] int64, COLD_ITEM, NO_ITEM beyond a list's end."""
        column = rows.column("top_items").combine_chunks()
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        items = pl.DataFrame({"item": pl.from_arrow(column.flatten())})
        numbers = items.join(self._numbers, on="item", how="left", maintain_order="left")["number"]
        codes = np.full((len(rows), features.TOP_K), metrics.NO_ITEM, np.int64)
        codes[np.arange(features.TOP_K) < lengths[:, None]] = numbers.fill_null(metrics.COLD_ITEM).to_numpy()
        return codes


class PairExtracts(beam.DoFn):
    """Tables of schemas.records.PAIRS to TFMA's extracts, one for the pairs that share their slices.

    Args:
        head: a name of ranker.heads.
        models: of pair_rows.columns.
    """

    def __init__(self, head: str, models: Mapping[str, str]) -> None:
        self._head, self._models = head, dict(models)

    def process(self, rows: pa.Table) -> Iterator[dict[str, Any]]:
        for key, part in pl.DataFrame(pl.from_arrow(rows)).partition_by(_KEYS, as_dict=True).items():
            against = [part[name].to_numpy() for name in ("target", "weight")]
            sums = {
                model: pair_metrics.SUMS[self._head](part[column].to_numpy(), *against)
                for model, column in self._models.items()
            }
            yield {constants.FEATURES_KEY: _features(key), tfma_metrics.PAIR_SUMS: sums}


def _features(key: tuple[Any, ...]) -> dict[str, np.ndarray]:
    """What TFMA slices by; a slice that a row has no value of is left out."""
    return {name: np.array([value]) for name, value in zip(_KEYS, key, strict=True) if value is not None}


def _metric(kind: type[metric_types.Metric], **config: Any) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(class_name=kind.__name__, module=kind.__module__, config=json.dumps(config))
