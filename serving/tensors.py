"""JSON of TensorFlow Serving's REST API as tensors, and back.

As its documentation has it (tensorflow.org/tfx/serving/api_rest): "instances" is a row format, "inputs" a column
format; {"b64": …} stands for bytes; an output whose name ends in _bytes is written so; what is no number is written
NaN, Infinity and -Infinity, which JSON itself hasn't.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Mapping

_B64: Final = "b64"
_BYTES: Final = "_bytes"
_DEEPEST: Final = 8


class InputError(ValueError):
    """What was sent doesn't fit the signature."""


def inputs_of(body: Any, specs: Mapping[str, tf.TensorSpec], most: int) -> tuple[dict[str, tf.Tensor], bool]:
    """The tensors of a :predict body.

    Args:
        body: parsed JSON.
        specs: the signature's inputs.
        most: rows at most.
    Returns: tensors by name; whether it came in rows.
    Raises: InputError: the message says which input is wrong, and how.
    """
    if not isinstance(body, dict):
        raise InputError("The body must be an object with either 'instances' or 'inputs'.")
    if ("instances" in body) == ("inputs" in body):
        raise InputError("Give either 'instances' or 'inputs'.")
    by_row = "instances" in body
    columns = _columns(body["instances"], specs) if by_row else _named(body["inputs"], specs)
    if set(columns) != set(specs):
        raise InputError(f"The signature takes {sorted(specs)}; what came names {sorted(map(str, columns))}.")
    tensors = {name: _tensor(name, columns[name], spec) for name, spec in specs.items()}
    rows = {int(tensor.shape[0]) for tensor in tensors.values()}
    if len(rows) != 1:
        raise InputError("The inputs have different numbers of rows.")
    if max(rows) > most:
        raise InputError(f"{max(rows)} rows came, and {most} are the limit.")
    return tensors, by_row


def outputs_of(found: Mapping[str, np.ndarray], *, by_row: bool) -> dict[str, Any]:
    """The answer's JSON, in the form that the request had."""
    plain = {name: _plain(name, array) for name, array in found.items()}
    if not by_row:
        return {"outputs": next(iter(plain.values())) if len(plain) == 1 else plain}
    if len(plain) == 1:
        return {"predictions": next(iter(plain.values()))}
    return {"predictions": [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]}


def _columns(rows: Any, specs: Mapping[str, tf.TensorSpec]) -> dict[str, list[Any]]:
    if not isinstance(rows, list) or not rows:
        raise InputError("'instances' must be a list with at least one row.")
    named = all(isinstance(row, dict) and set(row) != {_B64} for row in rows)
    if not named:
        if len(specs) != 1:
            raise InputError(f"Each instance must be an object with {sorted(specs)}.")
        return {next(iter(specs)): rows}
    if any(set(row) != set(rows[0]) for row in rows):
        raise InputError("The instances have different inputs.")
    return {name: [row[name] for row in rows] for name in rows[0]}


def _named(given: Any, specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    if isinstance(given, dict) and set(given) != {_B64}:
        return given
    if len(specs) != 1:
        raise InputError(f"'inputs' must be an object with {sorted(specs)}.")
    return {next(iter(specs)): given}


def _tensor(name: str, value: Any, spec: tf.TensorSpec) -> tf.Tensor:
    """Raises: InputError: type, depth or shape is another."""
    kind = spec.dtype
    try:
        leaves = _leaves(value, kind, 0)
        array = np.array(leaves, dtype=object if kind == tf.string else kind.as_numpy_dtype)
        if array.size == 0:  # a list without entries has no depth of its own
            array = array.reshape((*array.shape, *[0] * (spec.shape.rank - array.ndim)))
        if not spec.shape.is_compatible_with(array.shape):
            raise InputError(f"{name}: its shape is {list(array.shape)}, and {spec.shape.as_list()} is asked for.")
        if kind.is_floating and not np.isfinite(array).all():
            raise InputError(f"{name}: there are values that are no finite number.")
        if kind == tf.string and array.size == 0:
            return tf.zeros(array.shape, tf.string)
        return tf.constant(array, kind)
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(name) else f"{name}: {error}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{name}: it is no rectangular list of {kind.name}.") from error


def _leaves(value: Any, kind: tf.DType, depth: int) -> Any:
    if isinstance(value, list):
        if depth >= _DEEPEST:
            raise InputError("lists are nested too deeply.")
        return [_leaves(each, kind, depth + 1) for each in value]
    if kind == tf.string:
        return _text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float) if kind.is_floating else int):
        raise InputError(f"{type(value).__name__} came where {kind.name} is asked for.")
    if kind.is_integer and not kind.min <= value <= kind.max:
        raise InputError(f"a number is outside {kind.name}.")
    return value


def _text(value: Any) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and set(value) == {_B64} and isinstance(value[_B64], str):
            return base64.b64decode(value[_B64], validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise InputError("a text is no UTF-8, or no base64.") from error
    raise InputError(f"{type(value).__name__} came where string is asked for.")


def _plain(name: str, array: np.ndarray) -> Any:
    if array.dtype != object:
        return array.tolist()
    return _decoded(array.tolist(), as_b64=name.endswith(_BYTES))


def _decoded(value: Any, *, as_b64: bool) -> Any:
    if isinstance(value, list):
        return [_decoded(each, as_b64=as_b64) for each in value]
    return {_B64: base64.b64encode(value).decode()} if as_b64 else value.decode("utf-8", "replace")
