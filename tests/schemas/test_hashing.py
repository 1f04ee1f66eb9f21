import numpy as np
import pyarrow as pa
import pytest

from schemas.hashing import as_int64, combine, stable_hash

TEXTS = ["", "a", "12345678", "123456789", "é" * 40, "x" * 1000]


def test_hash_of_known_values_never_changes():  # a change would make other items the test items of every data set
    expected = [
        0x63CBE1E459320DD7,
        0x55A865E6EFCFEB6B,
        0xDE6509E51D3CDF39,
        0x65F8F31A1DECFAA9,
        0xC78D0E042F593CB4,
        0x939898D6EA678E06,
    ]
    np.testing.assert_array_equal(stable_hash(pa.array(TEXTS), seed=7), np.array(expected, np.uint64))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()])
def test_hash_is_the_same_for_every_type_of_text(kind):
    column = pa.array([text.encode() for text in TEXTS], pa.binary()).cast(kind)
    np.testing.assert_array_equal(stable_hash(column), stable_hash(pa.array(TEXTS)))


def test_hash_does_not_depend_on_chunks_slices_or_neighbours():
    whole = stable_hash(pa.array(TEXTS))
    chunked = pa.chunked_array([TEXTS[:1], [], TEXTS[1:4], TEXTS[4:]], pa.string())
    np.testing.assert_array_equal(stable_hash(chunked), whole)
    np.testing.assert_array_equal(stable_hash(pa.array(TEXTS)[2:5]), whole[2:5])
    np.testing.assert_array_equal(np.concatenate([stable_hash(pa.array([text])) for text in TEXTS]), whole)


def test_null_hashes_like_the_empty_string():
    np.testing.assert_array_equal(stable_hash(pa.array([None, "b"])), stable_hash(pa.array(["", "b"])))


def test_empty_column_gives_an_empty_array():
    assert len(stable_hash(pa.array([], pa.string()))) == 0
    assert len(stable_hash(pa.chunked_array([], pa.string()))) == 0


def test_values_that_differ_in_padding_or_length_hash_apart():
    column = pa.array([b"", b"\0", b"\0\0", b"a", b"a\0", b"a" * 8, b"a" * 8 + b"\0"])
    assert len(set(stable_hash(column).tolist())) == len(column)


def test_seeds_give_unrelated_hashes():
    column = pa.array([str(i) for i in range(1000)])
    assert not np.any(stable_hash(column, 1) == stable_hash(column, 2))


def test_consecutive_ids_spread_evenly_over_buckets():
    n, buckets = 64_000, 64
    counts = np.bincount((stable_hash(pa.array([str(i) for i in range(n)])) % np.uint64(buckets)).astype(int))
    chi_square = float(((counts - n / buckets) ** 2 / (n / buckets)).sum())
    assert chi_square < 110  # 63 degrees of freedom: the 99.98th percentile


def test_no_two_of_many_ids_collide():  # expected collisions among 10^5 of 2^64: 3e-10
    assert len(np.unique(stable_hash(pa.array([str(i) for i in range(100_000)])))) == 100_000


def test_combining_depends_on_the_order_of_columns():
    one, two = stable_hash(pa.array(["a"])), stable_hash(pa.array(["b"]))
    assert combine([one, two]) != combine([two, one])


def test_signed_view_keeps_the_bits():
    np.testing.assert_array_equal(as_int64(np.array([2**64 - 1, 1], np.uint64)), [-1, 1])


def test_numbers_are_refused():
    with pytest.raises(TypeError, match="int64"):
        stable_hash(pa.array([1]))
