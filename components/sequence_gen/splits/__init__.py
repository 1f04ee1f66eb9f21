"""How events are shared out between training, validation and test. This folder is the registry: a file is a rule.

A rule is a module with
    class Options(SplitOptions)   its knobs, and what its errors advise; `name` is the file's name
    def assign(events, options)   plain Polars over users' events in order; adds the columns SPLIT and IS_LABEL. Where
                                  there is a column NEW, only events with it may be labels of validation and test
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

SPLIT: Final = "split"  # Enum of schemas.features.SEQUENCE_SPLITS; within a user train, then valid, then test
IS_LABEL: Final = "is_label"  # bool: the row is the label of a validation or test example
NEW: Final = "new"  # bool, only where labels are of the newest span: the row is of that span


class SplitOptions(BaseModel):
    """Knobs of a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(description="The rule: a file in components/sequence_gen/splits.")]

    @property
    def until_split(self) -> bool:
        """Whether a label's past ends where its split begins, not right before the label."""
        return False

    def resolved(self, newest: Callable[[], int]) -> SplitOptions:
        """The same rule with nothing left that depends on the log.

        Args:
            newest: gives the time of the log's newest event, in milliseconds; asked only where it is needed.
        """
        return self

    def advice(self, missing: str) -> str:
        """What to change where a split of this name has nothing in it. To be overridden."""
        raise NotImplementedError


def names() -> list[str]:
    """The rules there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    """The module of one rule.

    Raises: ValueError: there is no such rule.
    """
    if name not in names():
        raise ValueError(f"there is no split {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        return value
    if "name" not in value:
        raise ValueError(f"split needs a name: {', '.join(names())}")
    return load(value["name"]).Options.model_validate(value)


Split = Annotated[SerializeAsAny[SplitOptions], BeforeValidator(_parse)]
