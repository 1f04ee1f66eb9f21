"""Real users of the test split: what they did, what they would have been shown, what they did next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspection.report import people, words
from inspection.report.blocks import Paragraph, People
from inspection.results import EVALUATOR

if TYPE_CHECKING:
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "What it recommends"
ORDER = 70


def blocks(facts: Facts) -> list[Block]:
    """Twenty users, or as many as there are."""
    found = people.people(facts)
    if not found:
        return [Paragraph(facts.missing(EVALUATOR, "evaluation", "recommendations"), "note")]
    hits = sum(any(item.next for item in person.top) for person in found)
    about = (
        f"{words.several(len(found), 'user')} of the test split, chosen by a hash of their ids and so the same in each "
        f"report. For {hits} of them the item that came next is among the {facts.cutoff} shown."
    )
    made: list[Block] = [Paragraph(about)]
    if all(person.before is None for person in found):
        made.append(Paragraph("The interactions were deleted, or can't be read: there are no histories.", "note"))
    return [*made, People(found)]
