"""Names, types and shapes of every feature that travels between stages, and of the model's signatures.

The way of the data: interactions (columns, Parquet) -> sequences (tf.Examples) -> transformed sequences -> SavedModel.
"""

from __future__ import annotations

import hashlib
from typing import Final

# --- Splits -----------------------------------------------------------------------------------------------------
ALL: Final = "all"  # the one split of interactions, before there are users' sequences to split
TRAIN: Final = "train"
VALID: Final = "valid"
TEST: Final = "test"
SEQUENCE_SPLITS: Final = (TRAIN, VALID, TEST)

# --- Interactions: one row an event, each column a list of one value (TFDV takes no plain columns) -----------------
USER_ID: Final = "user_id"  # list<string>, never empty
ITEM_ID: Final = "item_id"  # list<string>, never empty
TIMESTAMP: Final = "timestamp"  # list<int64>, milliseconds since 1970-01-01 UTC
ORDER: Final = "order"  # list<int64>, only where a column with the true order of ties is configured
TIE: Final = "tie"  # list<int64>, seeded hash over all of the row's raw bytes: orders events of one time
RATING: Final = "rating"  # list<float>, optional
WEIGHT: Final = "weight"  # list<float>, optional: how much the event counts in the loss
CONTEXT_PREFIX: Final = "context_"  # list<string>, optional: context_<name>, such as context_device
SPAN: Final = "span"  # list<int64>, only where the log is read by span: which part of it the row's file is

# --- Items and users tables: one row an item (user_id, where it is a user), each column a list --------------------
TITLE: Final = "title"  # list<string>, optional: for people; no input of the model
PUBLISHED: Final = "published"  # list<int64>, optional: milliseconds since 1970 UTC; not a candidate before
FEATURE_PREFIX: Final = "feature_"  # feature_<column>: list<string> of any length (categories, words), list<float> of 1

# --- Sequences: one tf.Example a window (train) or a label (valid, test) -------------------------------------------
# train: history[i] is followed by label[i]; both have n entries, or history has one and label none (a user with one
#   training event: it counts as an item, though nothing is learnt from it). Labels before loss_from were counted by
#   the window before. With labels from the newest span alone, those before learn_from count as items, too, but are
#   not learnt: Transform hands learn_from on as loss_from.
# valid, test: history holds the latest events before the one label.
HISTORY: Final = "history"  # [n] bytes, item ids, oldest first, at most `window` of them
HISTORY_TIMESTAMP: Final = "history_timestamp"  # [n] int64, milliseconds; same length as history
HISTORY_TIED: Final = "history_tied"  # [n] int64, 1 where an event has the time of the one before and no order is known
HISTORY_CONTEXT_PREFIX: Final = "history_context_"  # [n] bytes, optional
LABEL: Final = "label"  # train [n] bytes, valid and test [1] bytes
LABEL_TIMESTAMP: Final = "label_timestamp"  # like label, int64
LABEL_RATING: Final = "label_rating"  # like label, float, only where configured
LABEL_WEIGHT: Final = "label_weight"  # like label, float, only where configured
LOSS_FROM: Final = "loss_from"  # [1] int64, first position of `label` that counts; 0 in valid and test
LEARN_FROM: Final = "learn_from"  # [1] int64, optional: first that is learnt, loss_from or later, n: none; else 0
SEEN: Final = "seen"  # [m] bytes, distinct items of the whole past that `history` no longer holds; empty in train
HISTORY_LENGTH: Final = "history_length"  # [1] bytes, bucket of the whole past's length: a slice
LABEL_POPULARITY: Final = "label_popularity"  # [1] bytes, bucket of the label's training count ("" in train): a slice
LABEL_REPEATS: Final = "label_repeats"  # [1] int64, 1 where the label is among the whole past; 0 in train

USER_FEATURE_PREFIX: Final = "user_feature_"  # [m] bytes, optional: user_feature_<column of the users table>

HISTORY_LENGTH_BUCKETS: Final = ((0, "0"), (1, "1-4"), (5, "5-19"), (20, "20-49"), (50, "50-199"), (200, "200+"))
# By share of training interactions, most popular items first: the first third of them, the second, the rest.
POPULARITY_BUCKETS: Final = ("head", "middle", "tail", "cold")

# --- Transformed sequences ------------------------------------------------------------------------------------------
ITEM_VOCABULARY: Final = "items"  # one line an item, most frequent first; line i has the id FIRST_ITEM + i
USER_VOCABULARY: Final = "users"
PADDING: Final = 0
UNKNOWN: Final = 1  # an item (or user) that training never saw, or saw too rarely
FIRST_ITEM: Final = 2
MOST_PLACES: Final = (1 << 15) - 2  # of a window: what a model leaves out is known by its place, in 16 bits
# history [n] int64 ids, label [n] int64 ids, seen [m] int64 ids, loss_from, history_tied, label_weight as before, and:
HISTORY_GAP: Final = "history_gap"  # [n] int64, bucket of the time since the event before; 0: unknown or first
USER: Final = "user"  # [1] int64 id, only where the model embeds users
USER_KEY: Final = "user_key"  # [1] int64 hash of the user's id, only where the model looks at users' long term
USER_KEYS: Final = 2**62  # of them, from 0 on: so many that two users hardly share one
# history_context_<name> [n] and user_feature_<name> [m] become int64 ids, each by a vocabulary of its own:
# vocabulary_file(feature).
LABEL_ITEM: Final = "label_item"  # [1] bytes, only with an items table: the first label, where it has no id; else ""
# label_timestamp: passed on as it is, only with an items table; label_rating and label_weight where they are.

# --- The SavedModel: tensors of each signature (the same for every model) -------------------------------------------
SIGNATURE_SERVING: Final = "serving_default"  # examples [B] string -> item_ids [B, K] string, scores [B, K] float32
SIGNATURE_RECOMMEND: Final = "recommend"  # history, timestamps, user_id, exclude -> item_ids, scores
SIGNATURE_EVALUATE: Final = "evaluate"  # examples [B] string -> label_rank, popularity_rank [B] int64, top_items
SIGNATURE_STEP: Final = "step"  # state [B, S] float32, item [B] string, timestamp [B] int64 -> state [B, S] float32
SIGNATURE_RANK: Final = "rank"  # state [B, S] float32, exclude [B, E] string -> item_ids, scores
SIGNATURE_SCORE: Final = "score"  # history, timestamps, user_id, candidates [B, C] string -> scores [B, C] float32
SIGNATURE_SCORE_EXAMPLES: Final = "score_examples"  # examples [B] string, candidates -> scores [B, C] float32
EXAMPLES: Final = "examples"
# [B, T] int64, milliseconds; 0: unknown. The latest of a row, which may stand beside "" in history, is when it asks:
# what the items table publishes later is no answer. None known: it asks when the newest item is published.
TIMESTAMPS: Final = "timestamps"
EXCLUDE: Final = "exclude"  # [B, E] string, padded with ""; E may be 0
CANDIDATES: Final = "candidates"  # [B, C] string, any items in any order, those of the past among them; C may be 0
STATE: Final = "state"  # [B, S] float32; zeros: a user without events
ITEM: Final = "item"
ITEM_IDS: Final = "item_ids"  # [B, K] string, best first; K is fixed at export; "" where fewer than K are left
# [B, K] float32, descending; -inf beside "". By the model's head: next_item's are comparable within one row only,
# pointwise's are probabilities, rating's ratings. Of `score` and `score_examples` [B, C], beside the candidates: NaN
# for an item that the model doesn't know.
SCORES: Final = "scores"
LABEL_RANK: Final = "label_rank"  # [B] int64: 1 is best, over the whole catalogue; 0: no candidate (a miss)
POPULARITY_RANK: Final = "popularity_rank"  # [B] int64: the label's rank were items ranked by training count
TOP_ITEMS: Final = "top_items"  # [B, TOP_K] string: the model's own first TOP_K, for coverage and for reading
TOP_K: Final = 20


def vocabulary_file(feature: str) -> str:
    """Name of the vocabulary of a context or user feature.

    Columns may be called anything; TFT would replace what it doesn't like in a file's name, and two could then meet.
    """
    return f"values-{hashlib.sha256(feature.encode()).hexdigest()[:16]}"
