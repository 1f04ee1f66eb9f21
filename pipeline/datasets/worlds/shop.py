"""A shop: views, carts and purchases; people come back to what they bought.

A visitor looks at a product, perhaps again, perhaps puts it into the cart and buys it, then goes on: mostly to the next
product of the same category's chain, at times to what was bought last, else to something popular in the department that
the visitor's group likes. Many events repeat the product of the event before, so seen products must stay candidates.

The oracle knows the chains, the groups and these probabilities. From the visitor's past it names the product again
(unless it was just bought), the next of the chain, the last purchase, and then what is popular in the group.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.datasets import draws
from pipeline.datasets.worlds import DAY, START, Size, World, named, popular_ranks

SIZE = Size(rows=100_000, users=4_000, items=1_000)

EVENTS = ("view", "cart", "purchase")
GROUPS = ("families", "gardeners", "athletes", "students")
VIEW, CART, PURCHASE = range(3)
AGAIN, INTO_CART, BUY = 0.2, 0.3, 0.7  # after a view: another view, the cart; after the cart: the purchase
FOLLOW, REORDER = 0.7, 0.1  # going on: the next of the chain, the last purchase; else something popular
OWN = 0.8  # of what is popular, from the department that the group likes

_DEPARTMENTS = ("home", "garden", "sports", "office")
_CATEGORY = 12  # products in a category's chain
_EXPONENT = 1.0
_DAYS = 90
_LEAST = 5
_ZONES = (("Z", 0), ("+02:00", 120), ("-05:00", -300), ("+05:30", 330))  # as written; minutes
_WORDS = ("small", "large", "light", "sturdy", "plain", "bright", "folding", "quiet", "warm", "classic")
_THINGS = ("kettle", "lamp", "shelf", "spade", "hose", "pot", "ball", "bottle", "rack", "pen", "chair", "folder")


def make(size: Size, seed: int) -> World:
    """interactions.csv.gz: visitor, sku, event, at. items.csv: sku, title, category, price. users.csv: visitor, group.

    Raises: ValueError: fewer than 5 rows a visitor.
    """
    rng = np.random.default_rng(seed)
    lengths = draws.lengths(rng, size.rows, size.users, _LEAST)
    user = np.repeat(np.arange(size.users), lengths)
    group = rng.integers(len(GROUPS), size=size.users)
    popularity = _popularity(rng, size.items)
    item, event, rank = _walk(rng, lengths, group, popularity)
    time = _times(rng, lengths, event)
    sku = named("", rng.permutation(size.items), digits=7)
    visitor = named("v", rng.permutation(size.users))
    last = np.append(user[1:] != user[:-1], True)
    labels = pl.DataFrame(
        {
            "user": visitor[user[last]],
            "item": sku[item[last]],
            "time": time[last],
            "rank": rank[last],
            "popular": popular_ranks(item, last, size.items),
        }
    )
    files = {
        "interactions.csv.gz": _log(rng, visitor, sku, user, item, event, time),
        "items.csv": _items(rng, sku),
        "users.csv": pl.DataFrame({"visitor": visitor, "group": pl.Series(GROUPS)[group]}).sort("visitor"),
    }
    return World(files, labels)


def successor(item: np.ndarray, items: int) -> np.ndarray:
    """The product that follows in the category's chain, which is a ring; [n] int64 -> [n] int64."""
    first = item - item % _CATEGORY
    return first + (item - first + 1) % np.minimum(_CATEGORY, items - first)


def _popularity(rng: np.random.Generator, items: int) -> np.ndarray:
    """[groups, items] float64: how likely each group takes each product where no rule says otherwise."""
    overall = np.empty(items)
    overall[rng.permutation(items)] = draws.weights(items, _EXPONENT)
    department = np.arange(items) // _CATEGORY % len(_DEPARTMENTS)
    own = np.stack([np.where(department == which, overall, 0.0) for which in range(len(GROUPS))])
    total = own.sum(axis=1, keepdims=True)
    own = np.divide(own, total, out=np.broadcast_to(overall, own.shape).copy(), where=total > 0)
    return OWN * own + (1 - OWN) * overall


def _walk(
    rng: np.random.Generator, lengths: np.ndarray, group: np.ndarray, popularity: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Product, event and the oracle's rank of every event, visitors side by side."""
    rows, items = int(lengths.sum()), popularity.shape[1]
    item, event, rank = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
    order = np.empty(popularity.shape, np.int64)
    np.put_along_axis(order, np.argsort(-popularity, axis=1, kind="stable"), np.arange(items)[None], axis=1)
    cumulative = np.cumsum(popularity, axis=1)
    here = np.full(len(lengths), -1)
    state = np.full(len(lengths), PURCHASE)
    bought = np.full(len(lengths), -1)
    for n, at in draws.positions(lengths):
        on, goes_on = _next_event(rng, state[:n])
        following = np.where(here[:n] >= 0, successor(np.maximum(here[:n], 0), items), -1)
        chosen = _next_item(rng, following, bought[:n], _popular(rng, group[:n], cumulative))
        stays = np.where(state[:n] == PURCHASE, -1, here[:n])
        new = np.where(goes_on, chosen, here[:n])
        likely = np.stack([stays, following, bought[:n]], axis=1)
        item[at], event[at], rank[at] = new, on, _ranks(new, likely, group[:n], order)
        here[:n], state[:n] = new, on
        bought[:n] = np.where(on == PURCHASE, new, bought[:n])
    return item, event, rank


def _next_event(rng: np.random.Generator, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the visitor does next, and whether that is with another product."""
    chance = rng.random(len(state))
    in_view = np.where(chance < AGAIN, VIEW, CART)
    on = np.where(state == VIEW, in_view, PURCHASE)
    leaves = np.where(state == VIEW, chance >= AGAIN + INTO_CART, np.where(state == CART, chance >= BUY, True))
    return np.where(leaves, VIEW, on), leaves


def _next_item(rng: np.random.Generator, following: np.ndarray, bought: np.ndarray, popular: np.ndarray) -> np.ndarray:
    """The product that a visitor goes on to."""
    chance = rng.random(len(following))
    reordered = np.where(bought >= 0, bought, following)
    chosen = np.where(chance < FOLLOW, following, np.where(chance < FOLLOW + REORDER, reordered, popular))
    return np.where(following >= 0, chosen, popular)


def _popular(rng: np.random.Generator, group: np.ndarray, cumulative: np.ndarray) -> np.ndarray:
    """A product by the popularity in each visitor's group."""
    chance = rng.random(len(group))
    found = np.empty(len(group), np.int64)
    for which in range(len(cumulative)):
        mine = group == which
        found[mine] = np.searchsorted(cumulative[which], chance[mine], side="right")
    return np.minimum(found, cumulative.shape[1] - 1)


def _ranks(item: np.ndarray, likely: np.ndarray, group: np.ndarray, order: np.ndarray) -> np.ndarray:
    rank = np.empty(len(item), np.int64)
    for which in range(len(order)):
        mine = group == which
        rank[mine] = draws.oracle_ranks(item[mine], likely[mine], order[which])
    return rank


def _times(rng: np.random.Generator, lengths: np.ndarray, event: np.ndarray) -> np.ndarray:
    """[rows] int64 milliseconds: minutes between events, and days before one view in five, within the 90 days."""
    first = np.cumsum(lengths) - lengths
    pause = np.where((event == VIEW) & (rng.random(len(event)) < 0.2), rng.exponential(1.0, len(event)), 0.0)
    pause[first] = rng.exponential(1.0, len(first))
    total = np.add.reduceat(pause, first) + rng.exponential(1.0, len(first))
    waited = np.cumsum(pause)
    waited -= np.repeat(waited[first] - pause[first], lengths)
    day = waited / np.repeat(total, lengths) * _DAYS
    step = np.cumsum(rng.integers(5, 120, len(event)))
    return START + (day * DAY).astype(np.int64) // 1000 * 1000 + (step - np.repeat(step[first], lengths)) * 1000


def _log(
    rng: np.random.Generator,
    visitor: pl.Series,
    sku: pl.Series,
    user: np.ndarray,
    item: np.ndarray,
    event: np.ndarray,
    time: np.ndarray,
) -> pl.DataFrame:
    """The log in order of time; each visitor's clock shows a zone of its own."""
    zone = rng.integers(len(_ZONES), size=len(visitor))[user]
    order = np.argsort(time, kind="stable")
    local = pl.Series(time + np.array([minutes for _, minutes in _ZONES])[zone] * 60_000).cast(pl.Datetime("ms"))
    at = local.dt.strftime("%Y-%m-%dT%H:%M:%S") + pl.Series([name for name, _ in _ZONES])[zone]
    frame = pl.DataFrame({"visitor": visitor[user], "sku": sku[item], "event": pl.Series(EVENTS)[event], "at": at})
    return frame[order]


def _items(rng: np.random.Generator, sku: pl.Series) -> pl.DataFrame:
    """Every product, sold or not; one price in twenty is missing."""
    n = len(sku)
    category = np.arange(n) // _CATEGORY
    department = pl.Series(_DEPARTMENTS)[category % len(_DEPARTMENTS)]
    price = pl.Series(np.round(rng.lognormal(3.0, 0.8, n), 2))
    word, thing = (pl.Series(words)[rng.integers(len(words), size=n)] for words in (_WORDS, _THINGS))
    frame = pl.DataFrame(
        {
            "sku": sku,
            "title": word + " " + thing,
            "category": department + "|" + department + named("-", category),
            "price": price.set(pl.Series(rng.random(n) < 0.05), None),
        }
    )
    return frame.sort("sku")
