"""What `seqrank init` saw, as tables for a person."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from rich.table import Table as RichTable
from rich.text import Text

from pipeline.guess.figures import SHORT
from pipeline.guess.roles import SURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from pipeline.guess.columns import Column
    from pipeline.guess.draft import Draft
    from pipeline.guess.roles import Guess

_REASONS: Final = 5  # kinds of rejected rows that are shown
_EXAMPLE: Final = 24  # characters of an example value


def show(draft: Draft, console: Console) -> None:
    """Prints columns, figures, rejected rows and what isn't sure."""
    seen = draft.log
    console.print(Text(f"{seen.file}: {_layout(draft)}"))
    console.print(_columns(seen.roles.guesses, seen.columns))
    for table in draft.tables:
        console.print(Text(f"\n{table.kind}: {table.rows:,} rows"))
        console.print(_columns(table.guesses, table.columns))
    console.print()
    figures = RichTable(box=None, show_header=False, pad_edge=False)
    figures.add_column(justify="left")
    figures.add_column(justify="left")
    for name, value in _figures(draft):
        figures.add_row(name, value)
    console.print(figures)
    _rejects(draft, console)
    if draft.unsure:
        console.print("\nNot sure of:")
        for sentence in draft.unsure:
            console.print(Text(f"  - {sentence}"))


def _layout(draft: Draft) -> str:
    written = draft.log.layout
    if written.parquet:
        return "Parquet"
    names = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|"}
    parts = [f"text with {names[written.delimiter]}", "a header line" if written.header else "no header line"]
    parts += ["decimal commas"] if written.decimal == "," else []
    parts += ["quotes mean nothing"] if not written.quote else []
    return ", ".join([*parts, *written.notes])


def _columns(guesses: Sequence[Guess], columns: Mapping[str, Column]) -> RichTable:
    table = RichTable(box=None, pad_edge=False)
    for heading in ("column", "is", "sure", "examples", "why"):
        table.add_column(heading, overflow="fold")
    for guess in guesses:
        left_out = guess.role == "none"
        examples = ", ".join(_short(value) for value in columns[guess.column].examples)
        role, sure = ("(left out)", "") if left_out else (guess.role, _sure(guess.confidence))
        table.add_row(*(Text(_printable(cell)) for cell in (guess.column, role, sure, examples, guess.why)))
    return table


def _sure(confidence: float) -> str:
    return "yes" if confidence >= SURE else "likely" if confidence >= 0.6 else "a guess"


def _short(value: str) -> str:
    return value if len(value) <= _EXAMPLE else value[: _EXAMPLE - 1] + "…"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _figures(draft: Draft) -> Iterator[tuple[str, str]]:
    f, survey = draft.figures, draft.survey
    yield (
        "rows",
        f"{survey.read:,}{'' if survey.complete else ', the first ones'}; {survey.rejected:,} of them can't be used",
    )
    sample = f", estimated from 1 user in {round(1 / survey.user_share):,}" if f.sampled else ""
    who = "user" if draft.log.roles.column("user") else "session"
    yield f"{who}s, items", f"{f.users:,} and {f.items:,}{sample}"
    yield "time", f"{_moment(f.first)} to {_moment(f.last)}, {f.days:,.1f} days"
    yield (
        f"events a {who}",
        f"half have at most {f.median:,.0f}, nine of ten {f.most:,.0f}; {f.short:.0%} have fewer than {SHORT}",
    )
    yield "repeats", f"{f.repeats:.1%} of the events are on an item of the {who}'s past"
    if f.session:
        yield "sessions", f"a pause of {f.session:g} minutes ends one; half have at most {f.session_median:,.0f} events"
    else:
        yield "sessions", "the pauses show none"
    strangers = f", {f.strangers:.0%} of its users are new" if who == "user" else ""
    new = f"{f.turnover:.0%} of its events are on new items{strangers}"
    yield "last tenth", f"began {_moment(f.recent)}; {new}"
    yield "equal times", f"{f.ties:.1%} of the events are at the time of the {who}'s event before"
    yield "duplicates", f"{f.duplicates:.1%} of the rows"


def _moment(milliseconds: int) -> str:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (epoch + datetime.timedelta(milliseconds=milliseconds)).strftime("%Y-%m-%d %H:%M")


def _rejects(draft: Draft, console: Console) -> None:
    rejects = draft.survey.rejects
    if rejects:
        console.print("\nRows that can't be used:")
    for reject in rejects[:_REASONS]:
        line = f"  {reject.file}:{reject.line}: {reject.reason} ({reject.rows:,} rows like it)  {reject.text[:60]}"
        console.print(Text(_printable(line)))
    if len(rejects) > _REASONS:
        console.print(f"  and {len(rejects) - _REASONS} more kinds")
