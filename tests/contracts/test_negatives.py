"""One suite over every sampler that lies in the folder, and over what losses learn from a few negatives."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import registry
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.sampled_losses import SampledLoss, sampler_of

COUNTS = np.array([50, 20, 10, 5, 5, 4, 3, 2, 1, 1])
N, COUNT = len(COUNTS), 6
LABELS = 40  # a step
OPTIONS = {"mixture": {"parts": [{"name": "uniform", "count": 2}, {"name": "in_batch", "count": COUNT - 2}]}}


@pytest.fixture(params=registry.names("negatives"))
def sampler(request):
    tf.keras.utils.set_random_seed(4)
    return sampler_of(options(request.param), catalogue(COUNTS))


def options(name, count=COUNT):
    return registry.options("negatives", {"name": name, **OPTIONS.get(name, {"count": count})})


def catalogue(counts):
    items = np.array([f"i{n}" for n in range(len(counts))])
    return Catalogue(items, counts, 0, gaps=0, window=6, mask_seen=False)


def steps(number, seed=1):
    """Labels and weights of as many steps, labels in proportion to their counts, and a tenth of them without weight."""
    draw = np.random.default_rng(seed)
    labels = draw.choice(N, [number, LABELS], p=COUNTS / COUNTS.sum())
    return list(zip(labels, (draw.random(labels.shape) > 0.1).astype(np.float32), strict=True))


def test_each_item_comes_as_often_as_expected(sampler):
    draw, number = tf.function(sampler.columns), 4000
    drawn = np.concatenate([draw(*map(tf.constant, step)).numpy() for step in steps(number)])
    expected = number * sampler.expected
    assert drawn.dtype == np.int64
    assert sampler.expected.sum() == pytest.approx(COUNT)
    # Labels of a step are drawn together, so that their numbers vary more than those of independent draws.
    spread = np.sqrt(expected * (1 + COUNT / LABELS))
    assert np.all(np.abs(np.bincount(drawn, minlength=N) - expected) < 4.5 * spread)
    np.testing.assert_allclose(sampler.log_expected, np.log(sampler.expected), rtol=1e-6)


def test_state_put_back_draws_the_same_again(sampler):
    draw, each = tf.function(sampler.columns), steps(10)
    state = sampler.get_weights()
    first, second = ([draw(*map(tf.constant, step)).numpy().tolist() for step in each] for _ in range(2))
    sampler.set_weights(state)
    assert first != second
    assert [draw(*map(tf.constant, step)).numpy().tolist() for step in each] == first


def test_nothing_is_drawn_in_python(sampler):
    traced = []

    @tf.function
    def draw(labels, weights):
        traced.append(1)
        return sampler.columns(labels, weights)

    (labels, weights), *_ = steps(1)
    drawn = {tuple(draw(tf.constant(labels), tf.constant(weights)).numpy()) for _ in range(20)}
    assert len(traced) == 1
    assert len(drawn) > 5


def test_xla_draws_too_and_the_same_again(sampler):  # though not what a step without it draws
    draw, each = tf.function(sampler.columns, jit_compile=True), steps(3)
    state = sampler.get_weights()
    first = [draw(*map(tf.constant, step)).numpy().tolist() for step in each]
    sampler.set_weights(state)
    assert [draw(*map(tf.constant, step)).numpy().tolist() for step in each] == first
    assert len({tuple(columns) for columns in first}) == len(each)
    for columns in first:
        assert set(columns) <= set(range(N))


@pytest.mark.parametrize("name", registry.names("negatives"))
@pytest.mark.parametrize("items", [COUNT, COUNT - 1])
def test_a_small_catalogue_is_taken_whole_once_each(name, items):
    sampler = sampler_of(options(name), catalogue(COUNTS[:items]))
    labels, weights = np.zeros(3, np.int64), np.ones(3, np.float32)
    np.testing.assert_array_equal(sampler.columns(labels, weights), np.arange(items))
    np.testing.assert_array_equal(sampler.log_expected, np.zeros(items))


@pytest.mark.parametrize("name", registry.names("negatives"))
def test_options_survive_json_inside_a_loss(name):
    loss = ModelOptions(loss={"name": "gbce", "negatives": options(name).model_dump()})
    assert ModelOptions.model_validate_json(loss.model_dump_json()) == loss
    assert f"ranker.negatives.{name}" in registry.modules(loss)


ITEMS, ROWS = 100, 50
SAMPLED = [
    name for name in registry.names("losses") if "negatives" in registry.load("losses", name).Options.model_fields
]
PAIRS = [(loss, None) for loss in SAMPLED]
PAIRS += [("sampled_softmax", name) for name in registry.names("negatives") if name != "popularity"]


@pytest.mark.parametrize(("loss", "sampler"), PAIRS)
def test_planted_order_is_learnt_from_a_few_negatives_whose_state_is_the_models_weight(loss, sampler):
    tf.keras.utils.set_random_seed(3)
    drawn = {"count": 8} if sampler is None else options(sampler, 8).model_dump()
    chosen = ModelOptions(embedding_dim=16, dropout=0.0, loss={"name": loss, "negatives": drawn})
    model = SequenceRanker(chosen, catalogue(np.ones(ITEMS, np.int64)))
    assert isinstance(model.position_loss, SampledLoss)
    states = {id(weight) for weight in model.position_loss.sampler.weights}
    assert states
    assert states <= {id(weight) for weight in model.weights}
    events = 2 + (2 * np.arange(ROWS)[:, None] + np.arange(7)) % ITEMS
    features = {"history": events[:, :-1], "label": events[:, 1:], "weight": np.ones((ROWS, 6), np.float32)}
    model.compile(tf.keras.optimizers.Adam(0.02))
    model.fit(tf.data.Dataset.from_tensors(features).repeat(250), verbose=0)
    evaluation = {**features, "label": events[:, -1], "seen": np.zeros((ROWS, 0), np.int64)}
    logs = model.evaluate(tf.data.Dataset.from_tensors(evaluation), verbose=0, return_dict=True)
    assert logs["ndcg@10"] > 0.95  # guessing gives 0.045: the sum of 1 / log2(1 + rank) up to rank 10, over 100
