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

Kind = Literal["architectures", "losses", "negatives", "heads", "rerank"]


class NamedOptions(BaseModel):
    """What the options of every registered file have: its name, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

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


def named(kind: Kind, value: object, default: str) -> NamedOptions:
    """As `options`, for pydantic's validators, which take a ValueError for a fault in the configuration.

    Args:
        kind: the folder.
        value: as `options` takes it; a mapping's knobs without a name are the default's.
        default: the name then.
    Raises: ValueError: no such name. pydantic.ValidationError: an unknown knob or impossible value.
    """
    given = {"name": default, **value} if isinstance(value, dict) else value
    try:
        return options(kind, given)  # type: ignore[arg-type]
    except ConfigError as error:
        raise ValueError(f"{error.what} {error.why} {error.next_step}") from error


def modules(options: BaseModel) -> list[str]:
    """Sorted dotted names of the registered files whose options stand anywhere in these."""
    found = {type(options).__module__} if isinstance(options, NamedOptions) else set()
    for name in type(options).model_fields:
        value = getattr(options, name)
        for part in value if isinstance(value, tuple) else (value,):
            found |= set(modules(part)) if isinstance(part, BaseModel) else set()
    return sorted(found)
