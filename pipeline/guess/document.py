"""A configuration as a person would write it: only what is set, each knob with its reason."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING, Any, Final

from pipeline.describe import flow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDTH: Final = 110  # of a line with its comment

Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Knob:
    """One value of the configuration.

    Args:
        path: its keys.
        value: plain Python, as YAML knows it.
        why: the reason, said in a comment; "": it needs none.
    """

    path: Path
    value: Any
    why: str = ""


def values(knobs: Sequence[Knob]) -> dict[str, Any]:
    """Knobs as nested mappings; of one path the last wins."""
    tree: dict[str, Any] = {}
    for knob in knobs:
        below = tree
        for key in knob.path[:-1]:
            below = below.setdefault(key, {})
        below[knob.path[-1]] = knob.value
    return tree


def write(title: Sequence[str], knobs: Sequence[Knob]) -> str:
    """The text of a YAML file.

    Args:
        title: lines of the comment at its top.
        knobs: in the order in which their sections first appear; of one path the last wins.
    Returns: YAML, ended by a line break.
    """
    chosen = list({knob.path: knob for knob in knobs}.values())
    lines = [f"# {line}" for entry in title for line in textwrap.wrap(entry, _WIDTH, break_long_words=False)]
    for section in dict.fromkeys(knob.path[0] for knob in chosen):
        lines += ["", *_lines([knob for knob in chosen if knob.path[0] == section], 0)]
    return "\n".join(lines) + "\n"


def _lines(knobs: Sequence[Knob], depth: int) -> Iterator[str]:
    """Lines of knobs that share their first `depth` keys."""
    indent = "  " * depth
    for key in dict.fromkeys(knob.path[depth] for knob in knobs):
        inside = [knob for knob in knobs if knob.path[depth] == key]
        leaf = next((knob for knob in inside if len(knob.path) == depth + 1), None)
        if leaf:
            yield from _leaf(indent, key, leaf)
        else:
            yield f"{indent}{flow(key)}:"
            yield from _lines(inside, depth + 1)


def _leaf(indent: str, key: str, knob: Knob) -> Iterator[str]:
    line = f"{indent}{flow(key)}: {flow(knob.value)}"
    why = " ".join(knob.why.split())  # a comment must stay on its lines whatever a file's names hold
    if why and len(line) + len(why) + 4 > _WIDTH:
        yield from textwrap.wrap(why, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        why = ""
    yield f"{line}  # {why}" if why else line
