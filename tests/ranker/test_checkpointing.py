"""A checkpoint is whole, on a disk and in an object store, and says so where it can't be read."""

import numpy as np
import pytest

from ranker import checkpointing
from ranker.checkpointing import TrainingState
from schemas.errors import ModelError

STATE = TrainingState(
    seed=3, epoch=2, weights=[np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)],
    optimizer=[np.array(5, np.int64), np.zeros([0], np.float16)], best_weights=[np.ones([2, 3], np.float32)],
    best_epoch=1, best=0.1 + 0.2, waited=1, stopped=True, history=[{"loss": 1.5, "seconds": 0.1}, {"loss": 1.25}],
)  # fmt: skip


@pytest.fixture(params=["disk", "object store"])
def path(request, tmp_path):
    return str(tmp_path / "of" / "training.npz") if request.param == "disk" else f"memory://{tmp_path}/training.npz"


def assert_same(found, expected):
    for name, value in vars(expected).items():
        if name in ("weights", "optimizer", "best_weights"):
            assert len(getattr(found, name)) == len(value)
            for one, other in zip(getattr(found, name), value, strict=True):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == other.dtype
        else:
            assert getattr(found, name) == value


def test_what_was_saved_is_loaded_bit_for_bit(path):
    checkpointing.save(STATE, path)
    assert_same(checkpointing.load(path), STATE)


def test_more_than_ten_arrays_keep_their_order(path):
    many = TrainingState(seed=0, weights=[np.array([n]) for n in range(120)])
    checkpointing.save(many, path)
    assert_same(checkpointing.load(path), many)


def test_a_state_before_the_first_epoch_has_minus_infinity_as_its_best(path):
    checkpointing.save(TrainingState(seed=0), path)
    assert checkpointing.load(path).best == float("-inf")


def test_there_is_none_before_the_first_save_and_none_after_removal(path):
    assert checkpointing.load(path) is None
    checkpointing.save(STATE, path)
    checkpointing.remove(path.rpartition("/")[0])
    assert checkpointing.load(path) is None
    checkpointing.remove(path.rpartition("/")[0])


def test_a_save_that_broke_off_leaves_the_one_before(tmp_path):
    path = tmp_path / "training.npz"
    checkpointing.save(STATE, str(path))
    (tmp_path / "training.npz.part").write_bytes(path.read_bytes()[:40])  # where a kill during the next one stops
    assert_same(checkpointing.load(str(path)), STATE)


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut"])
def test_junk_is_an_error_that_says_what_to_do(tmp_path, content):
    path = tmp_path / "training.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="checkpoint can't be read") as error:
        checkpointing.load(str(path))
    assert "delete it" in error.value.next_step


def test_a_checkpoint_of_another_shape_is_an_error(tmp_path):
    np.savez(tmp_path / "training.npz", state=np.array('{"seed": 0, "unknown": 1}'))
    with pytest.raises(ModelError, match="checkpoint can't be read"):
        checkpointing.load(str(tmp_path / "training.npz"))
