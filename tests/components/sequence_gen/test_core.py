"""k-core over pairs."""

from __future__ import annotations

import polars as pl

from components.sequence_gen import core
from schemas import features as f


def test_core_is_what_is_left_when_nothing_more_drops():
    events = pl.DataFrame(
        [(u, i) for u, items in {"ann": "aba", "bob": "bab", "cy": "zac"}.items() for i in items],
        schema=[f.USER_ID, f.ITEM_ID],
        orient="row",
    )  # without z and c, cy has one interaction left
    kept = core.k_core(core.pairs(events), users=3, items=2)
    assert core.keep(events, kept)[f.USER_ID].to_list() == ["ann"] * 3 + ["bob"] * 3


def test_core_that_does_not_exist_keeps_nothing():
    events = pl.DataFrame({f.USER_ID: ["u", "v"], f.ITEM_ID: ["a", "b"]})
    assert core.keep(events, core.k_core(core.pairs(events), users=1, items=2)).height == 0
