"""One file a head: `Options` and `build`. The file's name is the name in the configuration.

A head says what the model's score z of (history, item) means and what it is trained against; every head ranks by z.

build(options, catalogue, loss, knobs) -> ranker.prediction.Prediction, where loss is what ranker.losses built for one
of the names that fit the head, and knobs are that loss's options.

No file here imports TensorFlow at module level. What follows is what the options of every head share.
"""

from __future__ import annotations

from typing import ClassVar

from ranker.registry import NamedOptions


class HeadOptions(NamedOptions):
    """Knobs of a head, and what is settled by its name.

    losses: names of the losses that fit it, its default first. monitor: the metric of validation that early stopping
    goes by, as Keras logs it. rises: whether more of it is better. rated: whether labels need ratings.
    """

    losses: ClassVar[tuple[str, ...]]
    monitor: ClassVar[str]
    rises: ClassVar[bool]
    rated: ClassVar[bool] = False
