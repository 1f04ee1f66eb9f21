"""What a training says before it begins."""

import logging

import numpy as np
import pytest

from components.trainer.options import Options
from ranker.catalogue import Catalogue
from ranker.job import warn_of_logits


@pytest.mark.parametrize(
    ("items", "loss", "warned"),
    [(60_000, "cross_entropy", False), (100_000, "cross_entropy", True), (100_000, "sampled_softmax", False)],
)
def test_logits_of_more_than_two_gib_a_step_are_warned_of_and_the_way_out_named(caplog, items, loss, warned):
    catalogue = Catalogue(np.arange(items).astype(object), np.ones(items), 0, gaps=0, window=100, mask_seen=True)
    with caplog.at_level(logging.WARNING):
        warn_of_logits(Options(batch_size=64, model={"loss": loss}), catalogue)  # 4 * 64 * 100 * 100,000: 2.4 GiB
    assert ("sampled_softmax" in caplog.text) == warned
