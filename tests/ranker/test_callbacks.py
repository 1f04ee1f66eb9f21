"""What is progress is the head's business, and a training of any head goes on where it was."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import checkpointing
from ranker.callbacks import KeepState
from ranker.catalogue import Catalogue
from ranker.dataset import TrainingData
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.ratings import Ratings
from ranker.training import fit
from ranker.training_options import TrainingOptions

ITEMS, WINDOW, ROWS = 12, 5, 24
RATINGS = Ratings(3.0, 1.0, 5.0, np.zeros(ITEMS), np.ones(ITEMS))
CATALOGUE = Catalogue(
    np.array([f"i{n}" for n in range(ITEMS)]), np.full(ITEMS, 9), 0, gaps=0, window=WINDOW, mask_seen=False,
    ratings=RATINGS,
)  # fmt: skip
OPTIONS = TrainingOptions(epochs=3, batch_size=8, learning_rate=1e-2, seed=3)


def batches():
    events = 2 + (np.arange(ROWS)[:, None] + np.arange(WINDOW + 1)) % ITEMS
    history, label = events[:, :-1], events[:, 1:]
    rows = {"history": history, "label": label, "label_rating": np.where(label % 2, 5, 2).astype(np.float32)}
    train = tf.data.Dataset.from_tensor_slices({**rows, "weight": np.ones(label.shape, np.float32)}).batch(8)
    last = {"label": label[:, -1], "label_rating": rows["label_rating"][:, -1], "seen": np.zeros((ROWS, 0), np.int64)}
    data = TrainingData(ROWS, label.size, 3, lambda _: train)
    return data, tf.data.Dataset.from_tensors({"history": history, **last})


def train(head, options=OPTIONS, **kwargs):
    data, valid = batches()
    loss = {"negatives": 4} if head == "pointwise" else {}
    knobs = ModelOptions(embedding_dim=4, head=head, loss=loss, architecture={"name": "lstm", "units": 4})
    return fit(lambda: SequenceRanker(knobs, CATALOGUE), data, valid, options, **kwargs)


@pytest.mark.parametrize(("head", "values", "best"), [
    ("next_item", [0.1, 0.3, 0.2, 0.2], 2), ("pointwise", [0.5, 0.6, 0.4, 0.4], 3), ("rating", [1.2, 1.3, 1.4], 1),
])  # fmt: skip
def test_progress_is_up_or_down_as_the_head_says(head, values, best):
    state, options = checkpointing.TrainingState(seed=0), ModelOptions(head=head)
    keeper = KeepState(state, None, 2, options.head)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=[1])])
    model.compile(tf.keras.optimizers.Adam(), "mse")
    keeper.set_model(model)
    for epoch, value in enumerate(values):
        assert not state.stopped
        keeper.on_epoch_begin(epoch)
        keeper.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 1.0, options.head.monitor: value})
    assert (state.best_epoch, abs(state.best)) == (best, values[best - 1])
    assert state.stopped == (len(values) - best == 2)


def test_a_training_that_goes_on_validates_as_an_uninterrupted_one(tmp_path):
    whole, *halves = (
        train("pointwise", checkpoint=str(tmp_path / name), epochs=epochs)
        for name, epochs in (("one", 3), ("other", 1), ("other", 3))
    )
    assert halves[1].resumed_from == 1
    losses = [[epoch["val_log_loss"] for epoch in training.history] for training in (whole, halves[1])]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert whole.best_epoch == 1 + np.argmin(losses[0])


def test_a_rating_is_learnt_with_16_bits():
    result = train("rating", OPTIONS.model_copy(update={"epochs": 6, "mixed_precision": "mixed_float16"}))
    first, last = (result.history[at]["val_rmse"] for at in (0, -1))
    assert last < first
