"""Pages of runs, as a browser gets them."""

import html
import re
import sqlite3

import pytest

from benchmarks.made_runs import MadeRuns
from schemas.errors import StoreError
from schemas.runs import REPORT_FILE

from .conftest import FAILED, MIDDLE, NEW, OLD, SCRIPT, serve, store_at


def text(answer):
    """What a person sees, roughly."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def test_the_list_shows_each_run_with_figures_and_verdict_where_known(client):
    answer = client.get("/")
    assert answer.status_code == 200
    shown = text(answer)
    assert f"{OLD} 0.1000 succeeded blessed" in shown
    assert f"{NEW} 0.2000 succeeded not blessed" in shown
    assert f"{FAILED} failed not known" in shown


def test_the_list_is_filtered_and_sorted_by_its_address(client):
    assert re.findall(r'aria-label="Choose (.*?)"', client.get("/?name=2026-01&sort=name&up=true").text) == [
        OLD,
        MIDDLE,
        FAILED,
    ]
    assert re.findall(r'aria-label="Choose (.*?)"', client.get("/?state=failed").text) == [FAILED]
    assert "No run is like that" in client.get("/?name=nobody").text


@pytest.mark.parametrize("asked", ["page=0", "page=x", "sort=colour", "state=odd"])
def test_what_can_not_be_asked_is_refused_by_name(client, asked):
    answer = client.get(f"/?{asked}")
    assert answer.status_code == 400
    assert asked.split("=")[0] in text(answer)


def test_a_run_shows_stages_figures_with_intervals_verdict_configuration_and_links(client):
    shown = text(client.get(f"/run?id={NEW}"))
    for part in (
        "0.2000 0.1900 to 0.2100",
        f"Not good enough {SCRIPT}.",
        "trainer.dropout 0.5",
        "from the cache",
        "model ",
    ):
        assert part in shown
    assert "TensorBoard" not in shown  # there are no logs
    assert "Report" not in shown


def test_a_run_is_found_by_the_beginning_of_its_name(client):
    assert OLD in text(client.get("/run?id=2026-01-01"))


@pytest.mark.parametrize(
    "path", ["/run?id=nobody", "/report?run=nobody", "/report?run=latest", "/compare?run=latest&run=nobody"]
)
def test_what_is_not_there_is_404_in_the_words_of_the_error(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no such run" in text(answer) or "This run has no report" in text(answer)


def test_markup_in_names_options_files_and_verdicts_is_shown_as_text(client):
    for path in (
        "/",
        f"/run?id={NEW}",
        "/run?id=latest",
        f"/compare?run={NEW}&run=latest",
        "/run?id=%3Cscript%3Enobody",
    ):
        answer = client.get(path)
        assert "<script" not in answer.text
        assert "&lt;script" in answer.text


def test_two_runs_show_what_differs(client):
    shown = text(client.get("/compare", params={"run": [OLD, NEW]}))
    assert "test ndcg@10 0.1000 0.2000 +0.1000" in shown
    assert "trainer.dropout 0.3 0.5" in shown


@pytest.mark.parametrize("chosen", [[], [OLD], [OLD, MIDDLE, NEW], [OLD, " "]])
def test_other_than_two_runs_can_not_be_compared(client, chosen):
    answer = client.get("/compare", params={"run": chosen})
    assert answer.status_code == 400
    assert "Two runs can be compared" in text(answer)


def test_a_report_is_offered_once_it_is_there_and_kept_apart_from_the_page(client, root):
    folder = root / MIDDLE
    folder.mkdir()
    (folder / REPORT_FILE).write_text("<h1>Report</h1><script>1</script>")
    assert f"/report?run={MIDDLE}" in client.get(f"/run?id={MIDDLE}").text
    answer = client.get(f"/report?run={MIDDLE}")
    assert answer.text.startswith("<h1>Report")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "allow-same-origin" not in answer.headers["content-security-policy"]


def test_a_run_named_like_a_way_out_has_no_report(tmp_path):
    made = MadeRuns(tmp_path / "root")
    made.add("../outside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / REPORT_FILE).write_text("secret")
    with serve(store_at(made.root)) as client:
        assert client.get("/run?id=latest").status_code == 200
        assert client.get("/report?run=latest").status_code == 404


def test_a_store_that_appears_and_grows_is_seen_at_the_next_request(tmp_path):
    with serve(store_at(tmp_path)) as client:
        assert "No run has been here yet" in text(client.get("/"))
        assert "Nothing has been made here yet" in text(client.get("/artifacts"))
        assert client.get("/run?id=latest").status_code == 404
        made = MadeRuns(tmp_path)
        assert "No run has been here yet" in text(client.get("/"))
        made.add("first")
        assert "Choose first" in client.get("/").text
        made.add("second")
        assert "Choose second" in client.get("/").text


def test_a_store_in_use_is_503(root):
    with serve(store_at(root)) as client, sqlite3.connect(root / "metadata.sqlite", isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        answers = [client.get(path) for path in ("/", "/run?id=latest", "/artifacts")]
        writer.execute("ROLLBACK")
        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert "The metadata store is in use" in text(answers[0])
        assert client.get("/").status_code == 200


def test_a_store_that_never_answers_is_503_within_the_limit():
    import threading

    stuck = threading.Event()

    with serve(stuck.wait, limit=0.2) as client:
        assert client.get("/").status_code == 503
    stuck.set()


def test_what_is_no_store_and_what_is_our_bug_are_told_apart():
    def no_store():
        raise StoreError("This is no store of ML Metadata.")

    with serve(no_store) as client:
        assert client.get("/").status_code == 503
    with serve(lambda: 1 / 0) as client:
        answer = client.get("/")
        assert answer.status_code == 500
        assert "bug of ours" in text(answer)
