"""A hash of our own: the same on every machine, stack and library version, whole columns at a time.

It orders events of one time and splits users into buckets, so a change of it would change which item is a test item.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_WORD = 8  # bytes taken in at a time
_TAIL = np.array([0] + [(1 << (8 * n)) - 1 for n in range(1, _WORD + 1)], np.uint64)  # keeps the first n bytes


def _mix(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).

    In as few arrays as can be: making one costs as much as a step. `x` itself stays as it is.
    """
    mixed = x >> np.uint64(30)
    mixed ^= x
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    shifted = mixed >> np.uint64(27)
    mixed ^= shifted
    mixed *= np.uint64(0x94D049BB133111EB)
    np.right_shift(mixed, np.uint64(31), out=shifted)
    mixed ^= shifted
    return mixed


def stable_hash(column: pa.Array | pa.ChunkedArray, seed: int = 0) -> np.ndarray:
    """Hash of each value's bytes.

    Words of eight little-endian bytes are taken in one after the other, each followed by a finaliser; only the rows
    that are long enough take part in a step, so that a few very long ids cost what they are long, not the column.

    Args:
        column: [n] string, binary or their large forms; a null hashes like the empty string.
        seed: any integer of 64 bits.
    Returns: [n] uint64.
    Raises: TypeError: another type of column.
    """
    if isinstance(column, pa.ChunkedArray):
        parts = [stable_hash(chunk, seed) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.empty(0, np.uint64)
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    if not (wide or pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
        raise TypeError(f"stable_hash takes a column of strings or bytes; got {column.type}.")
    if len(column) == 0:
        return np.empty(0, np.uint64)
    if column.null_count:
        column = column.fill_null("" if "string" in str(column.type) else b"")
    n = len(column)
    offsets = np.frombuffer(column.buffers()[1], np.int64 if wide else np.int32)
    offsets = offsets[column.offset : column.offset + n + 1].astype(np.int64)
    lengths = np.diff(offsets)
    with np.errstate(over="ignore"):
        seeded = np.uint64(seed & 0xFFFFFFFFFFFFFFFF) + _GOLDEN
        state = _mix(lengths.astype(np.uint64) * _GOLDEN + seeded)
        if lengths.any():
            _take_in(state, column.buffers()[2], offsets, lengths)
    return state


def _take_in(state: np.ndarray, data: pa.Buffer, offsets: np.ndarray, lengths: np.ndarray) -> None:
    """Mixes the bytes of each row into `state` [n] uint64, in place."""
    padded = np.zeros(offsets[-1] - offsets[0] + _WORD, np.uint8)
    padded[:-_WORD] = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    words: np.ndarray = np.ndarray(len(padded) - _WORD + 1, "<u8", padded, strides=(1,))  # one at every byte
    starts = offsets[:-1] - offsets[0]
    rows = np.flatnonzero(lengths)
    everyone = len(rows) == len(state)
    while len(rows):
        left = lengths if everyone else lengths[rows]
        word = words[starts if everyone else starts[rows]] & _TAIL[np.minimum(left, _WORD)]
        if everyone:
            state[:] = _mix((state ^ word) + _GOLDEN)
        else:
            state[rows] = _mix((state[rows] ^ word) + _GOLDEN)
        starts, lengths = starts + _WORD, lengths - _WORD
        rows = np.flatnonzero(lengths > 0) if everyone else rows[left > _WORD]
        everyone = len(rows) == len(state)


def combine(hashes: list[np.ndarray]) -> np.ndarray:
    """One hash of several columns' hashes, in their order.

    Args:
        hashes: at least one array of [n] uint64.
    Returns: [n] uint64.
    """
    with np.errstate(over="ignore"):
        total = np.zeros_like(hashes[0])
        for column in hashes:
            total = _mix((total ^ column) + _GOLDEN)
    return total


def as_int64(hashes: np.ndarray) -> np.ndarray:
    """The same 64 bits, read as signed, since TFDV and tf.Example know no unsigned integers."""
    return hashes.view(np.int64)
