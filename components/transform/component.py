"""TFX's own Transform, configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx.components import Transform
from tfx.proto import transform_pb2

from schemas.features import SEQUENCE_SPLITS, TRAIN

if TYPE_CHECKING:
    from tfx import types

    from components.transform.options import Options

PREPROCESSING_FN = "components.transform.preprocessing.preprocessing_fn"


def transform(
    examples: types.BaseChannel,
    schema: types.BaseChannel,
    *,
    users: bool,
    items: bool = False,
    keys: bool = False,
    options: Options,
    code_version: str,
) -> Transform:
    """Vocabularies from the training split alone; all splits transformed.

    TFDV's statistics before and after are switched off: StatisticsGen has seen the interactions, and the transformed
    sequences are ids. The analyzer cache is, too: a changed span changes every count.

    Args:
        examples: Examples, sequences in the splits train, valid and test.
        schema: Schema of the sequences.
        users: the model embeds users, so they need a vocabulary.
        items: there is an items table, so labels without an id are passed on by name, and labels' times are, too.
        keys: the model looks at users' long term, so rows must say whose they are.
        options: the stage's knobs.
        code_version: digest of the code that the stage runs on.
    Returns: the component, with outputs `transformed_examples` and `transform_graph`.
    """
    return Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn=PREPROCESSING_FN,
        splits_config=transform_pb2.SplitsConfig(analyze=[TRAIN], transform=list(SEQUENCE_SPLITS)),
        custom_config={
            "options": options.model_dump_json(),
            "users": users,
            "items": items,
            "keys": keys,
            "code_version": code_version,
        },
        disable_analyzer_cache=True,
        disable_statistics=True,
    )
