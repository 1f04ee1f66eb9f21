"""What the server is asked: histories of validation, and what nobody should send."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import tensorflow as tf

from schemas import features as f
from schemas.records import from_examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclasses.dataclass(frozen=True)
class Hostile:
    """A request that must be answered without an error of the server's.

    Args:
        name: what it is.
        path: route.
        content: the body.
        refused: it must get a 4xx; else a 2xx will do as well.
    """

    name: str
    path: str
    content: bytes
    refused: bool


def real(pattern: str, most: int) -> Iterator[list[str]]:
    """Histories of evaluation examples, oldest event first.

    Args:
        pattern: gzip TFRecords of sequences.
        most: how many at most.
    """
    files = sorted(tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").take(most).batch(256)
    for batch in records.as_numpy_iterator():
        columns = from_examples(batch.tolist())
        history: pa.Array = columns.column(columns.schema.get_field_index(f.HISTORY))
        for items in history.to_pylist():
            yield [item.decode() if isinstance(item, bytes) else item for item in items or ()]


def hostile(history: Sequence[str]) -> list[Hostile]:
    """What clients send that are broken, old, or mean it.

    Args:
        history: items that the model knows.
    """

    def ask(name: str, body: Any, *, refused: bool = False, path: str = "/recommend") -> Hostile:
        return Hostile(name, path, body if isinstance(body, bytes) else json.dumps(body).encode(), refused)

    known = list(history[:1]) or ["?"]
    return [
        ask("an empty history", {"history": []}),
        ask("unknown items alone", {"history": ["\u0000", "no such item \U0001f600", "x" * 1024]}),
        ask("one item a thousand times", {"history": known * 1000}),
        ask("times out of order", {"history": [{"item_id": item, "timestamp": 10**12 - n} for n, item in
                                               enumerate(history)]}),
        ask("as many items as there are", {"history": known, "k": 10_000}),
        ask("everything left out", {"history": [], "exclude": list(history)[:1000]}),
        ask("numbers for items", {"history": [1, 2]}, refused=True),
        ask("a text for the history", {"history": "abc"}, refused=True),
        ask("not a number", b'{"history": [], "k": NaN}', refused=True),
        ask("a history too long", {"history": known * 100_000}, refused=True),
        ask("no UTF-8", b'{"history": ["\xff\xfe"]}', refused=True),
        ask("half a surrogate", b'{"history": ["\\ud800"]}', refused=True),
        ask("no JSON", b"{", refused=True),
        ask("lists in lists", b"[" * 100_000, refused=True),
        ask("a body beyond the limit", b" " * (4 << 20), refused=True),
        ask("a signature that isn't there", {"signature_name": "x", "instances": [1]}, refused=True,
            path="/v1/models/model:predict"),
        ask("an example that is none", {"instances": [{"b64": "AAAA"}]}, refused=True,
            path="/v1/models/model:predict"),
    ]  # fmt: skip
