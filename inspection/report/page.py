"""The page: sections found by their folder, rendered into one file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import importlib
import logging
import os
import pathlib
import pkgutil
import re
from typing import TYPE_CHECKING, Final

import jinja2
from markupsafe import Markup

from inspection.report import sections
from inspection.report.blocks import Paragraph
from inspection.report.facts import Facts

if TYPE_CHECKING:
    from types import ModuleType

    from inspection.records import Run
    from inspection.report.blocks import Block
    from inspection.store import Store

_log = logging.getLogger(__name__)
_TEMPLATES: Final = pathlib.Path(__file__).with_name("templates")
_LONG: Final = re.compile(r"\S{1,28}(?:\s+|$)|\S{28}|\s+", re.ASCII)  # what a cell keeps on one line
_PAGE, _STYLE, _SCRIPT = "page.html", "style.css", "plots.js"


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its title, and what is in it."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def write(store: Store, run: Run, path: pathlib.Path) -> pathlib.Path:
    """Writes the report of a run, whole or not at all.

    Args:
        store: that the run is recorded in.
        run: in any state; of one that failed there is what there is.
        path: of the page; its folder is made.
    Returns: the path.
    Raises: OSError: it can't be written.
    """
    page = render(store, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        new.write_text(page, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path


def render(store: Store, run: Run) -> str:
    """The page as text."""
    facts = Facts(store, run)
    found = [_section(facts, module) for module in modules()]
    scripts = [_plotly(), (_TEMPLATES / _SCRIPT).read_text(encoding="utf-8")]
    return _templates().get_template(_PAGE).render(
        run=run.line,
        sections=[section for section in found if section.blocks],
        style=(_TEMPLATES / _STYLE).read_text(encoding="utf-8"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
    )  # fmt: skip


def modules() -> list[ModuleType]:
    """The sections, in their order."""
    names = [found.name for found in pkgutil.iter_modules(sections.__path__)]
    return sorted((importlib.import_module(f"{sections.__name__}.{name}") for name in names), key=lambda m: m.ORDER)


def _section(facts: Facts, module: ModuleType) -> Section:
    """A section; of one that can't be made, why, so that a broken file costs no more than its own part."""
    name = module.__name__.rpartition(".")[2]
    try:
        blocks = tuple(module.blocks(facts))
    except Exception as error:
        _log.warning("The report's section %s could not be made.", name, exc_info=True)
        reason = (str(error).strip().splitlines() or [""])[0]
        blocks = (Paragraph(f"This part could not be made: {type(error).__name__}: {reason}", "note"),)
    return Section(name.replace("_", "-"), module.TITLE, blocks)


@functools.cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["kind"] = lambda block: type(block).__name__.lower()
    environment.filters["soft"] = _soft
    return environment


def _soft(text: str) -> Markup:
    """Lets a table's cell break a word, but only a long one."""
    return Markup("<wbr>").join(_LONG.findall(text))


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _hash(script: str) -> str:
    """By which the page's own policy lets a script run, and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
