"""Folders are the registries: the name in the configuration is the file's name."""

from __future__ import annotations

import difflib
import importlib
import pathlib
import pkgutil
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

Kind = Literal["architectures", "losses"]


class NamedOptions(BaseModel):
    """What the options of every registered file have: its name, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str


def names(kind: Kind) -> tuple[str, ...]:
    """The names that a configuration can use, in order; nothing is imported."""
    folder = pathlib.Path(__file__).parent / kind
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(folder)])))


def load(kind: Kind, name: str) -> ModuleType:
    """The file of that name.

    Raises: ConfigError: there is none; the message lists those that are.
    """
    known = names(kind)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise ConfigError(
            f"There is no {name!r} among the {kind}.",
            why=f"Known: {', '.join(known)}.",
            next_step=f"Did you mean {near[0]!r}?" if near else "Use one of the known names.",
        )
    return importlib.import_module(f"ranker.{kind}.{name}")


def options(kind: Kind, value: str | dict[str, Any] | NamedOptions) -> NamedOptions:
    """The options of one registered file.

    Args:
        kind: the folder.
        value: a name alone (every knob at its default), a mapping with `name` and knobs, or options already read.
    Returns: the file's own Options.
    Raises: ConfigError: no such name, or none given. pydantic.ValidationError: an unknown knob or impossible value.
    """
    if isinstance(value, NamedOptions):
        return value
    given = {"name": value} if isinstance(value, str) else dict(value)
    if "name" not in given:
        raise ConfigError(f"One of the {kind} must be named.", next_step=f"name: one of {', '.join(names(kind))}")
    return load(kind, str(given["name"])).Options.model_validate(given)
