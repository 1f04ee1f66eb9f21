"""The page in a real Chromium: at phone and desktop width, light and dark.

What a page waits for is asked by Playwright's `expect`: `wait_for_function` needs an `eval` that the page forbids, as
soon as its first try fails.
"""

import pathlib
import re
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from inspection.report import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
SECOND = "2026-01-02T000000"
VIEWS = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as play:
        expect.set_options(timeout=30_000)  # as long as Playwright's other waits: two cores have more to do than this
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(root, tmp_path_factory):
    from inspection.connection import sqlite_store
    from inspection.store import Store

    store = Store(sqlite_store(root / "metadata.sqlite"))
    return page.write(store, store.run(SECOND), tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def opened(browser, report, request):
    """The page at a width and in a scheme; what went wrong, and what was asked for, is kept on it."""
    width, scheme = getattr(request, "param", (1280, "light"))
    view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    view.wrong, view.asked = [], []
    view.on("console", lambda said: view.wrong.append(said.text) if said.type in ("error", "warning") else None)
    view.on("pageerror", lambda error: view.wrong.append(str(error)))
    view.on("dialog", lambda dialog: (view.wrong.append(dialog.message), dialog.dismiss()))
    view.on("request", lambda asked: view.asked.append(asked.url))
    view.goto(report.as_uri())
    view.locator(".plot .main-svg").first.wait_for()
    yield view
    view.close()


@pytest.mark.parametrize("opened", VIEWS, indirect=True, ids=lambda view: f"{view[0]}-{view[1]}")
def test_it_opens_whole_and_accessible(opened, report, request):
    plots = opened.locator(".plot")
    assert plots.count() == 10
    marks = [plots.nth(n).locator(".trace .point path, .trace path.js-line").count() for n in range(plots.count())]
    assert all(marks), marks
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(opened).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
            if each["impact"] in ("serious", "critical")] == []  # fmt: skip
    picture = pathlib.Path(report).with_name(f"{request.node.callspec.id}.png")
    opened.screenshot(path=picture, full_page=True)
    assert opened.wrong == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []


def test_markup_from_data_is_text_in_plots_too(opened):
    assert opened.locator("text=<img src=x onerror=alert(4)>").count()
    assert opened.locator(".plot text", has_text="<img src=x").count() == 1
    assert opened.locator("img, .plot a").count() == 0
    assert opened.wrong == []


def test_plots_take_new_colours_when_the_scheme_changes(opened):
    tick = opened.locator(".plot .xtick text").first
    light = tick.evaluate("text => getComputedStyle(text).fill")
    opened.emulate_media(color_scheme="dark")
    expect(tick).not_to_have_css("fill", light)


def test_plots_fit_when_the_window_narrows(opened):
    opened.set_viewport_size({"width": 500, "height": 900})
    expect(opened.locator(".plot .main-svg").first).to_have_attribute("width", re.compile(r"^[1-4]\d\d(\.\d+)?$"))
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_is_read_by_keyboard(opened):
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    summary = opened.locator("figure summary").first
    summary.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("figure details[open] table").count() == 1


def test_paper_is_light_without_controls_and_shows_every_user(opened):
    opened.emulate_media(color_scheme="dark", media="print")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.locator(".person[open]").count() == 20
    assert opened.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert not opened.locator("nav").is_visible()
    assert opened.locator("figure summary").first.is_hidden()
    widths = opened.locator(".plot .main-svg").evaluate_all("all => all.map(svg => svg.getBoundingClientRect().width)")
    assert max(widths) <= 660
    assert len(opened.pdf(format="A4")) > 50_000
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.locator(".person[open]").count() == 3
