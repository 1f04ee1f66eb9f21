"""The sampled loss is the whole one on average, exactly so where all is drawn, and its draws can be put back."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.losses import cross_entropy, sampled_softmax

COUNTS = np.array([50, 20, 10, 5, 5, 4, 3, 2, 1, 1])
N = len(COUNTS)


def catalogue(counts=COUNTS):
    items = np.array([f"i{n}" for n in range(len(counts))])
    return Catalogue(items, counts, 0, gaps=0, window=4, mask_seen=False)


def sampled(negatives, popularity=0.75, smoothing=0.0):
    drawn = {"count": negatives, "power": popularity}
    options = sampled_softmax.Options(negatives=drawn, label_smoothing=smoothing)
    return sampled_softmax.build(options, catalogue())


def whole(smoothing=0.0):
    return cross_entropy.build(cross_entropy.Options(label_smoothing=smoothing), catalogue())


def adjustment(positions):
    """As ranker.losses says: items 3 and 7 are no candidates at the first position, and the others gain something."""
    table = tf.random.stateless_normal([positions, N], [5, 6])
    table = tf.tensor_scatter_nd_update(table, [[0, 3], [0, 7]], [-np.inf, -np.inf])

    def adjust(columns):
        if columns is None:
            return table
        return tf.gather(table, columns, axis=1) if columns.shape.rank == 1 else tf.gather(table, columns, batch_dims=1)

    return adjust


@pytest.fixture
def inputs():
    """queries, labels, weights, items, bias: one position adds nothing."""
    queries, items = tf.random.stateless_normal([4, 6], [1, 2]), tf.random.stateless_normal([N, 6], [3, 4]) * 0.5
    return [queries, tf.constant([0, 9, 2, 0], tf.int64), tf.constant([1.0, 2.0, 0.0, 1.0]), tf.Variable(items),
        tf.Variable(np.log(COUNTS / COUNTS.mean()), dtype=tf.float32)]  # fmt: skip


@pytest.mark.parametrize("negatives", [N, 1000])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_everything_drawn_is_cross_entropy_with_its_gradients(inputs, negatives, adjusted, smoothing):
    adjust = adjustment(4) if adjusted else None
    found = []
    for loss in (sampled(negatives, smoothing=smoothing), whole(smoothing)):
        with tf.GradientTape() as tape:
            tape.watch(inputs[0])
            value = loss(*inputs, adjust)
        gradients = tape.gradient(value, [inputs[0], inputs[3], inputs[4]])
        found.append([value, *map(tf.convert_to_tensor, gradients)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("popularity", [0.0, 0.75, 1.0])
@pytest.mark.parametrize("adjusted", [False, True])
def test_estimate_of_the_sum_is_right_on_average_whatever_is_drawn_more_often(inputs, popularity, adjusted):
    loss, adjust = sampled(4, popularity), adjustment(4) if adjusted else None
    for position in (0, 1):
        one = [*inputs[:2], tf.one_hot(position, 4), *inputs[3:]]  # exp of this loss is Z / exp(z_y)
        draw = tf.function(lambda one=one: tf.exp(loss(*one, adjust)))
        mean = np.mean([draw().numpy() for _ in range(1500)])
        assert mean == pytest.approx(np.exp(whole()(*one, adjust)), rel=0.1)


# Where logits are adjusted, the mean is a ratio of two estimates, which few and very uneven draws bend.
@pytest.mark.parametrize(("adjusted", "popularity", "tolerance"), [(False, 0.75, 0.01), (True, 0.25, 0.1)])
def test_smoothed_target_is_the_same_share_of_the_catalogue_however_few_are_drawn(
    inputs, adjusted, popularity, tolerance
):
    adjust = adjustment(4) if adjusted else None
    few, none = sampled(8, popularity, smoothing=0.5), sampled(8, popularity)
    none.sampler.set_weights(few.sampler.get_weights())  # the same draws, so that only the smoothing differs
    term = tf.function(lambda: few(*inputs, adjust) - none(*inputs, adjust))
    mean = np.mean([term().numpy() for _ in range(1000)])
    expected = whole(0.5)(*inputs, adjust) - whole()(*inputs, adjust)
    assert mean == pytest.approx(float(expected), abs=tolerance)


def test_draws_differ_from_step_to_step_and_can_be_put_back(inputs):
    tf.keras.utils.set_random_seed(1)
    loss = sampled(4)
    call = tf.function(lambda: loss(*inputs))
    state = loss.get_weights()
    first, second = [call().numpy() for _ in range(5)], [call().numpy() for _ in range(5)]
    loss.set_weights(state)
    assert [call().numpy() for _ in range(5)] == first != second


def test_number_of_negatives_alone_is_that_of_draws_by_popularity():
    options = sampled_softmax.Options(negatives=7)
    assert options == sampled_softmax.Options(negatives={"name": "popularity", "count": 7, "power": 0.75})
    assert sampled_softmax.Options().negatives.count == 1024


def test_sixteen_bits_lose_little_and_stay_finite(inputs):
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        loss = sampled(N)
        value = loss(tf.cast(inputs[0], tf.bfloat16), *inputs[1:])
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(float(whole()(*inputs)), rel=0.02)
