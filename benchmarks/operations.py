"""What a piece of TensorFlow work computes and moves: every operation is looked at while it runs eagerly.

Graphs alone don't tell: a while loop stands in them once, however often it turns. Keras' recurrent layers take one step
more than there are positions when they run eagerly, to see the shape of what comes out.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_callbacks

# fmt: off
_FREE: Final = frozenset({  # they hand on what is there, or speak of shapes
    "Identity", "Reshape", "Shape", "ShapeN", "Size", "Rank", "ExpandDims", "Squeeze", "ReadVariableOp", "StopGradient",
    "StridedSlice", "NoOp", "PreventGradient", "BroadcastGradientArgs", "EnsureShape",
})
# fmt: on
_GATHERS: Final = frozenset({"GatherV2", "ResourceGather", "GatherNd"})  # they read the rows asked for alone


@dataclasses.dataclass
class Operations:
    """What was done.

    matrix: floating-point operations of matrix products, a multiplication and an addition counted as two.
    moved: bytes that operations read and wrote, were nothing kept in a cache and no two of them joined into one.
    calls: operations. by_kind: bytes by the kind of operation.
    """

    matrix: int = 0
    moved: int = 0
    calls: int = 0
    by_kind: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def see(
        self, kind: str, inputs: Sequence[tf.Tensor], attributes: Sequence[Any], outputs: Sequence[tf.Tensor]
    ) -> None:
        """Adds one operation."""
        if kind in _FREE:
            return
        self.calls += 1
        self.matrix += _matrix_operations(
            kind, inputs, dict(zip(attributes[::2], attributes[1::2], strict=True)), outputs
        )
        read = sum(map(_bytes, outputs if kind in _GATHERS else inputs))
        moved = read + sum(map(_bytes, outputs))
        self.moved += moved
        self.by_kind[kind] += moved


def count(work: Callable[[], object]) -> Operations:
    """Runs the work once, eagerly, and counts what it does. Functions inside it are run eagerly, too."""
    found = Operations()
    with _eagerly(), _watched(found):
        work()
    return found


@contextlib.contextmanager
def _eagerly() -> Iterator[None]:
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def _watched(found: Operations) -> Iterator[None]:
    def see(
        kind: str | bytes, inputs: Any, attributes: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:
        del op_name, graph
        kind = kind.decode() if isinstance(kind, bytes) else kind
        found.see(kind, inputs or (), attributes or (), outputs or ())

    op_callbacks.add_op_callback(see)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(see)


def _bytes(tensor: tf.Tensor) -> int:
    """0 for what isn't numbers: handles of variables, lists of tensors."""
    size = tensor.dtype.size if tensor.dtype not in (tf.resource, tf.variant, tf.string) else 0
    return int(np.prod(tensor.shape, dtype=np.int64)) * size


def _matrix_operations(
    kind: str, inputs: Sequence[tf.Tensor], attributes: dict[str, Any], outputs: Sequence[tf.Tensor]
) -> int:
    if kind == "MatMul":
        inner = inputs[0].shape[0 if attributes["transpose_a"] else 1]
    elif kind in ("BatchMatMul", "BatchMatMulV2"):
        inner = inputs[0].shape[-2 if attributes["adj_x"] else -1]
    elif kind == "Einsum":
        return 2 * int(np.prod(list(_einsum_sizes(attributes["equation"], inputs).values()), dtype=np.int64))
    else:
        return 0
    return 2 * int(np.prod(outputs[0].shape, dtype=np.int64)) * int(inner)


def _einsum_sizes(equation: str | bytes, inputs: Sequence[tf.Tensor]) -> dict[str, int]:
    """Length of each index; a product runs over all of them."""
    text = equation.decode() if isinstance(equation, bytes) else equation
    terms = text.split("->")[0].split(",")
    shapes = [one.shape.as_list() for one in inputs]
    return {
        index: size for term, shape in zip(terms, shapes, strict=True) for index, size in zip(term, shape, strict=True)
    }
