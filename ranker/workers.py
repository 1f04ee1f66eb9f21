"""Training on several machines: who this process is among them, and what they tell each other.

Every process runs the same program; TF_CONFIG, which Kubeflow's training operator sets, tells them apart. They take
every step together, so what decides about steps must be the same for all of them: `agree` sees to that.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tensorflow as tf

from ranker.reading import Share
from schemas.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "TF_CONFIG"
_KINDS: Final = ("chief", "worker")  # in the order in which TensorFlow numbers them
_LONGEST: Final = 1800.0  # seconds that the others are waited for in a step: one may be writing a model


@dataclasses.dataclass(frozen=True)
class Place:
    """One process of several. index: its number; 0 is the chief, which alone writes. count: how many there are."""

    index: int = 0
    count: int = 1

    @property
    def chief(self) -> bool:
        return self.index == 0


def place(environment: Mapping[str, str] = os.environ) -> Place:
    """Who this process is by TF_CONFIG; without it, or with one process in it, the only one.

    Raises: ConfigError: TF_CONFIG makes no sense, or has processes that are neither chief nor worker.
    """
    text = environment.get(VARIABLE)
    if not text:
        return Place()
    try:
        config = json.loads(text)
        cluster = {kind: len(addresses) for kind, addresses in config.get("cluster", {}).items() if addresses}
        kind, number = config["task"]["type"], int(config["task"]["index"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            "Where this process stands among those that train can't be read.",
            where=VARIABLE,
            why=f"{type(error).__name__}: {error}\n{text}",
            next_step='have {"cluster": {"chief": [address], "worker": [...]}, "task": {"type": ..., "index": ...}}',
        ) from error
    others = sorted(set(cluster) - set(_KINDS))
    if others or not 0 <= number < cluster.get(kind, 0) or cluster.get("chief", 1) != 1:
        raise ConfigError(
            "A training on several machines has one chief and any number of workers, and this process is one of them.",
            where=VARIABLE,
            why=text,
            next_step=f"leave out {', '.join(others)}" if others else "see that task.index is one of the cluster's",
        )
    before = cluster.get("chief", 0) if kind == "worker" else 0
    return Place(before + number, sum(cluster.values()))


@dataclasses.dataclass(frozen=True)
class Workers:
    """All the processes that train together, seen from one of them. place: which one. strategy: TensorFlow's."""

    place: Place
    strategy: tf.distribute.Strategy

    @classmethod
    def joined(cls) -> Workers | None:
        """Meets the others that TF_CONFIG names, and waits for them; None: this process is the only one.

        To be called before anything of TensorFlow has run. Raises: ConfigError: as `place`.
        """
        here = place()
        if here.count == 1:
            return None
        kinds = tf.distribute.experimental.CommunicationImplementation
        gpus = tf.config.list_physical_devices("GPU")
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=kinds.AUTO if gpus else kinds.RING, timeout_seconds=_LONGEST
        )
        return cls(here, tf.distribute.MultiWorkerMirroredStrategy(communication_options=options))

    @property
    def share(self) -> Share:
        """Which rows this process reads."""
        return Share(self.place.index, self.place.count, self.gather, self._replicas)

    @property
    def _replicas(self) -> int:
        """Copies of the model in this process."""
        return self.strategy.num_replicas_in_sync // self.place.count

    def gather(self, values: np.ndarray) -> np.ndarray:
        """As Share.gather: [n] int64 of each, one after another."""

        def of(context: tf.distribute.ValueContext) -> tf.Tensor:
            first = context.replica_id_in_sync_group % self._replicas == 0
            return tf.constant(values if first else values[:0], tf.int64)

        told = self.strategy.experimental_distribute_values_from_function(of)
        return self.strategy.gather(told, axis=0).numpy()

    def agree(self, **values: int) -> None:
        """Returns once all have come here with the same numbers.

        Raises: ModelError: somebody has another one, which each of them learns.
        """
        of_all = self.gather(np.array(list(values.values()), np.int64)).reshape(self.place.count, -1)
        for name, column in zip(values, of_all.T, strict=True):
            if len(set(column)) > 1:
                raise ModelError(
                    f"Machines that train together differ in their {name.replace('_', ' ')}.",
                    why=", ".join(f"{number}: {value}" for number, value in enumerate(column)),
                    next_step="give all of them the same image, files and configuration, and folders that all can see",
                )

    def distributed(self, batches: tf.data.Dataset) -> Any:
        """Batches of this process's own, for the strategy to take as they are: one for each of its replicas a step."""
        return self.strategy.distribute_datasets_from_function(lambda _: batches)
