"""What a user says about one run: its parameters, its schedule, its root. Checked before anything is sent."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CRON_FIELDS: Final = 6
_CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*?/,-]+")
_STORES: Final = ("gs://", "s3://", "minio://")
_MEANING: Final = {
    "STRING": "text",
    "NUMBER_INTEGER": "an integer",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
}
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "NUMBER_INTEGER": int, "NUMBER_DOUBLE": (int, float), "BOOLEAN": bool,
}  # fmt: skip


def parameters(told: Sequence[str], pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """Values of run-time parameters, typed as the package declares them.

    Args:
        told: NAME=VALUE; the last of a name counts.
        pipeline: the package's PipelineSpec.
    Raises: ConfigError: no such parameter, or a value that isn't of its type.
    """
    declared = pipeline["root"].get("inputDefinitions", {}).get("parameters", {})
    values = {}
    for each in told:
        name, equals, value = each.partition("=")
        if not equals:
            raise ConfigError("A parameter is NAME=VALUE.", where=f"--param {each}")
        if name not in declared:
            raise ConfigError(
                f"The pipeline has no parameter '{name}'.",
                where=f"--param {each}",
                next_step=_hint(name, list(declared)),
            )
        values[name] = _typed(each, value, declared[name]["parameterType"])
    return values


def _hint(name: str, declared: list[str]) -> str:
    near = difflib.get_close_matches(name, declared, n=1)
    known = f"It has {', '.join(sorted(declared))}; what else is to change goes in by --set."
    return f"Did you mean {near[0]}? {known}" if near else known


def _typed(told: str, text: str, kind: str) -> Any:
    if kind == "STRING":
        if "{{" in text:
            raise ConfigError("Argo would take {{ for an expression of its own.", where=f"--param {told}")
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    # bool is an int to Python, and 3.0 would pass the server and fail in the step.
    fits = isinstance(value, _TYPES.get(kind, (dict, list))) and (kind == "BOOLEAN" or not isinstance(value, bool))
    if not fits:
        raise ConfigError(
            f"The value is not {_MEANING.get(kind, 'JSON')}.", where=f"--param {told}", why=f"it is {text!r}."
        )
    return value


def cron(told: str) -> str:
    """Checks the form of a cron expression.

    Raises: ConfigError: it doesn't have the six fields of Kubeflow's.
    """
    fields = told.split()
    if len(fields) != _CRON_FIELDS or not all(map(_CRON_FIELD.fullmatch, fields)):
        raise ConfigError(
            "A schedule has six fields: second, minute, hour, day of the month, month, day of the week.",
            where=f"--cron '{told}'",
            why=f"it has {len(fields)}." if len(fields) != _CRON_FIELDS else "one of them can't be read.",
            next_step=f"'0 {told}' is a crontab's line with the seconds." if len(fields) == _CRON_FIELDS - 1 else
            "'0 30 2 * * *' is every day at 2:30.",
        )  # fmt: skip
    return " ".join(fields)


def pipeline_root(told: str) -> str:
    """Checks that a pipeline root is on a store that Kubeflow's launcher knows; elsewhere the first step would fail.

    Raises: ConfigError: it isn't.
    """
    if not told.startswith(_STORES) or told in _STORES:
        raise ConfigError(
            "Artifacts of a run can't go there.",
            where=f"--pipeline-root {told}",
            next_step=f"Kubeflow's launcher knows {', '.join(_STORES)}.",
        )
    return told
