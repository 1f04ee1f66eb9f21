"""Slices of a step draw what the whole would have drawn for their rows, and each call others."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ranker import draws
from ranker.draws import TOGETHER, Step
from ranker.dropout import Dropout, Lot, Uniform

SHAPE = [19, 5, 3]
BOUNDS = [0, 8, 12, 19]


def layer():
    tf.keras.utils.set_random_seed(3)
    return Lot(0.5)


def whole(shape, calls, **how):
    state = layer().state
    return [draws.uniform(state, shape, **how).numpy() for _ in range(calls)]


def sliced(shape, calls, **how):
    """Of each call, what the slices drew, one below the other; and the count that is left behind."""
    state, step, found = layer().state, Step(), [[] for _ in range(calls)]
    for begin, end in itertools.pairwise(BOUNDS):
        with step.rows_from(tf.constant(begin)):
            for call in found:
                call.append(draws.uniform(state, [end - begin, *shape[1:]], **how).numpy())
    assert int(state.numpy()[1]) == 0
    step.end()
    return found, int(state.numpy()[1])


@pytest.mark.parametrize("shape", [SHAPE, [19]])
def test_rows_draw_what_the_whole_would_have_drawn_for_them(shape):
    assert all(bound % TOGETHER == 0 for bound in BOUNDS[:-1])
    found, count = sliced(shape, 3, by_row=True)
    assert count == 3
    for parts, at_once in zip(found, whole(shape, 3, by_row=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), at_once)


def test_what_rows_share_is_the_same_in_each_slice():
    state, step = layer().state, Step()
    seen = []
    for begin in BOUNDS[:-1]:
        with step.rows_from(tf.constant(begin)):
            seen.append([draws.uniform(state, [7]).numpy() for _ in range(2)])
    for one in seen[1:]:
        np.testing.assert_array_equal(one, seen[0])
    assert (seen[0][0] != seen[0][1]).any()
    np.testing.assert_array_equal(seen[0], whole([7], 2))


def test_steps_draw_others_and_nothing_is_left_of_a_slice():
    state = layer().state
    found = []
    for _ in range(2):
        step = Step()
        with step.rows_from(tf.constant(4)):
            found.append(draws.uniform(state, [9], by_row=True).numpy())
        step.end()
    first, second = found
    assert (first != second).any()
    assert draws._step.get() is None


def test_layers_say_whether_their_numbers_are_of_rows():
    kept, weights, lot, numbers = Dropout(0.5), Dropout(0.5, by_row=False), Lot(0.5, by_row=True), Uniform()
    step, ones, seen = Step(), tf.ones([8, 6]), []
    for begin in (0, 8):
        with step.rows_from(tf.constant(begin)):
            found = (kept(ones, training=True), weights(ones, training=True), lot.drawn(8), numbers.draw(8))
            seen.append([value.numpy() for value in found])
    same = [bool((one == other).all()) for one, other in zip(*seen, strict=True)]
    assert same == [False, True, False, True]
