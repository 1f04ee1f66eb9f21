"""Begins a training with the weights of an earlier model, whatever the order of its items, users and categories was.

A row of a table belongs to a string: an item, a user, a category. Beside each exported model lie its weights and the
strings of their rows; what is mapped is rows by string, and every other weight as it is. Left as initialised are rows
of strings that the earlier model didn't know, and weights that have another shape there, or none. Only what is trained
is taken: dropout's randomness, counts and the optimizer's memory begin anew.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import zipfile
from typing import TYPE_CHECKING, Any, Final

import fsspec
import numpy as np
import polars as pl
import tensorflow as tf

from ranker import checkpointing
from schemas import encryption
from schemas import features as f
from schemas.errors import ModelError
from schemas.models import START_ROWS, START_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ranker.catalogue import Catalogue
    from ranker.model import SequenceRanker

_log = logging.getLogger(__name__)
_NAMES: Final = "names"
_HEAD: Final = "head"
_OF_HEAD: Final = ("bias", "tower/feature_bias")  # weights that mean something else under another head
_WEIGHT, _KEY = "weight", "key"  # columns of START_ROWS; a weight's rows stand in their order
_OF_NO_STRING: Final = ("padding", "unknown")  # ids 0 and 1
_STRING: Final = "="  # before each string, so that none is taken for those two
_WORDED: Final = 5  # weights left fresh that a log line names


@dataclasses.dataclass(frozen=True)
class Report:
    """What a training began with.

    taken: weights, by name. fresh: weights that were left as initialised, and why. rows: of each table by strings, how
    many rows were taken and how many were new.
    """

    taken: list[str]
    fresh: dict[str, str]
    rows: dict[str, dict[str, int]]


@dataclasses.dataclass(frozen=True)
class Start:
    """The weights of an earlier model.

    Args:
        weights: by name.
        rows: by the name of a table, its rows' keys in order.
        where: it lies, for messages.
        head: the earlier model's: under another one, biases mean something else, and begin anew. None: not known.
    """

    weights: Mapping[str, np.ndarray]
    rows: Mapping[str, pl.Series]
    where: str
    head: str | None = None

    def into(self, model: SequenceRanker) -> Report:
        """Puts the weights into a new model.

        Args:
            model: as initialised; changed in place.
        """
        report = Report([], {}, {})
        rows = _rows(model)
        for name, variable in named_weights(model).items():
            moved = name in _OF_HEAD and self.head not in (None, model.options.head.name)
            why = f"of the head {self.head}" if moved else self._take(name, variable, rows.get(name), report)
            if why is None:
                report.taken.append(name)
            else:
                report.fresh[name] = why
        _say(report, self.where)
        return report

    def _take(self, name: str, variable: tf.Variable, keys: pl.Series | None, report: Report) -> str | None:
        """Fills one weight; why not, where that can't be."""
        old, before = self.weights.get(name), self.rows.get(name)
        if old is None:
            return "the earlier model has none"
        shape = tuple(variable.shape)
        if (keys is None) != (before is None):
            return "the rows' strings are unknown"
        if keys is None or before is None:
            if old.shape != shape:
                return f"its shape is {shape}, there {old.shape}"
            variable.assign(old)
            return None
        if old.shape[1:] != shape[1:]:
            return f"its rows have the shape {shape[1:]}, there {old.shape[1:]}"
        here, there = _matches(keys, before)
        value = variable.numpy()
        value[here] = old[there]
        variable.assign(value)
        report.rows[name] = {"taken": len(here), "new": len(keys) - len(here)}
        return None


def write(model: SequenceRanker, folder: str) -> None:
    """Leaves a model's weights and the strings of their rows in a SavedModel's folder.

    Args:
        model: float32, with everything that is trained: not yet frozen.
        folder: local or one that fsspec can write.
    """
    weights = named_weights(model)
    arrays = {f"{n}": variable.numpy() for n, variable in enumerate(weights.values())}
    buffer = io.BytesIO()
    np.savez(buffer, **{_NAMES: np.array(list(weights)), _HEAD: np.array(model.options.head.name)}, **arrays)
    rows = _rows(model)
    frames = [pl.DataFrame({_KEY: keys}).with_columns(pl.lit(name).alias(_WEIGHT)) for name, keys in rows.items()]
    with fsspec.open(f"{folder.rstrip('/')}/{START_WEIGHTS}", "wb", auto_mkdir=True) as file:
        file.write(buffer.getbuffer())
    with fsspec.open(f"{folder.rstrip('/')}/{START_ROWS}", "wb", auto_mkdir=True) as file:
        pl.concat(frames).select(_WEIGHT, _KEY).write_parquet(file)


def read(folder: str) -> Start | None:
    """What `write` left in a SavedModel's folder, or None where nothing is: an older version of ours exported it.

    Args:
        folder: local or one that fsspec can open.
    Raises: ModelError: it can't be read. ConfigError, DataError: nor decrypted.
    """
    weights, rows = (_content(f"{folder.rstrip('/')}/{name}") for name in (START_WEIGHTS, START_ROWS))
    if weights is None or rows is None:
        _log.warning("%s has no weights to begin with: training begins afresh.", folder)
        return None
    try:
        with np.load(io.BytesIO(weights), allow_pickle=False) as file:
            found = {str(name): file[f"{n}"] for n, name in enumerate(file[_NAMES])}
            head = str(file[_HEAD]) if _HEAD in file else None
        table = pl.read_parquet(io.BytesIO(rows))
        keys = {str(part[_WEIGHT][0]): part[_KEY] for part in table.partition_by(_WEIGHT, maintain_order=True)}
    except (EOFError, ValueError, KeyError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise ModelError(
            "The weights to begin with can't be read.", where=folder, why=str(error),
            next_step="set trainer.warm_start: false",
        ) from error  # fmt: skip
    return Start(found, keys, folder, head)


def _content(path: str) -> bytes | None:
    """A file in the clear; None: there is none."""
    content = checkpointing.read(path)
    if content is None:
        return None
    with encryption.plain(io.BytesIO(content), path) as file:
        return file.read()


def named_weights(model: SequenceRanker) -> dict[str, tf.Variable]:
    """What is trained, each under the path of attributes that leads to it; a column's table under its name."""
    found: dict[Any, tuple[str, tf.Variable]] = {}
    for path, variable in _variables(model):
        if variable.trainable and variable.dtype.is_floating:
            found.setdefault(_inner(variable).ref(), (path, variable))
    columns = {} if model.contexts is None else model.contexts.tables
    for name, table in columns.items():
        found[_inner(table).ref()] = (f"contexts/{name}", table)
    return dict(sorted(found.values()))


def _variables(model: tf.keras.Model) -> Iterator[tuple[str, tf.Variable]]:
    """All variables, the shortest path to each first."""
    view = tf.train.TrackableView(model)
    ahead: list[tuple[tuple[str, ...], Any]] = [((), model)]
    seen = {id(model)}
    for path, node in ahead:
        for name, child in view.children(node).items():
            if isinstance(child, tf.Variable):
                yield "/".join((*path, name)), child
            elif id(child) not in seen:
                seen.add(id(child))
                ahead.append(((*path, name), child))


def _inner(variable: tf.Variable) -> tf.Variable:
    """The variable itself, where Keras wrapped it for 16-bit arithmetic."""
    return getattr(variable, "_variable", variable)


def _rows(model: SequenceRanker) -> dict[str, pl.Series]:
    """The keys of each table's rows, of those tables whose strings are known."""
    catalogue = model.catalogue
    items = _keys(catalogue.items)
    found = {"items": items, "scored_items": items, "bias": items[f.FIRST_ITEM :]}
    if f.USER in catalogue.vocabularies:
        found["users"] = _keys(catalogue.vocabularies[f.USER])
    for name in {} if model.contexts is None else model.contexts.tables:
        if name in catalogue.vocabularies:
            found[f"contexts/{name}"] = _keys(catalogue.vocabularies[name])
    if model.tower is not None:
        found["tower/features"] = _of_features(catalogue)
    weights = named_weights(model)
    return {name: keys for name, keys in found.items() if name in weights and len(keys) == weights[name].shape[0]}


def _keys(strings: Sequence[str] | np.ndarray) -> pl.Series:
    """Of a table's rows: those of no string, then one a string."""
    known = _STRING + pl.Series(_KEY, list(strings), dtype=pl.String)
    return pl.concat([pl.Series(_KEY, list(_OF_NO_STRING), dtype=pl.String), known])


def _of_features(catalogue: Catalogue) -> pl.Series:
    """Of ranker.item_tower's rows: each column's values, then two for each column of numbers."""
    features = catalogue.features
    assert features is not None  # there is a tower
    parts = [f"{name}\0" + _keys(column.values) for name, column in features.categories.items()]
    parts += [pl.Series(_KEY, [f"{name}\0number", f"{name}\0missing"]) for name in features.numbers]
    return pl.concat(parts) if parts else pl.Series(_KEY, [], dtype=pl.String)


def _matches(here: pl.Series, there: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Rows of equal keys: in this model, and beside them in the earlier one."""
    one, other = (pl.DataFrame({_KEY: keys}).with_row_index(name) for name, keys in (("h", here), ("t", there)))
    both = one.join(other, on=_KEY, how="inner", maintain_order="left")
    return both["h"].to_numpy(), both["t"].to_numpy()


def _say(report: Report, where: str) -> None:
    items = report.rows.get("items", {"taken": 0, "new": 0})
    _log.info("Training begins with %s: %d weights, %s", where, len(report.taken), items)
    if report.fresh:
        worded = [f"{name} ({why})" for name, why in report.fresh.items()]
        more = f" and {len(worded) - _WORDED} more" if len(worded) > _WORDED else ""
        _log.warning("Left as initialised: %s%s", ", ".join(worded[:_WORDED]), more)
