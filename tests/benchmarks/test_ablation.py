"""The ablation's table, and what makes a training another one."""

import math
import pathlib

import pytest
import yaml

from benchmarks import ablation
from pipeline.config import load

CONFIG = pathlib.Path("configs/movielens-100k.yaml")


def result(ndcg, curve=(0.1, 0.2), loss=(5.0, 4.0), seconds=10.0):
    return {"ndcg@10": ndcg, "curve": list(curve), "loss": list(loss), "seconds": seconds}


def test_differences_are_taken_seed_by_seed():
    found = {("shipped", 0): result(0.10), ("shipped", 1): result(0.14), ("b", 0): result(0.11), ("b", 1): result(0.16)}
    shipped, other = ablation.rows(found, {"shipped": [], "b": ["trainer.ema=0.9"], "never trained": []})
    assert shipped.best == pytest.approx(0.12)
    assert (other.seeds, other.difference, other.error) == (2, pytest.approx(0.015), pytest.approx(0.005))


def test_one_seed_has_no_error_and_the_table_says_so():
    (row,) = ablation.rows({("b", 0): result(0.11)}, {"b": []})
    assert row.error is None
    assert math.isnan(row.difference)
    assert "±" not in ablation.markdown([row])


def test_the_last_five_epochs_are_averaged():
    (row,) = ablation.rows({("shipped", 0): result(0.9, curve=[9, 1, 2, 3, 4, 5])}, {"shipped": []})
    assert row.last == 3


def test_the_loss_is_the_lowest_of_each_training():
    found = {("shipped", 0): result(0.1, loss=[3, 1, 2]), ("shipped", 1): result(0.1, loss=[5, 4, 2])}
    (row,) = ablation.rows(found, {"shipped": []})
    assert row.loss == 1.5
    assert "| 1.500 |" in ablation.markdown([row])


def test_what_was_trained_is_found_again_after_a_kill(tmp_path):
    results = ablation.Results(tmp_path / "kept.jsonl")
    results.add({"key": "a", "ndcg@10": 0.1})
    assert ablation.Results(tmp_path / "kept.jsonl").get("a") == {"key": "a", "ndcg@10": 0.1}
    assert ablation.Results(tmp_path / "kept.jsonl").get("b") is None


def test_a_training_is_known_by_its_settings_and_seed_not_by_its_name():
    keys = [
        ablation.key(CONFIG, ablation.Training(name, settings, seed))
        for name, settings, seed in (("a", (), 0), ("b", (), 0), ("a", (), 1), ("a", ("trainer.ema=0.9",), 0))
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_an_embedding_of_users_reads_sequences_that_have_them():
    root = pathlib.Path("runs")
    places = [ablation.data_root(root, CONFIG, settings) for settings in ([], ["trainer.model.user_embedding=true"])]
    assert places == [root, root / "with-users"]


def test_every_setting_of_the_list_is_one_that_the_configuration_takes():
    variants = yaml.safe_load((ablation.HERE / "ablation.yaml").read_text(encoding="utf-8"))
    for settings in variants.values():
        load(CONFIG, settings)


def test_a_variant_goes_over_what_is_set_for_all():
    constant = ("trainer.schedule=constant",)
    both = ablation.Training("a", ("trainer.schedule=cosine", *constant), 0)
    assert ablation.key(CONFIG, both) == ablation.key(CONFIG, ablation.Training("a", constant, 0))
