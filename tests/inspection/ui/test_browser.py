"""Every page in a real browser: a quiet console, nothing to keep anyone out, usable by clicks and by keyboard."""

import pathlib

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import FAILED, MIDDLE, NEW, OLD, SCRIPT

PAGES = {
    "runs": "/",
    "run": f"/run?id={NEW}",
    "failed": f"/run?id={FAILED}",
    "named by a script": "/run?id=latest",
    "compare": f"/compare?run={OLD}&run={NEW}",
    "artifacts": "/artifacts",
    "artifact": "/artifact?id=latest/InteractionExampleGen.rejected",
    "upstream": f"/lineage?id={NEW}/Pusher.pushed_model",
    "downstream": f"/lineage?id={OLD}/InteractionExampleGen.examples&way=down",
}
ERRORS = [("/run?id=nobody", 404), (f"/compare?run={OLD}", 400)]
PATIENCE = 120_000  # milliseconds: the first comparison imports much, and other tests run at the same time


@pytest.fixture
def open_page(chromium, client):
    """Opens a page of a width and colours; what its console says, and what a script would have done, is kept."""
    contexts = []

    def opened(path, width=1280, colours="light"):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=colours)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append("dialog"), dialog.dismiss()))
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.answer = page.goto(f"{client.base_url}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("path", "status"), [*((path, 200) for path in PAGES.values()), *ERRORS], ids=[*PAGES, "404", "400"]
)
def test_a_page_is_quiet_fits_the_screen_and_keeps_nobody_out(open_page, client, path, status):
    for width, colours in ((1280, "light"), (390, "dark")):
        page = open_page(path, width, colours)
        assert page.answer.status == status
        assert [each for each in page.said if f"status of {status}" not in each] == []
        assert all(url.startswith(str(client.base_url)) for url in page.asked)
        for details in page.locator("details").all():
            details.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        found = Axe().run(page).response["violations"]
        wrong = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found
                 if each["impact"] in ("serious", "critical")]  # fmt: skip
        assert wrong == []


def test_colours_follow_the_system(open_page):
    back = {colours: open_page("/", colours=colours).evaluate("getComputedStyle(document.body).backgroundColor")
            for colours in ("light", "dark")}  # fmt: skip
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 30)"}


def test_two_runs_are_compared_by_clicks(open_page):
    page = open_page("/")
    page.get_by_label(f"Choose {NEW}").check()
    page.get_by_label(f"Choose {OLD}").check()
    page.get_by_role("button", name="Compare two").click()
    assert page.locator("tbody tr", has_text="test ndcg@10").inner_text().split("\t")[1:4] == [
        "0.1000",
        "0.2000",
        "+0.1000",
    ]
    page.get_by_role("link", name="The other way round").click()
    assert "-0.1000" in page.locator("tbody tr", has_text="test ndcg@10").inner_text()
    page.get_by_role("link", name=OLD).click()
    assert page.locator("h1").inner_text().endswith(OLD)


def to(page, role, name):
    """Goes on by Tab until the element has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"The keyboard doesn't reach {role} {name}.")


def test_two_runs_are_compared_by_keyboard_alone(open_page):
    page = open_page("/")
    to(page, "button", "Compare two")
    to(page, "checkbox", f"Choose {NEW}")
    page.keyboard.press("Space")
    to(page, "checkbox", f"Choose {OLD}")
    page.keyboard.press("Space")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "0.1000" in page.locator("tbody tr", has_text="test ndcg@10").inner_text()


def test_lineage_is_walked_by_clicks_in_graph_and_list(open_page):
    page = open_page(f"/run?id={NEW}")
    page.get_by_role("link", name="pushed_model").click()
    page.get_by_role("link", name="What it was made from").click()
    graph = page.locator("svg.graph")
    assert graph.locator("a.node.artifact").count() >= 8
    assert graph.locator("path.edge").count() >= 12
    graph.get_by_role("link", name="Transform, stage of run").click()
    assert page.locator("h1").inner_text().endswith(FAILED)  # the run before filled the cache
    page.go_back()
    page.locator(".tree").get_by_role("link", name="ItemCounts").first.click()
    page.get_by_role("link", name="What was made from it").click()
    assert page.locator("h2", has_text="Models").is_visible()


def test_lineage_is_walked_by_keyboard_alone(open_page):
    page = open_page(f"/lineage?id={NEW}/Pusher.pushed_model")
    to(page, "link", f"Trainer, stage of run {NEW}")
    assert page.evaluate("document.activeElement.namespaceURI").endswith("svg")
    assert page.evaluate("getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth") == "3px"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("h1").inner_text().endswith(NEW)


def test_the_first_tab_skips_to_the_content(open_page):
    page = open_page("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_runs_are_sorted_and_filtered_by_clicks(open_page):
    page = open_page("/")
    page.get_by_role("link", name="Run", exact=True).click()
    assert page.locator("tbody th").all_inner_texts() == sorted([OLD, MIDDLE, FAILED, NEW, SCRIPT])
    page.get_by_label("Name").fill("2026-01")
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    assert page.locator("tbody th").all_inner_texts() == [FAILED]


def test_a_run_named_by_a_script_is_shown_and_runs_nothing(open_page):
    page = open_page("/")
    page.get_by_role("link", name=SCRIPT).click()
    assert page.locator("h1").inner_text().endswith(SCRIPT)
    assert page.locator("script").count() == 0
    assert f"logs/{SCRIPT}.csv" in page.locator("main").inner_text()
    assert page.said == []


def test_tensorboard_starts_by_a_click_and_shows_the_logs(open_page, store):
    logs = pathlib.Path(store.run(MIDDLE).stage("Trainer").output("model_run").uri) / "train"
    write_events(logs)
    page = open_page(f"/run?id={MIDDLE}")
    page.get_by_role("button", name="TensorBoard").click()
    page.wait_for_url("http://127.0.0.1:*/**", timeout=PATIENCE, wait_until="commit")
    assert page.url != page.answer.url
    assert page.request.get(f"{page.url.split('#')[0]}data/runs", timeout=PATIENCE).json() == ["train"]


def write_events(folder):
    """Event files as TensorFlow writes them."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder.mkdir(parents=True)
    writer = EventFileWriter(str(folder))
    writer.add_event(Event(step=1, wall_time=1.0, summary=Summary(value=[Summary.Value(tag="loss", simple_value=1.0)])))
    writer.close()
