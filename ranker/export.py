"""Writes a trained model as a SavedModel that needs TensorFlow alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ranker import warm_start
from ranker.model import SequenceRanker
from ranker.signatures.exported import ExportedRanker
from schemas.models import EXPORTED_FACTS, Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def export(
    model: SequenceRanker,
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    raw_feature_spec: Mapping[str, Any],
    path: str,
    recommendations: int = 100,
) -> None:
    """Writes the model with every signature of schemas.features, and what a later training needs to begin with it.

    A fresh model takes the weights, so that what is written is float32 and on one device, however it was trained. Of
    items with features the vectors are written, not what they were made of: a request needn't make them again.

    Args:
        model: trained.
        transform: TFT's transform_features_layer(); its vocabularies are copied along.
        raw_feature_spec: its raw_feature_spec().
        path: folder to write, new or empty.
        recommendations: items in an answer, at least 1.
    """
    with _float32():
        plain = SequenceRanker(model.options, model.catalogue)
    plain.set_weights(model.get_weights())
    plain.freeze()
    exported = ExportedRanker(plain, transform, raw_feature_spec, recommendations)
    tf.saved_model.save(exported, path, signatures=exported.signatures())
    warm_start.write(plain, path)
    facts = Facts(mask_seen=model.catalogue.mask_seen, window=model.catalogue.window)
    with tf.io.gfile.GFile(f"{path}/{EXPORTED_FACTS}", "w") as file:
        file.write(facts.model_dump_json() + "\n")


@contextlib.contextmanager
def _float32() -> Iterator[None]:
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
