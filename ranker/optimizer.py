"""AdamW with a learning rate that warms up, and one pass over a large table in each step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import tensorflow as tf

from ranker import long_term

if TYPE_CHECKING:
    from ranker.training_options import TrainingOptions

# Numbers in a table from which on its update is one kernel. Below, nothing is gained, and floats round differently.
LARGE: Final = 1 << 22


def build(options: TrainingOptions, steps_per_epoch: int) -> tf.keras.optimizers.Optimizer:
    """AdamW (Loshchilov, Hutter, ICLR 2019), which is Adam where nothing decays; it keeps the averages of weights."""
    steps = options.epochs * steps_per_epoch
    rate = Schedule(options.learning_rate, steps, options.warm_up, options.schedule == "cosine")
    made = AdamW(
        rate,
        weight_decay=options.weight_decay,
        global_clipnorm=options.clip_norm,
        use_ema=options.ema is not None,
        ema_momentum=options.ema or 0.0,
    )
    made.exclude_from_weight_decay(var_names=["bias", long_term.WEIGHT])
    return made


class AdamW(tf.keras.optimizers.AdamW):
    """Keras' own, where a large table is updated by TensorFlow's kernel for Adam.

    Keras writes a dozen intermediate results, each as large as the table; the kernel reads gradient, moments and table
    once. The arithmetic is the same.
    """

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        """One step's update of a variable, in place.

        Args:
            gradient: of the variable, dense or by rows.
            variable: any.
        """
        if isinstance(gradient, tf.IndexedSlices) or variable.shape.num_elements() < LARGE:
            super().update_step(gradient, variable)
            return
        place = self._index_dict[self._var_key(variable)]
        first, second = self.beta_1, self.beta_2
        done = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].handle,
            v=self._velocities[place].handle,
            beta1_power=tf.pow(tf.cast(first, variable.dtype), done),
            beta2_power=tf.pow(tf.cast(second, variable.dtype), done),
            lr=tf.cast(self.learning_rate, variable.dtype),
            beta1=tf.cast(first, variable.dtype),
            beta2=tf.cast(second, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=gradient,
        )


class Schedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step.

    With w steps of warm-up among n, step t (0 is the first) has the rate (t + 1) / w while t < w; then the highest
    rate, or, along a cosine, (1 + cos(pi (t - w) / (n - w))) / 2 of it (Loshchilov, Hutter, ICLR 2017, without
    restarts).

    Args:
        highest: rate after the warm-up.
        steps: of the whole training, at least 1.
        warm_up: share of them.
        cosine: go down to zero; otherwise stay.
    """

    def __init__(self, highest: float, steps: int, warm_up: float, cosine: bool) -> None:
        super().__init__()
        self.highest, self.steps, self.warm_up, self.cosine = highest, steps, warm_up, cosine

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = tf.cast(step, tf.float32)
        rising = math.ceil(self.steps * self.warm_up)
        share = tf.minimum(1.0, (done + 1.0) / max(rising, 1))
        if self.cosine:
            gone = tf.clip_by_value((done - rising) / max(self.steps - rising, 1), 0.0, 1.0)
            share *= 0.5 * (1.0 + tf.cos(math.pi * gone))
        return self.highest * share

    def get_config(self) -> dict[str, float | int | bool]:
        return {"highest": self.highest, "steps": self.steps, "warm_up": self.warm_up, "cosine": self.cosine}
