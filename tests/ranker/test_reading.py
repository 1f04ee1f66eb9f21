"""Several processes see the batches of one, each its own rows of them, whose records nobody else has read."""

import pathlib
import threading

import numpy as np
import pytest
import tensorflow as tf

from ranker import reading
from ranker.dataset import training_data
from ranker.reading import Share

WINDOW = 8
SPEC = {name: tf.io.VarLenFeature(tf.int64) for name in ("history", "history_tied", "label", "loss_from")}
SIZES = {"a": 31, "b": 7, "c": 18, "d": 3, "e": 11}  # rows of each file


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of rows of every length; the first label names the row."""
    folder, rng, number = tmp_path_factory.mktemp("rows"), np.random.default_rng(0), 100
    for name, rows in SIZES.items():
        with tf.io.TFRecordWriter(f"{folder}/{name}.gz", "GZIP") as writer:
            for _ in range(rows):
                length, number = int(rng.integers(1, WINDOW + 1)), number + 1
                values = {"history": rng.integers(2, 90, length), "history_tied": [1] * length,
                          "label": [number] * length, "loss_from": [0]}  # fmt: skip
                features = {k: tf.train.Feature(int64_list=tf.train.Int64List(value=v)) for k, v in values.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return [f"{folder}/{name}.gz" for name in SIZES]


class Together:
    """Threads in place of processes: they tell each other arrays, all at the same time."""

    def __init__(self, count):
        self.count, self.barrier, self.told = count, threading.Barrier(count, timeout=60), [None] * count

    def gather(self, index):
        def gather(values):
            self.told[index] = values
            self.barrier.wait()
            everything = np.concatenate(self.told)
            self.barrier.wait()
            return everything

        return gather

    def each(self, work, replicas=1):
        """What `work` makes of each share."""
        results = [None] * self.count

        def run(index):
            results[index] = work(Share(index, self.count, self.gather(index), replicas))

        threads = [threading.Thread(target=run, args=[index]) for index in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


def batches(files, share=None, epochs=2, **knobs):
    data = training_data(files, SPEC, batch_size=8, window=WINDOW, seed=3, share=share, **knobs)
    return data, [{name: value.numpy() for name, value in batch.items()} for batch in data.batches(0, epochs)]


def rows_of(batch):
    """Rows that count, each as what it holds, in an order of their own."""
    rows = np.concatenate([batch["history"], batch["label"]], axis=1)
    return sorted(rows[batch["weight"].sum(axis=1) > 0].tolist())


@pytest.mark.parametrize(("count", "some"), [(2, 5), (3, 5), (3, 2), (2, 1)])  # the last two have too few files
def test_shares_of_a_batch_are_together_the_batch_of_one(files, count, some):
    data, whole = batches(files[:some], shuffle_ties=True)
    shares = Together(count).each(lambda share: batches(files[:some], share, shuffle_ties=True))
    for other, _ in shares:
        assert (other.rows, other.positions, other.steps_per_epoch) == (data.rows, data.positions, data.steps_per_epoch)
    assert {len(parts) for _, parts in shares} == {len(whole)} == {2 * data.steps_per_epoch}
    for batch, *parts in zip(whole, *(parts for _, parts in shares), strict=True):
        assert sorted(row for part in parts for row in rows_of(part)) == rows_of(batch)
        assert {part["history"].shape[1] for part in parts} == {batch["history"].shape[1]}
        assert min(len(part["history"]) for part in parts) >= 1
        for part in parts:  # what is of no weight is no row of anybody's
            assert (part["history"][part["weight"].sum(axis=1) == 0] == 0).all()


def test_a_process_reads_its_own_files_alone(files, tmp_path):
    owner = Share(0, 2, None).owners(files)

    def work(share):
        folder = tmp_path / str(share.index)
        folder.mkdir()
        for file, name, whose in zip(files, SIZES, owner, strict=True):
            data = pathlib.Path(file).read_bytes()
            (folder / f"{name}.gz").write_bytes(data if whose == share.index else bytes(len(data)))  # no gzip at all
        return batches([f"{folder}/{name}.gz" for name in SIZES], share)

    for (data, mine), whose in zip(Together(2).each(work), (0, 1), strict=True):
        assert data.rows == sum(SIZES.values())
        own = sum(rows for rows, of in zip(SIZES.values(), owner, strict=True) if of == whose)
        assert sum(len(rows_of(batch)) for batch in mine) == 2 * own


def test_files_are_shared_out_by_size(files):
    owner = Share(0, 2, None).owners(files)
    rows = np.array(list(SIZES.values()))
    assert abs(rows[owner == 0].sum() - rows[owner == 1].sum()) < 10
    assert Share(0, 3, None).owners(files[:2]) is None


def test_replicas_of_a_process_take_its_rows_in_turn(files):
    _, whole = batches(files, epochs=1)
    shares = Together(2).each(lambda share: batches(files, share, epochs=1), replicas=2)
    for _, parts in shares:
        assert len(parts) == 2 * len(whole)
    for n, batch in enumerate(whole):
        parts = [part for _, parts in shares for part in parts[2 * n : 2 * n + 2]]
        assert sorted(row for part in parts for row in rows_of(part)) == rows_of(batch)


def test_rows_are_rounded_up_where_shapes_cost(files):
    shares = Together(2).each(lambda share: batches(files, share, epochs=1, fixed_width=True))
    sizes = {len(part["history"]) for _, parts in shares for part in parts}
    assert len(sizes) <= 1 + 8  # batch_size // (4 * 2) is 1 here: see own_rows below for what a multiple does
    batch, records = {"row": tf.range(6)}, tf.constant(["", "x", "x", "", "x", ""])
    share = Share(0, 2, None)
    for multiple, rows in ((1, 3), (2, 4), (5, 5), (8, 6)):
        (part,) = reading.own_rows(batch, records, share, multiple)
        assert len(part["row"]) == rows
        assert part["row"].numpy()[:3].tolist() == [1, 2, 4]
    (nothing,) = reading.own_rows(batch, tf.fill([6], ""), share)
    assert len(nothing["row"]) == 1
