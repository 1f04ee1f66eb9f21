"""A model that only counts, to show from the written files alone what can be reached."""

import polars as pl
import pytest


@pytest.fixture(scope="session")
def counted():
    """Returns a function: what came next after equal rows, most often first.

    It takes a log in order of time (columns user, item, and after: any value that the next item depends on) and how
    many to name. It returns each user's last event with `likely`, a list of items, counted over all events but these.
    """

    def count(log, k):
        log = log.with_row_index("row").with_columns(
            before=pl.col("after").shift(1).over("user"), last=pl.col("row") == pl.col("row").max().over("user")
        )
        pairs = log.filter(~pl.col("last") & pl.col("before").is_not_null())
        likely = (
            pairs.group_by("before", "item")
            .len()
            .sort("len", "item", descending=[True, False])
            .group_by("before", maintain_order=True)
            .agg(pl.col("item").head(k).alias("likely"))
        )
        empty = pl.lit([], pl.List(pl.String))
        return log.filter("last").join(likely, on="before", how="left").with_columns(pl.col("likely").fill_null(empty))

    return count
