"""The whole chain with each field's own configuration, on made data of that field, as a user would run it.

What a good model must reach is a share of the world's ceiling; the most popular items stay far below it.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline.datasets import worlds

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 600  # seconds for a chain, on a busy machine
DAY = 86_400_000  # milliseconds
KNOBS = ("trainer.learning_rate=0.01", "trainer.patience=50")
EPOCHS = {"shop": 6, "news": 40, "music": 24, "sessions": 8}  # of a second or less each
SIZES = {
    "shop": worlds.Size(rows=16_000, users=700, items=120),
    "news": worlds.Size(rows=16_000, users=900, items=400),
    "music": worlds.Size(rows=16_000, users=400, items=160),
    "sessions": worlds.Size(rows=9_000, users=3, items=200),
}
SHARE = {"shop": 0.85, "news": 0.7, "music": 0.7, "sessions": 0.85}  # of the ceiling's HR@10
TABLES = {"shop": ("items", "users"), "news": ("items",), "music": (), "sessions": ()}


@dataclasses.dataclass(frozen=True, repr=False)
class Ran:
    """A world, and what the chain made of it."""

    world: worlds.World
    root: pathlib.Path
    status: int
    printed: str
    summary: dict[str, Any]

    @property
    def metrics(self) -> dict[str, Any]:
        """metrics.json of the newest evaluation: split, model, slice, metric."""
        found = sorted(self.root.glob("artifacts/Evaluator/evaluation/*/metrics.json"), key=lambda p: p.stat().st_mtime)
        return json.loads(found[-1].read_text())

    def value(self, metric: str, where: str = "overall", model: str = "candidate") -> float:
        """A metric of the test split."""
        return self.metrics["test"][model][where][metric]["value"]

    def folder(self, stage: str, output: str) -> pathlib.Path:
        """The one artifact of a stage."""
        (found,) = self.root.glob(f"artifacts/{stage}/{output}/*")
        return found

    def examples(self, split: str = "test") -> pl.DataFrame:
        """Per label: user_id, label, rank and slices."""
        rows = pl.from_arrow(pq.read_table(self.folder("Evaluator", "evaluation") / "per_user"))
        return rows.filter(pl.col("split") == split)  # type: ignore[union-attr,return-value]


def _run(name, folder, root, *settings):
    """`seqrank run` in a folder of its own that holds data/<world>, as the configuration names them."""
    words = [sys.executable, "-m", "pipeline.cli", "run", "--config", str(ROOT / "configs" / f"{name}.yaml")]
    words += ["--output", str(root)]
    settings = (f"trainer.epochs={EPOCHS[name]}", *KNOBS, *settings)
    words += [word for setting in settings for word in ("--set", setting)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    summary = root / "latest" / "summary.json"
    return done.returncode, done.stdout + done.stderr, json.loads(summary.read_text()) if summary.exists() else {}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Returns a function: a world's chain, run once for all tests of this file."""
    done: dict[str, Ran] = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            world = worlds.make(name, SIZES[name], 0)
            worlds.write(world, folder / "data" / name)
            done[name] = Ran(world, folder / "runs", *_run(name, folder, folder / "runs"))
        return done[name]

    return run


@pytest.mark.parametrize("name", worlds.names())
def test_the_fields_own_configuration_ends_blessed_and_pushed(ran, name):
    chain = ran(name)
    assert chain.status == 0, chain.printed
    assert chain.summary["blessed"]
    assert chain.summary["pushed"]


@pytest.mark.parametrize("name", worlds.names())
def test_the_model_reaches_its_share_of_what_can_be_reached_and_popularity_does_not(ran, name):
    chain = ran(name)
    needed = SHARE[name] * chain.world.ceiling(10)
    assert chain.value("hr@10") >= needed
    assert chain.value("hr@10", model="popularity") < 0.75 * needed
    assert chain.world.popular(10) < 0.75 * needed


@pytest.mark.parametrize("name", worlds.names())
def test_the_items_table_is_shipped_with_the_model(ran, name):
    chain = ran(name)
    shipped = pathlib.Path(chain.summary["pushed_model"]) / "assets.extra" / "items.parquet"
    assert shipped.exists() == ("items" in TABLES[name])
    if shipped.exists():
        written = chain.world.files["items.csv"]
        assert sorted(pq.read_table(shipped)["item_id"].to_pylist()) == sorted(written[written.columns[0]])


def test_shop_reports_repeats_and_novel_items_apart(ran):
    chain = ran("shop")
    repeats, novel = (chain.value("hr@10", f"label_repeats={repeats}") for repeats in (1, 0))
    share = chain.examples()["label_repeats"].mean()
    assert 0.3 < share < 0.9
    assert share * repeats + (1 - share) * novel == pytest.approx(chain.value("hr@10"), abs=1e-6)
    assert novel > 2 * chain.value("hr@10", "label_repeats=0", model="popularity")


def test_shop_weighs_its_labels_by_the_event(ran):
    chain = ran("shop")
    files = sorted(chain.folder("InteractionExampleGen", "examples").rglob("*.parquet"))
    weights = {weight for file in files for (weight,) in pq.read_table(file)["weight"].to_pylist()}
    assert weights == {1.0, 2.0, 4.0}


def test_music_knows_where_a_session_begins(ran):
    chain = ran("music")
    log = chain.world.files["interactions.csv.gz"].sort("user", "played_at")
    opens = (pl.col("played_at").diff() > 3_600).alias("opens")
    labels = log.with_columns(opens).group_by("user", maintain_order=True).last().select("opens", user_id="user")
    openers = chain.examples().join(labels.filter("opens"), on="user_id")
    assert len(openers) > 50
    # Who can't tell names the album's next track first, four times out of five rightly, and never hits an opener.
    assert (openers["rank"] == 1).mean() > 0.1


def test_sessions_are_sequences_of_their_own(ran):
    users = ran("sessions").examples()["user_id"]
    assert all(re.fullmatch(r"terminal-[123]/\d+", user) for user in users)
    assert users.n_unique() == len(users) == ran("sessions").world.labels.height


def test_news_finds_articles_that_training_never_saw(ran):
    chain = ran("news")
    rows = chain.examples()
    cold = rows.filter(pl.col("label_popularity") == "cold")["label"]
    assert 0.5 < len(cold) / len(rows) < 1
    found = chain.value("hr@10", "label_popularity=cold")
    best = (chain.world.labels.filter(pl.col("item").is_in(cold.to_list()))["rank"] <= 10).mean()
    assert found > 0.6 * best
    assert found > 5 * 10 / SIZES["news"].items  # ten of all articles, by chance


def test_news_cannot_find_them_without_the_items_table(ran):
    chain = ran("news")
    without = ("items=null", "trainer.model.id_dropout=0", "trainer.epochs=1")
    _, printed, summary = _run("news", chain.root.parent, chain.root.parent / "without", *without)
    assert summary, printed
    found = Ran(chain.world, chain.root.parent / "without", 0, printed, summary)
    assert found.value("hr@10", "label_popularity=cold") == 0


def test_news_answers_strangers_as_well_as_popularity_does(ran):
    chain = ran("news")
    strangers = chain.examples().filter(pl.col("history_length") == "0")
    assert 0.05 < len(strangers) / len(chain.examples()) < 0.2
    model, popularity = (chain.value("hr@10", "history_length=0", which) for which in ("candidate", "popularity"))
    assert model >= popularity > 0


def test_news_keeps_everything_after_the_cut_off_out_of_training(ran):
    chain = ran("news")
    log = chain.world.files["interactions.csv.gz"]
    valid_from = log["timestamp"].max() + 1 - 4 * DAY
    train = log.filter(pl.col("timestamp") < valid_from)
    counts = pl.from_arrow(pq.read_table(chain.folder("SequenceGen", "item_counts") / "item_counts.parquet"))
    assert dict(counts.iter_rows()) == dict(train["article"].value_counts().iter_rows())
    graph = chain.folder("Transform", "transform_graph")
    (vocabulary,) = graph.glob("transform_fn/assets/items*")
    assert set(vocabulary.read_text().split()) == set(train["article"])
    later = set(log["article"]) - set(train["article"])
    strangers = set(log["user"]) - set(train["user"])
    assert len(later) > 20
    assert len(strangers) > 20
    model = [chain.folder("Trainer", "model"), pathlib.Path(chain.summary["pushed_model"])]
    learnt = [graph, chain.folder("Trainer", "model_run"), *model]
    assert _named(learnt, strangers) == {}
    # A candidate that nobody had read is one by the items table alone: it stands there, and among the candidates.
    assert {file.name for file in _named(learnt, later)} <= CANDIDATES


CANDIDATES = {"items.parquet", "saved_model.pb", "variables.data-00000-of-00001"}


def _named(folders, ids):
    """Files that hold any of these ids as bytes, and which."""
    pattern = re.compile(rb"(?<![0-9a-z])[au]\d{6}(?!\d)")
    wanted = {name.encode() for name in ids}
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 10
    found = {file: set(pattern.findall(file.read_bytes())) & wanted for file in files}
    return {file: names for file, names in found.items() if names}
