"""A resolved configuration as YAML that a person can read, and a run can read back."""

from __future__ import annotations

import textwrap
import typing
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WIDTH: Final = 100

Path = tuple[str, ...]


def to_yaml(config: BaseModel, where: Mapping[Path, str], *, describe: bool) -> str:
    """Prints a configuration.

    Args:
        config: any of our options, nested as they are.
        where: by path of keys, the place a value came from; a path that isn't in it has its default.
        describe: with each knob's description before it, and after it where its value came from.
    Returns: YAML, ended by a line break.
    """
    return "\n".join(_lines(config, where, (), describe)) + "\n"


def _lines(model: BaseModel, where: Mapping[Path, str], path: Path, describe: bool) -> Iterator[str]:
    indent = "  " * len(path)
    plain = model.model_dump(mode="json")
    for name, field in type(model).model_fields.items():
        value, keys = getattr(model, name), (*path, name)
        if describe:
            if not path:
                yield ""
            yield from _comment(field.description or "", indent)
        if isinstance(value, BaseModel) and type(value).model_fields:
            yield f"{indent}{name}:"
            yield from _lines(value, where, keys, describe)
        else:
            source = f"  # {where.get(keys, 'default')}" if describe else ""
            yield f"{indent}{name}: {flow(plain[name])}{source}"
            if describe and value is None:
                yield from _could_be(field.annotation, f"{indent}#   ")


def _could_be(annotation: Any, indent: str) -> Iterator[str]:
    """The knobs of a section that isn't there, as comments; nothing for a knob that is no section."""
    for model in [part for part in (annotation, *typing.get_args(annotation)) if _is_section(part)]:
        for name, field in model.model_fields.items():
            yield from textwrap.wrap(
                f"{name}: {field.description or ''}", _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  "
            )
            yield from _could_be(field.annotation, f"{indent}  ")


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def flow(value: Any) -> str:
    """One value of YAML on one line, quoted where it must be."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()
