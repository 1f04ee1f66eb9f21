"""What the time since publication does to scores.

At the time t of a query, an item published at p gains 10 w log1p(max(t - p, 0) in hours), with one learned weight w
that begins at 0, and is no candidate while p > t. An item of unknown publication is always a candidate, and counts as
published at the median of the known times. A query of unknown time (0) is asked when the newest item is published.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

_HOUR = 3_600_000.0  # milliseconds
# Adam moves a weight by the learning rate a step, whatever its gradient: in a short training no slope of -1.5, as news
# has it, would be reached from 0. With the factor one weight goes as far as the embeddings' many go together.
_SCALE = 10.0


class Age(tf.keras.layers.Layer):
    """The candidates' times of publication, and the slope's weight. Always float32.

    Args:
        published: [m] int64, milliseconds since 1970, one a candidate; 0: unknown, though not for all.
    """

    def __init__(self, published: np.ndarray) -> None:
        super().__init__(name="age", dtype=tf.float32)
        known = published[published > 0]
        self.newest = int(known.max())
        self.published = tf.constant(published, tf.int64)
        # Relative to the newest: a float32 is exact to seconds over years then, not to minutes over decades.
        filled = np.where(published > 0, published, np.median(known))
        self.hours = tf.constant((filled - self.newest) / _HOUR, tf.float32)
        self.slope = self.add_weight(name="slope", shape=[], initializer="zeros")

    def at(self, times: tf.Tensor, share: tf.Tensor | None = None) -> Aged:
        """The term at the time of each query.

        Args:
            times: [N] int64, milliseconds; 0: unknown.
            share: [N] float32, to multiply the gain with; None: 1.
        """
        times = tf.where(times > 0, times, self.newest)
        slope = _SCALE * tf.convert_to_tensor(self.slope)
        slope = slope if share is None else (slope * share)[:, tf.newaxis]
        return Aged(self, times, slope)

    def at_labels(self, times: tf.Tensor, labels: tf.Tensor) -> Aged:
        """As `at`, but no query is asked before its label (columns [N] int64) is published, so that is a candidate."""
        times = tf.where(times > 0, times, self.newest)
        return self.at(tf.maximum(times, tf.gather(self.published, labels)))


@dataclasses.dataclass(frozen=True, eq=False)
class Aged:
    """Age's term at the times of N queries.

    Columns are int64 [S], the same for every query, or [N, S]; candidate 0 is the item with the id FIRST_ITEM.
    """

    age: Age
    times: tf.Tensor  # [N] int64, all known
    slope: tf.Tensor  # [] or [N, 1] float32

    def gain(self, columns: tf.Tensor) -> tf.Tensor:
        """[N, S] float32; of a publication to come, as of one right now."""
        now = tf.cast((self.times - self.age.newest) / int(_HOUR), tf.float32)
        hours = tf.nn.relu(now[:, tf.newaxis] - _each(self.age.hours, columns))
        return self.slope * tf.math.log1p(hours)

    def unpublished(self, columns: tf.Tensor) -> tf.Tensor:
        """[N, S] bool."""
        return _each(self.age.published, columns) > self.times[:, tf.newaxis]

    def adjust(self, columns: tf.Tensor) -> tf.Tensor:
        """The gain, and -inf where an item isn't published: [N, S] float32."""
        return tf.where(self.unpublished(columns), -float("inf"), self.gain(columns))


def _each(values: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """[1, S] or [N, S]."""
    found = tf.gather(values, columns)
    return found if columns.shape.rank == 2 else found[tf.newaxis]
