"""Usual names of columns in shops, media, news and data sets, and which role each has."""

from __future__ import annotations

import difflib
import re
from typing import Final, Literal

Role = Literal["user", "session", "item", "time", "rating", "weight", "amount", "event", "order", "context", "coarse"]

# Lower case, letters and digits alone. `amount`: may weigh an event, or not. `coarse`: says something of an item, but
# is too coarse to be recommended.
_USUAL: Final[dict[Role, tuple[str, ...]]] = {
    "user": (
        *("user", "userid", "uid", "userno", "usr", "visitor", "visitorid", "fullvisitorid", "customer", "customerid"),
        *("customerno", "client", "clientid", "member", "memberid", "account", "accountid", "reviewer", "reviewerid"),
        *("person", "personid", "profile", "profileid", "subscriber", "subscriberid", "listener", "listenerid"),
        *("reader", "readerid", "viewer", "viewerid", "buyer", "buyerid", "shopper", "device", "deviceid", "cookie"),
        *("cookieid", "anonymousid", "anonid", "distinctid", "msno", "player", "playerid", "userhash", "who"),
    ),
    "session": ("session", "sessionid", "usersession", "visit", "visitid", "sid", "stream", "streamid", "playlistid"),
    "item": (
        *("item", "itemid", "iid", "product", "productid", "productno", "sku", "skuid", "article", "articleid", "asin"),
        *("parentasin", "movie", "movieid", "film", "filmid", "track", "trackid", "traid", "song", "songid", "video"),
        *("videoid", "news", "newsid", "clickarticleid", "book", "bookid", "isbn", "game", "gameid", "appid", "course"),
        *("courseid", "post", "postid", "ad", "adid", "content", "contentid", "document", "documentid", "page", "url"),
        *("pageid", "listing", "listingid", "offer", "offerid", "recipe", "recipeid", "venueid", "poi", "poiid"),
        *("businessid", "show", "showid", "episode", "episodeid", "podcastid", "jobid", "photoid", "aid", "stockcode"),
        *("goodsid", "materialid", "what", "gmapid", "hotelid", "beer", "beerid", "animeid"),
    ),
    "time": (
        *("timestamp", "time", "ts", "unixtimestamp", "unixtime", "unixreviewtime", "datetime", "date", "eventtime"),
        *("eventtimestamp", "eventdate", "createdat", "created", "at", "when", "occurredat", "tdat", "clicktimestamp"),
        *("reviewdate", "purchasedate", "orderdate", "invoicedate", "playedat", "listenedat", "timems", "timestampms"),
        *("epoch", "servertime", "timelocal", "logtime", "day", "eventat"),
    ),
    "rating": ("rating", "stars", "star", "score", "overall", "rate", "grade", "reviewscore", "vote", "userrating"),
    "weight": ("weight", "strength", "importance"),
    "amount": (
        "plays",
        "playcount",
        "quantity",
        "qty",
        "count",
        "clicks",
        "hours",
        "playtime",
        "duration",
        "dwelltime",
    ),
    "event": (
        *("event", "eventtype", "eventname", "action", "actiontype", "behavior", "behaviour", "behaviortype", "type"),
        *("interaction", "interactiontype", "activity", "verb", "kind", "feedbacktype"),
    ),
    "order": ("order", "seq", "sequence", "sequenceno", "position", "step", "rank", "eventno", "hitnumber", "index"),
    "context": (
        *("device", "devicetype", "platform", "os", "surface", "channel", "saleschannelid", "browser", "source"),
        *("referrer", "medium", "app", "page", "placement", "country", "region", "environment", "clickenvironment"),
        *("clickdevicegroup", "clickos", "shuffle", "context", "sourcetype", "sourcesystemtab", "language", "tab"),
    ),
    "coarse": (
        *("category", "categoryid", "categorycode", "genre", "genres", "brand", "artist", "artistid", "artid", "album"),
        *("artname", "traname", "author", "title", "price", "topic", "section", "department", "publisher", "tags"),
    ),
}
_CLOSE: Final = 0.86  # difflib ratio: one letter wrong in seven or so
NEAR: Final = 0.7  # how near a name must be to a usual one to count

# What events usually mean for the loss: a stronger sign of interest weighs more. 0 takes no part in it.
_EVENTS: Final[dict[float, tuple[str, ...]]] = {
    1.0: ("view", "click", "pv", "pageview", "detail", "impressionclick", "open", "read", "play", "listen", "watch"),
    2.0: (
        *("like", "fav", "favorite", "favourite", "save", "bookmark", "wishlist", "share", "comment", "complete"),
        *("cart", "addtocart", "basket", "addtobasket", "checkout", "subscribe", "download", "addtowishlist"),
    ),
    4.0: ("purchase", "buy", "order", "transaction", "sale", "checkoutcomplete", "booking", "conversion", "rent"),
    0.0: ("remove", "removefromcart", "dislike", "skip", "return", "refund", "unlike", "hide", "impression", "delete"),
}


def plain(name: str) -> str:
    """Lower case, letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def near(name: str, role: Role) -> float:
    """How near a column's name is to the usual ones of a role, 1 for the very same, 0 where it says nothing of it."""
    key, known = plain(name), _USUAL[role]
    if key in known:
        return 1.0
    words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())
    if any(len(word) > 2 and word in known for word in ("".join(words[-2:]), "".join(words[:2]), *words)):
        return 0.85
    return 0.75 if len(key) > 4 and difflib.get_close_matches(key, known, 1, _CLOSE) else 0.0


def role(name: str) -> tuple[Role, float] | None:
    """What a column of this name most likely holds, and how near the name is to a usual one; None: it says nothing."""
    best = max(_USUAL, key=lambda role: near(name, role))
    return (best, near(name, best)) if near(name, best) else None


def event_weight(word: str) -> float | None:
    """The weight of an event by its usual meaning; None: the word isn't known."""
    key = plain(word)
    for weight, known in _EVENTS.items():
        if key in known or key.removesuffix("s") in known or key.removesuffix("ed") in known:
            return weight
    return None
