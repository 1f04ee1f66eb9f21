"""Whether a space can be searched: each knob and its values are tried on the options before anything runs."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError

from components.tuner.options import Choices
from ranker.hyperparameters import applied, knob, paths
from ranker.job_options import JobOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from components.tuner.options import Dimension, Range

# What would compare trials by different measures, or by luck.
_NOT_TUNED: Final = {
    "epochs": "is the Tuner's own: tuner.epochs",
    "seed": "would pick the luckiest trial",
    "validation_rows": "would judge trials on different rows",
    "cold_items": "would judge trials by different candidates",
    "model.head": "would judge trials by different metrics",
}
_SUGGESTED: Final = 2


class Problem(NamedTuple):
    """path: of the knob. what: is wrong with it."""

    path: str
    what: str


def problems(space: Mapping[str, Dimension], options: JobOptions) -> Iterator[Problem]:
    """What can't be searched; nothing where all can.

    Args:
        space: by the knob's path.
        options: the knobs that the search starts from.
    """
    for path, dimension in space.items():
        what = _reserved(path) or _impossible(path, dimension, space, options)
        if what:
            yield Problem(path, what)


def values(dimension: Choices, path: str, options: JobOptions) -> list[bool | int | float | str]:
    """The choices as the knob has them: YAML takes 5e-4 for a word. Names of parts stay names."""
    return [_typed(choice, path, options) for choice in dimension.choices]


def whole(dimension: Range, path: str, options: JobOptions) -> bool:
    """Whether a range's knob takes whole numbers alone."""
    return isinstance(_typed(dimension.min, path, options), int) and isinstance(dimension.max, int)


def bases(space: Mapping[str, Dimension], options: JobOptions, path: str) -> list[JobOptions]:
    """Options under which a knob may be tried: one for each choice of the named parts that it lies in."""
    found = [options]
    for above in _above(path):
        dimension = space.get(above)
        if isinstance(dimension, Choices):  # what is impossible there is said of that knob, not of those inside it
            tried = [_tried(base, above, choice) for base in found for choice in dimension.choices]
            found = [base for base in tried if isinstance(base, JobOptions)] or found
    return found


def variants(space: Mapping[str, Dimension], options: JobOptions) -> list[JobOptions]:
    """Options with each possible choice, one at a time and with those that it lies in: all the parts that there are."""
    chosen = [(path, dimension) for path, dimension in space.items() if isinstance(dimension, Choices)]
    tried = (
        _tried(base, path, choice)
        for path, dimension in chosen
        for base in bases(space, options, path)
        for choice in dimension.choices
    )
    return [options, *(each for each in tried if isinstance(each, JobOptions))]


def _above(path: str) -> list[str]:
    names = path.split(".")
    return [".".join(names[:n]) for n in range(1, len(names))]


def _tried(options: JobOptions, path: str, value: bool | int | float | str) -> JobOptions | str:
    """The options with the value, or why it can't be."""
    try:
        return applied(options, {path: value})
    except ValidationError as error:
        return f"{value!r} can't be: {_said(error)}"


def _is_known(options: JobOptions, path: str) -> bool:
    try:
        knob(options, path)
    except KeyError:
        return False
    return True


def _reserved(path: str) -> str | None:
    for name, why in _NOT_TUNED.items():
        if path == name or path.startswith(f"{name}."):
            return f"can't be tuned: it {why}"
    if path.endswith(".name"):
        return f"name it as {path.removesuffix('.name')}"
    return None


def _impossible(path: str, dimension: Dimension, space: Mapping[str, Dimension], options: JobOptions) -> str | None:
    ends = dimension.choices if isinstance(dimension, Choices) else (dimension.min, dimension.max)
    for base in bases(space, options, path):
        if not _is_known(base, path):
            return _unknown(path, base)
        wrong = (_tried(base, path, value) for value in ends)
        first = next((what for what in wrong if isinstance(what, str)), None)
        if first:
            return first
    return None


def _said(error: ValidationError) -> str:
    """The first finding, those inside a named part's own options included."""
    first = error.errors(include_url=False)[0]
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, ValidationError):
        return _said(inner)
    return first["msg"].removeprefix("Value error, ")


def _unknown(path: str, options: JobOptions) -> str:
    known = list(paths(options))
    last = path.split(".")[-1]
    near = [name for name in known if name.split(".")[-1] == last] or difflib.get_close_matches(path, known, _SUGGESTED)
    inside = _parts_inside(path, options)
    return f"the Trainer has no such knob{inside}" + (
        f"; did you mean {' or '.join(near[:_SUGGESTED])}?" if near else ""
    )


def _parts_inside(path: str, options: JobOptions) -> str:
    """Which choice of the named parts lacks the knob."""
    names = [str(knob(options, f"{above}.name")) for above in _above(path) if f"{above}.name" in set(paths(options))]
    return f" with {' and '.join(names)}" if names else ""


def _typed(value: bool | int | float | str, path: str, options: JobOptions) -> bool | int | float | str:
    found = knob(applied(options, {path: value}), path)
    return found if isinstance(found, (bool, int, float, str)) else value
