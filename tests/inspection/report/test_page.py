"""The page as text: what is in it, what is not, and what it does with what is missing."""

import html.parser
import re
import shutil

import pytest

from benchmarks.made_runs import MadeRuns
from inspection.connection import sqlite_store
from inspection.report import page
from inspection.store import Store
from schemas.contents import METRICS_FILE
from schemas.encryption import written
from schemas.keys import KeyOptions

FIRST, SECOND, FAILED = "2026-01-01T000000", "2026-01-02T000000", "2026-01-03T000000"
LOADING = {"src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction"}


class Reader(html.parser.HTMLParser):
    """Elements and text of a page, scripts apart."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.within = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.within = tag

    def handle_endtag(self, tag):
        self.within = ""

    def handle_data(self, data):
        if self.within not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture
def read(store):
    return lambda run: Reader(page.render(store, store.run(run)))


def test_each_section_has_a_title_and_a_place_of_its_own():
    found = page.modules()
    assert len(found) >= 9
    assert len({module.ORDER for module in found}) == len({module.TITLE for module in found}) == len(found)


def test_each_part_of_a_whole_run_is_there(read):
    found = read(SECOND)
    titles = [attributes["id"] for tag, attributes in found.elements if tag == "section"]
    assert titles == [
        "overview", "stages", "data", "drift", "training", "quality", "recommendations", "diversity", "model-card",
    ]  # fmt: skip
    assert "could not be made" not in found.text
    assert len([tag for tag, of in found.elements if of.get("class") == "plot"]) == 10
    assert len([tag for tag, of in found.elements if of.get("class") == "person"]) == 20
    for words in ("Blessed: ndcg@10", "no user", "learning_rate", "1,234", "latest blessed model", "L-infinity",
                  "0.3000 (0.2500 to 0.3500)", "A title item5", "Few users.", "SHA-256"):  # fmt: skip
        assert words in found.text, words


def test_markup_in_ids_titles_and_rows_stays_text(read):
    found = read(SECOND)
    scripts = [attributes for tag, attributes in found.elements if tag == "script"]
    assert [of.get("type") for of in scripts if of] == ["application/json"] * 10  # the plots'
    assert len(scripts) == 10 + 2  # Plotly, and what draws
    assert not [tag for tag, _ in found.elements if tag in ("img", "iframe", "object")]
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    for words in ("User <script>alert(1)</script>", ",<script>alert(1)</script>,12", "Title <script>alert(1)</script>"):
        assert words in found.text, words


def test_nothing_is_loaded_from_anywhere(store, read):
    loads = [attributes[name] for _, attributes in read(SECOND).elements for name in LOADING & set(attributes)]
    assert [each for each in loads if not each.startswith("#")] == ["data:,"]
    text = page.render(store, store.run(SECOND))
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    assert "url(" not in style
    assert "@import" not in style
    assert "//" not in style
    outside_plotly = text.replace(page._plotly(), "")
    assert not re.findall(r"https?://", outside_plotly)
    assert "default-src 'none'" in text


def test_a_failed_run_names_its_stage_and_shows_what_there_is(read):
    found = read(FAILED)
    assert "Failed: the run ended in Trainer" in found.text
    assert "rows read" in found.text
    assert "No record of the training: Trainer failed." in found.text
    assert "the run did not come as far as Evaluator" in found.text
    assert "taken from the cache: nothing in the data changed" in found.text
    assert "could not be made" not in found.text


def test_the_first_run_has_nothing_before_it(read):
    assert "drift" not in [attributes.get("id") for _, attributes in read(FIRST).elements]


def test_deleted_artifacts_are_said_to_be(tmp_path, write):
    made = MadeRuns(tmp_path)
    made.add(FIRST)
    write(tmp_path, FIRST)
    shutil.rmtree(tmp_path / "artifacts")
    store = Store(sqlite_store(tmp_path / "metadata.sqlite"))
    text = Reader(page.render(store, store.run(FIRST))).text
    assert "No figures: what Evaluator left at" in text
    assert "was deleted" in text
    assert "No counts of the log: what InteractionExampleGen left at" in text
    assert "could not be made" not in text


def test_a_broken_file_costs_its_own_part_alone(tmp_path, write):
    made = MadeRuns(tmp_path)
    made.add(FIRST)
    write(tmp_path, FIRST)
    next((tmp_path / "artifacts").rglob("item_counts.parquet")).write_bytes(b"no Parquet")
    store = Store(sqlite_store(tmp_path / "metadata.sqlite"))
    text = Reader(page.render(store, store.run(FIRST))).text
    assert text.count("This part could not be made: ") == 2  # data and diversity
    assert "Differences on test, paired by user" in text


def test_encrypted_rows_are_said_to_be(tmp_path, write, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    made = MadeRuns(tmp_path)
    made.add(FIRST)
    write(tmp_path, FIRST)
    rows = next((tmp_path / "artifacts").rglob("rejected/**/rows-0.parquet"))
    content = rows.read_bytes()
    with rows.open("wb") as file, written(file, KeyOptions(key_env="OUR_KEY")) as target:
        target.write(content)
    store = Store(sqlite_store(tmp_path / "metadata.sqlite"))
    text = Reader(page.render(store, store.run(FIRST))).text
    assert "The rows themselves are encrypted: seqrank decrypt" in text
    assert "could not be made" not in text


def test_metrics_of_the_head_rating_come_first(tmp_path, write):
    made = MadeRuns(tmp_path)
    made.add(FIRST, model={"head": {"name": "rating"}})
    write(tmp_path, FIRST, head="rating")
    store = Store(sqlite_store(tmp_path / "metadata.sqlite"))
    text = Reader(page.render(store, store.run(FIRST))).text
    assert "rmse, test" in text
    assert "0.9100 (0.8600 to 0.9600)" in text
    assert "item's mean" in text
    assert "how a user will rate each item" in text


def test_a_run_without_any_file_is_readable(tmp_path):
    MadeRuns(tmp_path).add(FIRST)
    store = Store(sqlite_store(tmp_path / "metadata.sqlite"))
    assert "Pusher" in Reader(page.render(store, store.run(FIRST))).text
    assert not list((tmp_path / "artifacts").rglob(METRICS_FILE))


def test_a_page_is_written_whole_and_over_an_older_one(store, tmp_path):
    path = tmp_path / "new" / "report.html"
    for run in (FIRST, SECOND):
        assert page.write(store, store.run(run), path) == path
        assert f"<h1>{run}</h1>" in path.read_text(encoding="utf-8")
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]
