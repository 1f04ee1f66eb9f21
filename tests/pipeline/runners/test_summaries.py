"""The closing summary, from what stages left on a disk."""

import io
import json

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb
from rich.console import Console

from pipeline.config import load
from pipeline.runners import figures, summaries
from pipeline.runners.metadata import Execution
from schemas import contents
from schemas.records import ReadCounts, ReadFile
from schemas.runs import OutputRoot, Summary

_FILE = ReadFile(name="log.csv", size=1, sha256="0", read=9, rejected=0, span=7)
READ = ReadCounts(read=9, used=9, rejected=0, reasons={}, files=[_FILE])


def entries(ndcg, examples=1000):
    values = {"ndcg@10": ndcg, "hr@10": 2 * ndcg, "examples": examples}
    return {name: {"value": value} for name, value in values.items()}


def measured(ndcg, **slices):
    """Metrics over all, and over slices: {name: (ndcg, examples)}."""
    return {"overall": entries(ndcg)} | {name: entries(*found) for name, found in slices.items()}


METRICS = {
    "test": {"candidate": measured(0.12), "popularity": measured(0.04)},
    "valid": {"candidate": measured(0.13), "popularity": measured(0.05)},
}


@pytest.fixture
def build(tmp_path):
    """Writes what the stages leave, and gathers it."""

    def run(
        *, blessed=True, cached=(), destination="/serving/shop/7", pushed=True, metrics=METRICS, share=1.0, settings=()
    ):
        files = {
            f"evaluation/{contents.METRICS_FILE}": metrics,
            f"evaluation/{contents.RANKED_SHARE_FILE}": {"valid": 1.0, "test": share},
            f"evaluation/{contents.BLESSING_FILE}": {"blessed": blessed, "why": "Blessed: 3.00 times."},
            f"model_run/{contents.TRAINING_FILE}": {"fit_seconds": 12.34},
            f"rejected/{contents.READ_COUNTS_FILE}": READ.model_dump(),
        }
        for name, value in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(json.dumps(value))
        model = pb.Artifact(uri=str(tmp_path / "pushed_model"))
        model.custom_properties["pushed"].int_value = int(pushed)
        if destination:
            model.custom_properties["pushed_destination"].string_value = destination
        outputs = {
            "InteractionExampleGen": "rejected", "Trainer": "model_run", "LatestBlessedModel": "model",
            "Evaluator": "evaluation", "Pusher": "pushed_model",
        }  # fmt: skip
        stages = {
            node: Execution(
                id=n, node=node, state="CACHED" if node in cached else "COMPLETE", seconds=1.234,
                outputs={key: [model if node == "Pusher" else pb.Artifact(uri=str(tmp_path / key))]},
                resolver=node == "LatestBlessedModel",
            )
            for n, (node, key) in enumerate(outputs.items())
        }  # fmt: skip
        config = load(None, ["example_gen.data=[log.csv]", *settings])
        return summaries.build(config, OutputRoot(tmp_path / "runs"), "r", stages, wall_seconds=98.76)

    return run


def shown(summary):
    console = Console(file=io.StringIO(), width=200)
    figures.show(summary, console)
    return console.file.getvalue()


def test_everything_the_issue_asks_for_is_in_the_summary(build):
    summary = build()
    assert summary.metrics["test"] == {"ndcg@10": 0.12, "hr@10": 0.24, "examples": 1000}
    assert summary.slices == {}
    assert summary.metrics["popularity"]["ndcg@10"] == 0.04
    assert (summary.blessed, summary.pushed, summary.pushed_model) == (True, True, "/serving/shop/7")
    assert (summary.wall_seconds, summary.fit_seconds) == (98.8, 12.3)
    assert set(summary.stages) == {"InteractionExampleGen", "Trainer", "Evaluator", "Pusher"}  # the resolver is none
    assert summary.data == [READ.files[0].model_dump()]
    assert summary.spans == [7]
    assert {"processor", "cores", "gpus"} <= set(summary.machine)
    assert Summary.model_validate_json(summary.model_dump_json()) == summary


def test_training_and_push_from_the_cache_count_as_nothing_new(build):
    summary = build(cached=("Trainer", "Pusher"))
    assert summary.fit_seconds == 0.0
    assert not summary.pushed
    assert "published before, nothing new" in shown(summary)
    assert "2 of 4 stages from the cache" in shown(summary)


def test_what_is_shown_stands_beside_the_most_popular_items(build):
    lines = shown(build()).splitlines()
    assert any(line.split() == ["ndcg@10", "0.1200", "0.0400", "3.00"] for line in lines)
    assert any("pushed model" in line and "/serving/shop/7" in line for line in lines)
    assert any("tensorboard --logdir" in line for line in lines)


def sliced(*, recent):
    """METRICS with slices of test, and with the user's own latest items where they are a baseline."""
    keys = {"label_repeats=0": 696, "label_repeats=1": 304, "label_popularity=cold": 4, "history_length=0": 120}
    ndcg = {"candidate": 0.12, "popularity": 0.04, **({"recent": 0.3} if recent else {})}
    found = {
        model: measured(value, **{key: (value / 2, n) for key, n in keys.items()}) for model, value in ndcg.items()
    }
    return {**METRICS, "test": found}


def test_slices_that_hold_some_of_the_labels_are_shown_and_all_are_kept(build):
    summary = build(metrics=sliced(recent=False))
    assert set(summary.slices) == {"novel", "repeats", "cold", "strangers"}
    assert summary.slices["novel"] == {
        "hr@10": 0.12, "ndcg@10": 0.06, "popularity_hr@10": 0.04, "popularity_ndcg@10": 0.02, "examples": 696,
    }  # fmt: skip
    lines = [line.split() for line in shown(summary).splitlines()]
    assert ["ndcg@10", "novel", "70%", "0.0600", "0.0200", "3.00"] in lines
    assert ["ndcg@10", "strangers", "12%", "0.0600", "0.0200", "3.00"] in lines
    assert not [line for line in lines if "cold" in line]  # 4 of 1,000


def test_slice_of_all_labels_is_not_shown(build):
    everything = measured(0.12, **{"label_repeats=0": (0.12, 1000), "label_popularity=cold": (0.0, 3)})
    popular = measured(0.04, **{"label_repeats=0": (0.04, 1000), "label_popularity=cold": (0.0, 3)})
    metrics = {**METRICS, "test": {"candidate": everything, "popularity": popular}}
    assert shown(build(metrics=metrics)) == shown(build())


def test_users_own_latest_items_are_one_more_column_where_they_are_a_baseline(build):
    summary = build(metrics=sliced(recent=True))
    assert summary.metrics["recent"]["ndcg@10"] == 0.3
    lines = [line.split() for line in shown(summary).splitlines()]
    assert ["ndcg@10", "0.1200", "0.0400", "3.00", "0.3000"] in lines
    assert ["ndcg@10", "repeats", "30%", "0.0600", "0.0200", "3.00", "0.1500"] in lines


def test_share_of_users_is_said_where_not_all_were_ranked(build):
    summary = build(share=0.1234)
    assert summary.ranked_share == {"valid": 1.0, "test": 0.1234}
    assert "test: 12.3% of the users" in shown(summary)
    assert "of the users" not in shown(build())


def test_summary_of_before_there_were_slices_loads(build):
    old = build().model_dump(mode="json", exclude={"slices", "ranked_share"})
    assert Summary.model_validate(old).slices == {}


def test_what_the_tuner_found_is_told_and_where_there_was_none_nothing_is(build):
    assert build().tuned == {}
    assert "tuned" not in shown(build())
    found = build().model_copy(update={"tuned": {"model.dropout": 0.4}})
    assert "model.dropout 0.4" in shown(found)


def test_unblessed_model_is_said_to_leave_what_was_served(build):
    summary = build(blessed=False, destination="", pushed=False)
    assert (summary.blessed, summary.pushed, summary.pushed_model) == (False, False, None)
    assert "what was served stays" in shown(summary)


def test_stage_that_left_nothing_is_named(build, monkeypatch):
    monkeypatch.setattr(Execution, "uri", lambda self, key: None)
    with pytest.raises(FileNotFoundError, match="Evaluator left no evaluation"):
        build()


def of_head(metric, **models):
    """METRICS with a metric of pairs of each model, which those of ranks come before in metrics.json."""
    scored = {metric: {"value": 0.0}, "scored": {"value": 940}}
    test = {**METRICS["test"], **{name: METRICS["test"].get(name, {"overall": {}}) for name in models}}
    return {
        "test": {
            name: {"overall": {**test[name]["overall"], **scored, metric: {"value": models.get(name)}}}
            for name in models
        }
        | {name: found for name, found in test.items() if name not in models},
        "valid": {"candidate": {"overall": {**METRICS["valid"]["candidate"]["overall"], **scored}}},
    }


def test_metrics_of_probabilities_come_first_beside_their_baselines(build):
    metrics = of_head("log_loss", candidate=0.3655, popularity=0.5459, constant=0.6931)
    summary = build(metrics=metrics, settings=["trainer.model.head=pointwise"])
    assert summary.head == "pointwise"
    assert list(summary.metrics["test"]) == ["log_loss", "ndcg@10", "hr@10", "examples", "scored"]
    assert summary.metrics["constant"]["log_loss"] == 0.6931
    lines = [line.split() for line in shown(summary).splitlines() if line]
    assert lines.index(["log_loss", "0.3655", "0.5459", "0.6931"]) < lines.index(
        ["ndcg@10", "0.1200", "0.0400", "3.00"]
    )
    assert any(line[:4] == ["test,", "940", "labels", "beside"] for line in lines)


def test_metrics_of_ratings_come_first_beside_their_baselines(build):
    metrics = of_head("rmse", candidate=0.97, item_mean=1.08, mean=1.2)
    settings = ["trainer.model.head=rating", "example_gen.columns.rating=stars"]
    summary = build(metrics=metrics, settings=settings)
    assert [summary.metrics[name]["rmse"] for name in ("test", "item_mean", "mean")] == [0.97, 1.08, 1.2]
    lines = [line.split() for line in shown(summary).splitlines() if line]
    assert lines.index(["rmse", "0.9700", "1.0800", "1.2000"]) < lines.index(["ndcg@10", "0.1200", "0.0400", "3.00"])


def test_summary_of_before_there_were_heads_loads(build):
    assert Summary.model_validate(build().model_dump(mode="json", exclude={"head"})).head == "next_item"
