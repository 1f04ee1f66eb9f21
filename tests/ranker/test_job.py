"""What a training says before it begins."""

import logging

import numpy as np
import pytest

from components.trainer.options import Options
from ranker.catalogue import Catalogue
from ranker.job import warn_of_logits, with_loss


@pytest.mark.parametrize(
    ("items", "loss", "warned"),
    [(60_000, "cross_entropy", False), (100_000, "cross_entropy", True), (100_000, "sampled_softmax", False)],
)
def test_logits_of_more_than_two_gib_a_step_are_warned_of_and_the_way_out_named(caplog, items, loss, warned):
    catalogue = Catalogue(np.arange(items).astype(object), np.ones(items), 0, gaps=0, window=100, mask_seen=True)
    with caplog.at_level(logging.WARNING):
        warn_of_logits(Options(batch_size=64, model={"loss": loss}), catalogue)  # 4 * 64 * 100 * 100,000: 2.4 GiB
    assert ("sampled_softmax" in caplog.text) == warned


@pytest.mark.parametrize(("items", "chosen"), [(500, "cross_entropy"), (501, "sampled_softmax")])
def test_automatic_loss_is_settled_by_the_number_of_items_and_named_in_the_log(caplog, items, chosen):
    options = Options(model={"loss": {"name": "auto", "most_items": 500, "label_smoothing": 0.2}})
    with caplog.at_level(logging.INFO):
        loss = with_loss(options, items).model.loss
    assert (loss.name, loss.label_smoothing) == (chosen, 0.2)
    assert chosen in caplog.text


def test_a_loss_that_was_named_stays_as_it_is(caplog):
    options = Options(model={"loss": {"name": "sampled_softmax", "negatives": 7}})
    with caplog.at_level(logging.INFO):
        assert with_loss(options, 10) == options
    assert caplog.text == ""
