"""Whether it shows more than what is popular anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from inspection.report import charts, exposure, words
from inspection.report.blocks import Paragraph, Table
from inspection.results import CANDIDATE, EVALUATOR, OVERALL, SEQUENCES, TEST

if TYPE_CHECKING:
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Popularity and diversity"
ORDER = 80
_MOST: Final = 15  # recommended items in the table
_NEVER = "new"


def blocks(facts: Facts) -> list[Block]:
    """Of test's first lists: over tenths of the catalogue, concentrated or not, and how much of it comes at all."""
    if facts.tested is None or facts.tested.shown.is_empty():
        return [Paragraph(facts.missing(EVALUATOR, "evaluation", "recommended items"), "note"), *_coverage(facts)]
    if facts.items is None or facts.items.is_empty():
        return [Paragraph(facts.missing(SEQUENCES, "item_counts", "counts of items"), "note"), *_coverage(facts)]
    training, shown, labels = (
        dict(frame.select("item_id", "count").iter_rows())
        for frame in (facts.items, facts.tested.shown, facts.tested.labels)
    )
    return [*_tenths(facts, training, shown, labels), *_lorenz(facts, training, shown), *_coverage(facts),
            _most(facts, training, shown)]  # fmt: skip


def _tenths(facts: Facts, training: dict[str, int], shown: dict[str, int], labels: dict[str, int]) -> list[Block]:
    found = exposure.spread(training, shown, labels)
    names = [f"{place + 1}" for place in range(exposure.DECILES)] + [_NEVER]
    used = [place for place, size in enumerate(found.items) if size or found.shown[place] or found.labels[place]]
    curves = {
        "training events": found.training, f"top {facts.cutoff} shown": found.shown, "came next": found.labels,
    }  # fmt: skip
    about = (
        f"The most popular tenth of the items has {words.share(found.training[0])} of the training events, "
        f"{words.share(found.shown[0])} of the places in lists of {facts.cutoff}, and {words.share(found.labels[0])} "
        f"of what came next. Tenth 1 is the most popular; “{_NEVER}” are items that training never saw."
    )
    x = "tenth of the items by popularity", [names[place] for place in used]
    heights = {name: [float(of[place]) for place in used] for name, of in curves.items()}
    return [charts.bars("Popularity of what is shown", about, x, ("share", heights), percent=True)]


def _lorenz(facts: Facts, training: dict[str, int], shown: dict[str, int]) -> list[Block]:
    items = list(dict.fromkeys([*training, *shown]))
    sides = {
        f"top {facts.cutoff} shown": np.array([shown.get(item, 0) for item in items]),
        "training events": np.array([training.get(item, 0) for item in items]),
    }
    x, _ = exposure.lorenz(sides["training events"])
    curves = {f"{name}, Gini {exposure.gini(of):.2f}": exposure.lorenz(of)[1].tolist() for name, of in sides.items()}
    tenths = [int(at) for at in np.linspace(0, len(x) - 1, min(11, len(x)))]
    rows = tuple((words.share(x[at]), *(words.share(of[at]) for of in curves.values())) for at in tenths)
    curves["all items alike"] = x.tolist()
    about = (
        "Items from the least shown to the most: the further a curve hangs below the straight line, the fewer items "
        "have most of the places. The Gini coefficient is 0 on the line and near 1 where one item has all."
    )
    axes = "share of the items", "share of all places"
    table = Table("Concentration", (axes[0], *list(curves)[:2]), rows, folded=True)
    return [charts.lines("Concentration (Lorenz curve)", about, (axes[0], x.tolist()), (axes[1], curves), table=table)]


def _coverage(facts: Facts) -> list[Block]:
    of = facts.results.metrics.get(TEST, {}).get(CANDIDATE, {}).get(OVERALL, {})
    cutoffs = sorted(int(name.split("@")[1]) for name in of if name.startswith("coverage@"))
    if not cutoffs:
        return []
    values = [of[f"coverage@{k}"].value for k in cutoffs]
    about = (
        f"Share of the catalogue that comes in any user's first k items; {words.share(values[-1])} at {cutoffs[-1]}."
    )
    names = [str(k) for k in cutoffs]
    return [
        charts.bars("Coverage", about, ("k, items in a list", names), ("share", {"coverage": values}), percent=True)
    ]


def _most(facts: Facts, training: dict[str, int], shown: dict[str, int]) -> Table:
    place = {item: number for number, item in enumerate(training, 1)}
    top = list(shown)[:_MOST]
    titles = facts.titles(top)
    lists = max(len(facts.tested.users), 1) if facts.tested else 1
    rows = tuple(
        (f"{titles[item]} ({item})" if item in titles else item, words.share(shown[item] / lists),
         words.number(place.get(item)), words.number(training.get(item, 0)))
        for item in top
    )  # fmt: skip
    columns = ("item", f"in lists of {facts.cutoff}", "place by popularity", "training events")
    return Table("What is shown most", columns, rows)
