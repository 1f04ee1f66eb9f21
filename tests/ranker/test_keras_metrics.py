import numpy as np
import pytest
import tensorflow as tf

from ranker import keras_metrics, metrics

PAIRS = [
    (keras_metrics.HR, metrics.hr_at_k),
    (keras_metrics.NDCG, metrics.ndcg_at_k),
    (keras_metrics.MRR, metrics.mrr_at_k),
]


@pytest.mark.parametrize(("kind", "formula"), PAIRS)
@pytest.mark.parametrize("k", [1, 10])
def test_batches_of_ranks_give_the_mean_of_the_formula(kind, formula, k):
    ranks = np.random.default_rng(1).integers(0, 30, 1000)
    metric = kind(k)
    for batch in np.array_split(ranks, 7):
        metric.update_state(tf.constant(batch, tf.int64))
    assert float(metric.result()) == pytest.approx(formula(ranks, k).mean(), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize(("kind", "name"), [(keras_metrics.HR, "hr@10"), (keras_metrics.NDCG, "ndcg@10")])
def test_name_says_metric_and_cutoff_and_the_config_builds_it_again(kind, name):
    assert kind(10).name == name
    assert kind.from_config(kind(10).get_config()).name == name


def test_example_of_weight_zero_is_left_out():
    metric = keras_metrics.HR(5)
    metric.update_state(tf.constant([1, 9], tf.int64), tf.constant([1.0, 0.0]))
    assert float(metric.result()) == 1.0


def test_metric_works_inside_a_graph():
    metric = keras_metrics.NDCG(10)

    @tf.function
    def step(ranks):
        metric.update_state(ranks)

    step(tf.constant([3, 0], tf.int64))
    assert float(metric.result()) == pytest.approx(0.25)


def test_cutoff_below_one_is_refused():
    with pytest.raises(ValueError, match="k >= 1"):
        keras_metrics.NDCG(0)
