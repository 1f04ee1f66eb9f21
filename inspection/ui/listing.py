"""A list of runs by pages: filtered, sorted, and with figures of those on the page alone."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Final

from inspection import results
from inspection.results import Headline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inspection.records import RunLine
    from inspection.store import Store

PER_PAGE: Final = 50
NEWEST: Final = "started"
SORTS: Final[Mapping[str, Callable[[RunLine], str | float]]] = {
    NEWEST: lambda line: line.started.timestamp(),
    "name": lambda line: line.id,
    "state": lambda line: line.state,
    "took": lambda line: line.seconds,
    "stages": lambda line: line.stages,
    "cached": lambda line: line.cached,
}
_WATCHED: Final = 100  # executions: as long as one of them is as it was, all that changed since are among them


@dataclasses.dataclass(frozen=True)
class Row:
    """A run as the list shows it."""

    line: RunLine
    headline: Headline


@dataclasses.dataclass(frozen=True)
class Page:
    """A part of a list.

    Args:
        rows: of this page.
        number, last: from 1.
        found: how many the filter leaves, of all pages.
        first: number of the first of this page, from 1.
    """

    rows: Sequence
    number: int
    last: int
    found: int

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1


def cut(found: Sequence, number: int) -> Page:
    """One page of a list; the last one where there are fewer."""
    last = max(1, -(-len(found) // PER_PAGE))
    number = min(max(number, 1), last)
    return Page(found[(number - 1) * PER_PAGE : number * PER_PAGE], number, last, len(found))


class Lines:
    """Lines of runs, kept between requests: a line costs a question to the store, and most runs change no more.

    Runs of executions that began or changed since the last request are asked for anew.
    """

    def __init__(self) -> None:
        self._kept: dict[str, RunLine] = {}
        self._seen: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def of(self, store: Store, names: Sequence[str]) -> list[RunLine]:
        """Lines of runs, in the order of the names; those that began nothing are left out."""
        with self._lock:
            now = set(store.touched(_WATCHED).items())
            if not now & self._seen:  # too much has changed, or it is another store by now
                self._kept.clear()
            elif now != self._seen:
                for run in {store.run_of(execution) for execution, _ in now - self._seen}:
                    self._kept.pop(run, None)
            self._seen = now
            missing = [name for name in names if name not in self._kept]
            if missing:
                self._kept |= {line.id: line for line in store.lines(missing)}
            return [self._kept[name] for name in names if name in self._kept]


def page(
    store: Store,
    lines: Lines,
    *,
    number: int = 1,
    name: str = "",
    state: str = "",
    sort: str = NEWEST,
    up: bool = False,
) -> Page:
    """A page of the runs.

    Args:
        number: of the page, from 1.
        name: what the name holds, whatever the case of its letters.
        state: of these runs alone.
        sort, up: one of SORTS; from the least upwards.
    """
    names = [each for each in store.names() if name.lower() in each.lower()]
    if sort == NEWEST and not state:  # the store's own order: only the page's runs are read
        found = cut(names[::-1] if up else names, number)
        held = lines.of(store, found.rows)
    else:
        chosen = [line for line in lines.of(store, names) if state in ("", line.state)]
        found = cut(sorted(chosen, key=SORTS[sort], reverse=not up), number)
        held = list(found.rows)
    evaluators = store.stages_of([line.id for line in held], results.EVALUATOR)
    heads = {run: results.headline(stage) for run, stage in evaluators.items()}
    return dataclasses.replace(found, rows=[Row(line, heads.get(line.id, Headline())) for line in held])
