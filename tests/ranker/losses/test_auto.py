"""The size of the catalogue chooses between two losses."""

import pytest

from ranker.losses import auto, cross_entropy, sampled_softmax


def test_small_catalogues_are_scored_whole_and_large_ones_sampled_with_the_same_smoothing():
    options = auto.Options(most_items=100, label_smoothing=0.3)
    assert auto.chosen(options, 100) == cross_entropy.Options(label_smoothing=0.3)
    assert auto.chosen(options, 101) == sampled_softmax.Options(label_smoothing=0.3)


@pytest.mark.parametrize(("most_items", "sampled"), [(9, False), (8, True)])
def test_loss_is_built_for_the_catalogue(catalogue, most_items, sampled):
    loss = auto.build(auto.Options(most_items=most_items), catalogue)
    assert (type(loss).__name__ == "SampledSoftmax") == sampled
