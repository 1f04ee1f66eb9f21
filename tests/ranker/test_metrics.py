import numpy as np
import pytest
from sklearn.metrics import ndcg_score, top_k_accuracy_score

from ranker import metrics


@pytest.fixture
def ranked():
    """500 labels in random scores over 40 items, without ties: scores [500, 40], label [500], its rank [500]."""
    rng = np.random.default_rng(5)
    scores = rng.permuted(np.tile(np.arange(40.0), (500, 1)), axis=1)
    label = rng.integers(0, 40, 500)
    rank = 1 + (scores > scores[np.arange(500), label][:, None]).sum(axis=1)
    return scores, label, rank


@pytest.mark.parametrize(("rank", "expected"), [([1], [1.0]), ([3], [0.5]), ([11], [0.0]), ([0, 1], [0.0, 1.0])])
def test_ndcg_of_one_label_at_10(rank, expected):  # 1 / log2(1 + 3) = 1/2; 11 is past the cutoff; cold counts as 0
    np.testing.assert_allclose(metrics.ndcg_at_k(np.array(rank), k=10), expected)


def test_hr_and_mrr_at_5_of_planted_ranks():
    rank = np.array([1, 4, 5, 6, 0])
    np.testing.assert_allclose(metrics.hr_at_k(rank, 5), [1, 1, 1, 0, 0])
    np.testing.assert_allclose(metrics.mrr_at_k(rank, 5), [1, 1 / 4, 1 / 5, 0, 0])


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_ndcg_and_hr_agree_with_scikit_learn(ranked, k):
    scores, label, rank = ranked
    truth = np.eye(40)[label]
    assert metrics.ndcg_at_k(rank, k).mean() == pytest.approx(ndcg_score(truth, scores, k=k))
    accuracy = top_k_accuracy_score(label, scores, k=k, labels=np.arange(40))
    assert metrics.hr_at_k(rank, k).mean() == pytest.approx(accuracy)


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_every_rank_metric_agrees_with_ranx(ranked, k, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # compiling takes forty seconds, these few users none
    ranx = pytest.importorskip("ranx")
    scores, label, rank = ranked
    users = [f"u{i}" for i in range(len(label))]
    qrels = ranx.Qrels({u: {f"i{item}": 1} for u, item in zip(users, label, strict=True)})
    run = ranx.Run({u: {f"i{i}": s for i, s in enumerate(row)} for u, row in zip(users, scores, strict=True)})
    theirs = ranx.evaluate(qrels, run, [f"hit_rate@{k}", f"ndcg@{k}", f"mrr@{k}"])
    ours = {"hit_rate": metrics.hr_at_k, "ndcg": metrics.ndcg_at_k, "mrr": metrics.mrr_at_k}
    for name, metric in ours.items():
        value = theirs[f"{name}@{k}"] if isinstance(theirs, dict) else theirs
        assert metric(rank, k).mean() == pytest.approx(value), name


def test_coverage_and_popularity_agree_with_sets_of_python_on_random_lists():
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 100, 60)
    items = np.stack([rng.permutation(60)[:20] for _ in range(4)])
    items[1, 3:] = metrics.NO_ITEM
    for k in (1, 5, 10, 20):
        lists = [[int(i) for i in row[:k] if i != metrics.NO_ITEM] for row in items]
        assert metrics.coverage_at_k(items, k, 60) == pytest.approx(len(set().union(*lists)) / 60)
        expected = [sum(int(counts[i]) for i in row) / len(row) for row in lists]
        np.testing.assert_allclose(metrics.popularity_at_k(items, k, counts), expected)


def test_coverage_of_parts_joined_equals_the_whole():
    items = np.array([[0, 1], [1, 2], [3, metrics.NO_ITEM]])
    parts = metrics.recommended_at_k(items[:1], 2, 5) | metrics.recommended_at_k(items[1:], 2, 5)
    np.testing.assert_array_equal(parts, metrics.recommended_at_k(items, 2, 5))


def test_empty_list_has_no_popularity_and_covers_nothing():
    items = np.array([[metrics.NO_ITEM, metrics.NO_ITEM]])
    assert np.isnan(metrics.popularity_at_k(items, 2, np.array([5]))).all()
    assert metrics.coverage_at_k(items, 2, 1) == 0.0


@pytest.mark.parametrize("metric", [metrics.hr_at_k, metrics.ndcg_at_k, metrics.mrr_at_k])
def test_rank_metric_refuses_a_cutoff_or_rank_that_cannot_be(metric):
    assert metric(np.array([], np.int64), 1).shape == (0,)
    with pytest.raises(ValueError, match="k >= 1"):
        metric(np.array([1]), 0)
    with pytest.raises(ValueError, match="ranks >= 0"):
        metric(np.array([-1]), 5)


def test_item_outside_the_catalogue_is_refused():
    with pytest.raises(ValueError, match="must lie in"):
        metrics.coverage_at_k(np.array([[5]]), 1, 5)


def test_cold_share_of_a_list_is_that_of_its_items_and_cold_ones_cover_and_count_nothing():
    none, cold = metrics.NO_ITEM, metrics.COLD_ITEM
    items = np.array([[cold, 0, 1], [1, cold, none], [none, none, none], [0, 1, cold]])
    np.testing.assert_allclose(metrics.cold_share_at_k(items, 3), [1 / 3, 1 / 2, np.nan, 1 / 3])
    np.testing.assert_allclose(metrics.cold_share_at_k(items, 1), [1, 0, np.nan, 0])
    assert metrics.recommended_at_k(items, 1, 3).tolist() == [True, True, False]
    np.testing.assert_allclose(metrics.popularity_at_k(items, 2, np.array([9, 4])), [9 / 2, 4 / 2, np.nan, 13 / 2])


def test_gini_of_equal_and_of_one_sided_exposure():
    assert metrics.gini(np.array([3, 3, 3])) == pytest.approx(0.0)
    assert metrics.gini(np.array([0, 2])) == pytest.approx(0.5)
    assert np.isnan(metrics.gini(np.array([0, 0])))


def test_novelty_is_self_information_in_bits():
    counts = np.array([7, 0])  # (7 + 1) / (7 + 2), (0 + 1) / 9
    found = metrics.novelty_at_k(np.array([[0, 1], [0, -1], [-2, 1], [-1, -1]]), 2, counts)
    rare, common = np.log2(9), np.log2(9 / 8)
    np.testing.assert_allclose(found, [(rare + common) / 2, common, rare, np.nan])


def test_distance_within_a_list_is_that_of_all_its_pairs():
    attributes = np.array([[0, -1], [0, 1], [1, -1], [-1, -1]])
    found = metrics.intra_list_distance_at_k(np.array([[0, 1, 2], [0, 3, -1], [0, -2, -1], [0, -1, -1]]), 3, attributes)
    half = 1 - 1 / np.sqrt(2)
    np.testing.assert_allclose(found, [(half + 1 + half) / 3, 1.0, 1.0, np.nan])
