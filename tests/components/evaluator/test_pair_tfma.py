"""What our adapters put into TFMA's results is what TFMA's own metrics would, were they fed pair by pair."""

import apache_beam as beam
import numpy as np
import polars as pl
import pytest
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2

from components.evaluator import pair_rows, tfma_run
from schemas import records

BEAM = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
THEIRS = {
    "pointwise": {
        "BinaryCrossEntropy": "log_loss", "AUC": "auc", "BinaryAccuracy": "accuracy", "Calibration": "calibration",
    },
    "rating": {"MeanSquaredError": "rmse", "MeanAbsoluteError": "mae"},
}  # fmt: skip


def pairs(head, n=400):
    rng = np.random.default_rng(3)
    targets = (rng.random(n) < 0.3).astype(float) if head == "pointwise" else rng.integers(1, 6, n).astype(float)
    noise = rng.normal(size=n)
    predicted = 1 / (1 + np.exp(-noise - targets)) if head == "pointwise" else targets + noise
    columns = {
        "split": ["valid", "test"] * (n // 2),
        "history_length": ["0", "1-4", "1-4", "0"] * (n // 4),
        "target": targets,
        "weight": np.ones(n) if head == "rating" else np.where(targets > 0, 1.0, 0.25),
        "candidate": predicted,
        "by_item": rng.uniform(0.1, 0.9, n),
        "constant": np.full(n, 0.4),
    }
    kinds = pl.DataFrame(pl.from_arrow(records.PAIRS.empty_table())).schema
    frame = pl.DataFrame({**dict.fromkeys(kinds, [None] * n), **columns}, schema=kinds)
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(records.PAIRS)


def own_config(head):
    """TFMA's own metrics, weighted, by split and length."""
    specs = metric_specs.specs_from_metrics([], unweighted_metrics=[])
    metrics = [
        config_pb2.MetricConfig(class_name=name, config=f'{{"name": "{ours}"}}') for name, ours in THEIRS[head].items()
    ]
    spec = config_pb2.MetricsSpec(metrics=metrics, example_weights=config_pb2.ExampleWeightOptions(weighted=True))
    keys = [["split"], ["split", "history_length"]]
    config = tfma_run.eval_config([], (), 1, slices=False)
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(example_weight_key="weight")],
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=key) for key in keys],
        metrics_specs=[*specs, spec],
        options=config.options,
    )


def own_extracts(table):
    for row in table.to_pylist():
        yield {
            constants.FEATURES_KEY: {name: np.array([row[name]]) for name in ("split", "history_length")},
            constants.LABELS_KEY: np.array([row["target"]]),
            constants.PREDICTIONS_KEY: np.array([row["candidate"]]),
            constants.EXAMPLE_WEIGHTS_KEY: np.array([row["weight"]]),
        }


def evaluated(extracts, config, path):
    with beam.Pipeline(argv=BEAM) as pipeline:
        made = extracts(pipeline)
        locations = {spec.name: "" for spec in config.model_specs}
        tfma_run.write_results(made, config, locations, str(path))


@pytest.mark.parametrize("head", THEIRS)
def test_values_are_those_of_tfmas_own_metrics_in_every_slice(head, tmp_path):
    table, models = pairs(head), pair_rows.columns(head, compared=False)
    config = tfma_run.eval_config([], (), 1, slices=True, head=head, pair_models=list(models))
    evaluated(
        lambda p: p | beam.Create([table.slice(0, 150), table.slice(150)])
        | beam.ParDo(tfma_run.PairExtracts(head, models)),
        config, tmp_path / "ours",
    )  # fmt: skip
    evaluated(lambda p: p | beam.Create(list(own_extracts(table))), own_config(head), tmp_path / "theirs")
    ours = tfma_run.read_results(str(tmp_path / "ours"), "candidate")
    theirs = {
        key: {name: value["doubleValue"] for name, value in outputs[""][""].items()}
        for key, outputs in model_eval_lib.load_eval_result(str(tmp_path / "theirs")).slicing_metrics
    }
    assert len(theirs) == 6
    for key, values in theirs.items():
        split, *rest = (value for _, value in sorted(key, reverse=True))
        found = ours[split]["overall" if not rest else f"history_length={rest[0]}"]
        assert set(values) >= set(THEIRS[head].values())
        for name in THEIRS[head].values():
            value = values[name]
            expected = value**0.5 if name == "rmse" else value
            assert found[name] == pytest.approx(expected, abs=3e-3 if name == "auc" else 1e-6), (key, name)


def test_the_slicing_is_tfmas_own():
    config = tfma_run.eval_config(
        ["candidate"], (10,), 3, slices=True, head="rating", pair_models=["candidate", "mean"]
    )
    assert [spec.name for spec in config.model_specs] == ["candidate", "mean"]
    assert slice_key_extractor.SliceKeyExtractor(eval_config=config, materialize=False) is not None
