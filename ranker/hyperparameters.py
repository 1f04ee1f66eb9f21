"""Knobs by their dotted paths, as a search for better ones names them. Read without TensorFlow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Options = TypeVar("Options", bound=BaseModel)

_OF_KERAS_TUNER: Final = "tuner/"  # what its Hyperband notes among the values; no knob of ours


def paths(options: BaseModel) -> Iterator[str]:
    """The paths of all knobs, a part's own before those inside it."""
    for name in type(options).model_fields:
        yield name
        value = getattr(options, name)
        if isinstance(value, BaseModel):
            yield from (f"{name}.{below}" for below in paths(value))


def knob(options: BaseModel, path: str) -> Any:
    """The value at a path.

    Raises: KeyError: there is no such knob.
    """
    value: Any = options
    for name in path.split("."):
        if not isinstance(value, BaseModel) or name not in type(value).model_fields:
            raise KeyError(path)
        value = getattr(value, name)
    return value


def applied(options: Options, values: Mapping[str, Any]) -> Options:
    """Options with other values at some paths, validated as a whole.

    Args:
        options: stay as they are.
        values: by path. A named part (an architecture, a loss) takes a name, and then has that file's defaults, under
            paths inside it that stand here too.
    Raises: KeyError: no such knob. pydantic.ValidationError: an impossible value, or one that fits no other.
    """
    given = options.model_dump()
    for path in sorted(values, key=lambda path: path.count(".")):
        *above, last = path.split(".")
        part = given
        for name in above:
            if isinstance(part[name], str):
                part[name] = {"name": part[name]}
            part = part[name]
        part[last] = values[path]
    return type(options).model_validate(given)


def of_keras_tuner(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of knobs in what keras_tuner.HyperParameters.get_config() gives."""
    return {path: value for path, value in config["values"].items() if not path.startswith(_OF_KERAS_TUNER)}


def read(text: str) -> dict[str, Any]:
    """The values of knobs in a file that the Tuner left."""
    return of_keras_tuner(json.loads(text))
