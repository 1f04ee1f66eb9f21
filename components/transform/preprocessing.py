"""The graph from raw sequences to ids, the same in training and in every signature of the exported model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import tensorflow as tf
import tensorflow_transform as tft

from components.transform.options import Options
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Column = Union[tf.Tensor, tf.SparseTensor]  # noqa: UP007 (evaluated by Python 3.10, which knows no | of these two)
_PASSED_ON = (f.HISTORY_TIED, f.LABEL_WEIGHT, f.LABEL_RATING)  # used by training as they are


def preprocessing_fn(inputs: Mapping[str, Column], custom_config: Mapping[str, Any]) -> dict[str, Column]:
    """TFT's entry point: raw features of schemas.features to transformed ones.

    Args:
        inputs: history, history_timestamp, history_tied, label, seen, contexts and user features (sparse), loss_from,
            learn_from where labels are of the newest span alone, and user_id where users are embedded.
        custom_config: `options`, the stage's options as JSON; `users`, whether users get ids; `items`, whether there
            is an items table; `keys`, whether rows say whose they are.
    Returns: history, history_gap, history_tied, label, seen, history_context_*, user_feature_*: sparse int64; loss_from
        [B, 1] int64; user and user_key [B, 1] int64, label_weight and label_rating sparse float, where they are;
        label_item [B, 1] string and label_timestamp sparse int64 with an items table.
    """
    options = Options.model_validate_json(custom_config["options"])
    items = tft.vocabulary(
        training_items(inputs[f.HISTORY], inputs[f.LABEL], inputs[f.LOSS_FROM]),
        frequency_threshold=options.min_frequency if options.min_frequency > 1 else None,
        vocab_filename=f.ITEM_VOCABULARY,
    )
    outputs = {name: _ids(inputs[name], items) for name in (f.HISTORY, f.LABEL, f.SEEN)}
    outputs[f.HISTORY_GAP] = gap_buckets(inputs[f.HISTORY_TIMESTAMP], options.gap_boundaries)
    # What isn't of the newest span counts as an item, above, and isn't learnt.
    outputs[f.LOSS_FROM] = _first(inputs.get(f.LEARN_FROM, inputs[f.LOSS_FROM]))[:, tf.newaxis]
    outputs.update({name: inputs[name] for name in _PASSED_ON if name in inputs})
    if custom_config["users"]:
        users = _first(inputs[f.USER_ID])
        outputs[f.USER] = _ids(users, tft.vocabulary(users, vocab_filename=f.USER_VOCABULARY))[:, tf.newaxis]
    if custom_config.get("keys", False):
        outputs[f.USER_KEY] = tf.strings.to_hash_bucket_fast(_first(inputs[f.USER_ID]), f.USER_KEYS)[:, tf.newaxis]
    if custom_config.get("items", False):
        outputs[f.LABEL_ITEM] = unknown_label(inputs[f.LABEL], outputs[f.LABEL])[:, tf.newaxis]
        outputs[f.LABEL_TIMESTAMP] = inputs[f.LABEL_TIMESTAMP]
    return outputs | contexts(inputs, options.context_values)


def contexts(inputs: Mapping[str, Column], most: int) -> dict[str, Column]:
    """Ids of what stands beside events and users: the contexts and the users table's columns.

    Of overlapping windows, an event's context is counted once, in the window where its label counts.

    Args:
        inputs: raw features; those called history_context_* and user_feature_*, sparse strings, are taken.
        most: values of each feature that get an id, the most frequent of training.
    Returns: the same names, sparse int64.
    """
    found = {}
    for name in filter(_is_context, inputs):
        values = inputs[name]
        row, column = values.indices[:, 0], values.indices[:, 1]
        start = tf.gather(_first(inputs[f.LOSS_FROM]), row)
        once = column >= start if name.startswith(f.HISTORY_CONTEXT_PREFIX) else start == 0
        counted = tf.boolean_mask(values.values, once)
        known = tft.vocabulary(counted, top_k=most, vocab_filename=f.vocabulary_file(name))
        found[name] = _ids(values, known)
    return found


def _is_context(name: str) -> bool:
    return name.startswith((f.HISTORY_CONTEXT_PREFIX, f.USER_FEATURE_PREFIX))


def unknown_label(label: tf.SparseTensor, ids: tf.SparseTensor) -> tf.Tensor:
    """The first label of each row where it has no id, and "" elsewhere: an item that features alone may know.

    Args:
        label: [B, n] string.
        ids: [B, n] int64, of the same labels.
    Returns: [B] string.
    """
    names = tf.where(ids.values == f.UNKNOWN, label.values, "")
    return _first(label.with_values(names))


def training_items(history: tf.SparseTensor, label: tf.SparseTensor, loss_from: Column) -> tf.Tensor:
    """Each interaction of overlapping training windows once, so that frequencies are the true counts.

    An event is the first of its user's first window, which is where loss_from is 0, or it is a label that counts.

    Args:
        history: [B, n] string.
        label: [B, n] string.
        loss_from: [B, 1] int64.
    Returns: [interactions] string.
    """
    start = _first(loss_from)
    row, column = history.indices[:, 0], history.indices[:, 1]
    first = (column == 0) & (tf.gather(start, row) == 0)
    counts = label.indices[:, 1] >= tf.gather(start, label.indices[:, 0])
    return tf.concat([tf.boolean_mask(history.values, first), tf.boolean_mask(label.values, counts)], axis=0)


def gap_buckets(timestamp: tf.SparseTensor, boundaries: Sequence[int]) -> tf.SparseTensor:
    """Bucket of the time since the event before.

    Args:
        timestamp: [B, n] int64, milliseconds; 0: unknown.
        boundaries: seconds, rising.
    Returns: [B, n] int64. 0: the first event, or either time is unknown; else 1 + the number of boundaries that the
        gap has reached.
    """
    milliseconds = tf.constant([1_000 * seconds for seconds in boundaries], tf.int64)
    row, now = timestamp.indices[:, 0], timestamp.values
    before = tf.concat([tf.zeros_like(now[:1]), now[:-1]], axis=0)
    row_before = tf.concat([tf.fill(tf.shape(row[:1]), tf.constant(-1, tf.int64)), row[:-1]], axis=0)
    known = (row == row_before) & (now != 0) & (before != 0)
    bucket = 1 + tf.searchsorted(milliseconds, now - before, side="right", out_type=tf.int64)
    return timestamp.with_values(tf.where(known, bucket, tf.zeros_like(bucket)))


def _ids(values: Column, vocabulary: Any) -> Column:
    """Ids of items or users: FIRST_ITEM + the vocabulary's line, or UNKNOWN."""
    lines = tft.apply_vocabulary(values, vocabulary, default_value=f.UNKNOWN - f.FIRST_ITEM)
    if isinstance(lines, tf.SparseTensor):
        return lines.with_values(lines.values + f.FIRST_ITEM)
    return lines + f.FIRST_ITEM


def _first(values: Column) -> tf.Tensor:
    """The one value of each row, [B]; 0 or "" where there is none."""
    if isinstance(values, tf.SparseTensor):
        at_front = values.indices[:, 1] == 0
        kept = tf.boolean_mask(values.indices, at_front), tf.boolean_mask(values.values, at_front)
        values = tf.sparse.to_dense(tf.SparseTensor(*kept, [values.dense_shape[0], 1]))
    return tf.reshape(values, [-1])
