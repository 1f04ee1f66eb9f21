"""How training went: curves, speed, and what it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inspection.report import charts, words
from inspection.report.blocks import Paragraph, Table, Tile, Tiles
from inspection.results import TRAINER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Training"
ORDER = 50
_SECTION: Final = "trainer."
_LOSSES: Final = {"loss": "training", "val_loss": "validation"}
_VALIDATION: Final = "val_"


def blocks(facts: Facts) -> list[Block]:
    """Tiles, curves, knobs."""
    told = facts.results.training
    knobs = _knobs(facts)
    if told is None:
        return [Paragraph(facts.missing(TRAINER, "model_run", "record of the training"), "note"), *knobs]
    history, best = list(told.get("history", ())), told.get("best_epoch")
    return [Tiles(tuple(_tiles(facts, told))), *_curves(history, best), *_tuned(told), *knobs]


def _tiles(facts: Facts, told: Mapping[str, Any]) -> list[Tile]:
    stage = facts.run.stage(TRAINER)
    from_cache = "of the run that made it: this one took it from the cache" if stage and stage.cached else ""
    speed = told.get("positions_per_second")
    return [
        Tile("epochs", words.number(told.get("epochs")), f"the best was epoch {words.number(told.get('best_epoch'))}"),
        Tile("time in fit", words.took(told.get("fit_seconds") or 0.0), from_cache),
        Tile("positions a second", words.number(round(speed) if speed else None), "predictions learnt from"),
    ]


def _curves(history: Sequence[Mapping[str, float]], best: int | None) -> list[Block]:
    """Losses in one plot; validation metrics of a kind, such as all of one cutoff, in another each."""
    if not history:
        return [Paragraph("Nothing was left to train, so there are no curves.", "note")]
    epochs = "epoch", list(range(1, len(history) + 1))
    mark = (best, "best epoch") if best else None
    names = dict.fromkeys(name for epoch in history for name in epoch)
    losses = {said: [epoch.get(name) for epoch in history] for name, said in _LOSSES.items() if name in names}
    made: list[Block] = []
    if losses:
        made.append(charts.lines("Loss", _ends(losses), epochs, ("loss", losses), whole=True, mark=mark))
    groups: dict[str, dict[str, list[float | None]]] = {}
    for name in names:
        if name.startswith(_VALIDATION) and name not in _LOSSES:
            metric = name[len(_VALIDATION) :]
            group = "of the ranking" if "@" in metric else metric
            groups.setdefault(group, {})[metric] = [epoch.get(name) for epoch in history]
    for group, curves in groups.items():
        title = "Validation, " + (" and ".join(curves) if "@" in "".join(curves) else group)
        made.append(charts.lines(title, _ends(curves), epochs, ("value", curves), whole=True, mark=mark))
    return made


def _ends(curves: Mapping[str, Sequence[float | None]]) -> str:
    return (
        "; ".join(f"{name}: from {words.number(of[0])} to {words.number(of[-1])}" for name, of in curves.items()) + "."
    )


def _tuned(told: Mapping[str, Any]) -> list[Block]:
    values = told.get("hyperparameters") or {}
    if not values:
        return []
    rows = tuple((name, words.value(found)) for name, found in values.items())
    return [Table("Chosen by tuning", ("knob", "value"), rows)]


def _knobs(facts: Facts) -> list[Block]:
    told = {name: found for name, found in facts.results.config.items() if name.startswith(_SECTION)}
    if not told:
        return []
    rows = tuple((name[len(_SECTION) :], words.value(found)) for name, found in told.items())
    return [Table("What the Trainer was told", ("knob", "value"), rows, folded=True)]
