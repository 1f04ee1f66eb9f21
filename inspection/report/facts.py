"""What sections read: a run, what came of it, and the tables it left, each read once and only when asked for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from inspection import files, results
from inspection.records import FAILED
from inspection.report import interactions, tested
from schemas import contents, features
from schemas.models import EXPORTED_ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from inspection.records import Run, Stage
    from inspection.report.tested import Tested
    from inspection.results import Results
    from inspection.store import Store

LOOKED_AT: Final = 20  # older runs, for the one before with which data are compared
ITEM_GEN: Final = "ItemExampleGen"
_CUTOFF: Final = 10
_RANKED: Final = "ndcg@"


class Facts:
    """A run as the report sees it.

    Args:
        store: where it is recorded.
        run: of it.
    """

    def __init__(self, store: Store, run: Run) -> None:
        self.store, self.run = store, run

    @functools.cached_property
    def results(self) -> Results:
        """Figures, verdict, training, counts, configuration."""
        return results.of(self.run)

    @functools.cached_property
    def commit(self) -> str | None:
        """The Git commit, where the run's summary says it."""
        return self.store.commit(self.run.line.id)

    @functools.cached_property
    def head(self) -> str:
        """Name of the model's head."""
        return str(self.results.config.get("trainer.model.head.name") or "next_item")

    @functools.cached_property
    def cutoff(self) -> int:
        """The k that the report speaks of: 10, or the largest that was measured."""
        names = self.results.metrics.get(results.TEST, {}).get(results.CANDIDATE, {}).get(results.OVERALL, {})
        found = [int(name[len(_RANKED) :]) for name in names if name.startswith(_RANKED)]
        return _CUTOFF if _CUTOFF in found or not found else max(found)

    @functools.cached_property
    def failed(self) -> tuple[Stage, ...]:
        """Stages that failed."""
        return tuple(stage for stage in self.run.stages if stage.state == FAILED)

    def missing(self, stage: str, key: str, what: str) -> str:
        """Why something can't be shown."""
        found = self.run.stage(stage)
        if found is None:
            return f"No {what}: the run did not come as far as {stage}."
        if found.state == FAILED:
            return f"No {what}: {stage} failed."
        artifact = found.output(key)
        if artifact is None:
            return f"No {what}: {stage} left none."
        return f"No {what}: what {stage} left at {artifact.uri} was deleted, or can't be read from here."

    def uri(self, stage: str, key: str, run: Run | None = None) -> str | None:
        """Where an output lies."""
        artifact = (run or self.run).output(stage, key)
        return artifact.uri if artifact else None

    @functools.cached_property
    def items(self) -> pl.DataFrame | None:
        """item_id and count in training, the most frequent first."""
        return item_counts(self.uri(results.SEQUENCES, "item_counts"))

    @functools.cached_property
    def tested(self) -> Tested | None:
        """What the test split's rows say together."""
        uri = self.uri(results.EVALUATOR, "evaluation")
        return tested.read(f"{uri}/{contents.PER_USER_FOLDER}", features.TEST, self.cutoff) if uri else None

    @functools.cached_property
    def events(self) -> str | None:
        """Where the interactions lie."""
        return self.uri(results.EXAMPLE_GEN, "examples")

    @functools.cached_property
    def previous(self) -> Run | None:
        """The newest older run of the same pipeline that counted its items."""
        for name in self.store.older(self.run.line.id, LOOKED_AT):
            found = self.store.run(name)
            if found.line.pipeline == self.run.line.pipeline and self.uri(results.SEQUENCES, "item_counts", found):
                return found
        return None

    def titles(self, items: Iterable[str]) -> Mapping[str, str]:
        """Titles of items, where there is a table that has them."""
        wanted = sorted(set(items))
        for folder in (self.uri(ITEM_GEN, "examples"), self._exported()):
            found = interactions.titles(folder, wanted) if folder else {}
            if found:
                return found
        return {}

    def _exported(self) -> str | None:
        """The items table inside the model, which is there though ItemExampleGen's was collected."""
        for uri in (self.results.pushed, self.uri(results.TRAINER, "model")):
            for below in ("", "Format-Serving/"):
                name = f"{below}{EXPORTED_ITEMS}"
                if uri and any(found == name for found, _ in files.names(uri)):
                    return f"{uri.rstrip('/')}/{name}"
        return None


def item_counts(uri: str | None) -> pl.DataFrame | None:
    """Reads item counts; None where there are none (any more)."""
    found: Any = files.read_parquet(uri, ["item_id", "count"]) if uri else None
    return found
