"""Words what pydantic finds wrong with a configuration: file and line, key, what, and near matches."""

from __future__ import annotations

import difflib
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Path = tuple[str, ...]


def word(
    error: ValidationError, root: type[BaseModel], values: dict[str, Any], where: Mapping[Path, str], *, place: str
) -> list[str]:
    """One line a finding.

    Args:
        error: what validating `values` as a `root` raised.
        root: the model, whose keys are searched for near matches.
        values: as given, nested.
        where: by path of keys, the place a value came from.
        place: what stands for a key that is nowhere, since it is missing.
    """
    return [_line(problem, root, values, where, place) for problem in _findings(error)]


def refuse(problems: Iterable[tuple[Path, str]]) -> None:
    """For a validator of the whole configuration, whose findings belong to keys of their own.

    Args:
        problems: path of the key, and what is wrong with it.
    Raises: pydantic.ValidationError: there is one; `word` puts each at its key.
    """
    found = [
        InitErrorDetails(type=PydanticCustomError("impossible", "{what}", {"what": what}), loc=path, input=None)
        for path, what in problems
    ]
    if found:
        raise ValidationError.from_exception_data("configuration", found)


def _findings(error: ValidationError, place: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
    """pydantic's findings; where one is an error of a named part's own options, the findings inside it."""
    for problem in error.errors(include_url=False):
        located = (*place, *problem["loc"])
        inner = problem.get("ctx", {}).get("error")
        if isinstance(inner, ValidationError):
            yield from _findings(inner, located)
        else:
            yield {**problem, "loc": located}


def _line(problem: Any, root: type[BaseModel], values: dict[str, Any], where: Mapping[Path, str], place: str) -> str:
    """One line on one of pydantic's findings: where, key, what, near matches."""
    keys = _keys(problem, values)
    place = next((where[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in where), place)
    name = ".".join(keys) or "the configuration"
    if problem["type"] == "extra_forbidden":
        near = _near(root, keys)
        return f"{place}: {name}: unknown key" + (f"; did you mean {' or '.join(near)}?" if near else "")
    if problem["type"] == "missing":
        return f"{place}: {name}: must be given"
    what = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = f", not {given!r}" if isinstance(given, (str, int, float, bool)) else ""
    first = what.split(" ", 1)[0]
    what = what if first[1:] != first[1:].lower() else what[:1].lower() + what[1:]  # a name such as FnApiRunner stays
    return f"{place}: {name}: {what}{shown}"


def _keys(problem: Any, values: Any) -> Path:
    """pydantic's place without the tags that it adds for unions, which are no keys of the file."""
    keys: list[str] = []
    last = len(problem["loc"]) - 1
    for i, part in enumerate(problem["loc"]):
        inside = isinstance(values, dict) and part in values
        inside = inside or (isinstance(values, (list, tuple)) and isinstance(part, int) and part < len(values))
        if inside or (i == last and problem["type"] == "missing"):
            keys.append(str(part))
            values = values[part] if inside else None
    return tuple(keys)


def _near(root: type[BaseModel], keys: Path) -> list[str]:
    """Known keys that look like the last of `keys`: beside it if there are, else anywhere."""
    beside = {".".join((*keys[:-1], name)) for model in _models_at(root, keys[:-1]) for name in model.model_fields}
    close = difflib.get_close_matches(".".join(keys), beside, n=2, cutoff=0.8)
    close = [name for name in close if difflib.SequenceMatcher(None, name.split(".")[-1], keys[-1]).ratio() > 0.6]
    return close or [".".join(known) for known in _known(root) if known[-1] == keys[-1]][:2]


def _known(model: type[BaseModel], prefix: Path = ()) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        yield (*prefix, name)
        for below in _models(field.annotation):
            yield from _known(below, (*prefix, name))


def _models_at(root: type[BaseModel], keys: Path) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = [root]
    for key in keys:
        models = [below for model in models if key in model.model_fields for below in _below(model, key)]
    return models


def _below(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    """What a field may hold: by its annotation, and by its default, which may be a named part's own options."""
    try:
        default = type(getattr(model(), key))
    except ValidationError:  # the model has fields without a default
        default = type(None)
    return [*_models(model.model_fields[key].annotation), *_models(default)]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, through unions and containers."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)
