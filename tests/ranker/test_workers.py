"""Who a process is among several, as TF_CONFIG has it."""

import json

import pytest

from ranker.workers import Place, place
from schemas.errors import ConfigError

CHIEF_AND_TWO = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


def told(cluster, kind, index):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(("cluster", "kind", "index", "expected"), [
    (CHIEF_AND_TWO, "chief", 0, Place(0, 3)), (CHIEF_AND_TWO, "worker", 1, Place(2, 3)),
    ({"worker": ["a:1", "b:1"]}, "worker", 0, Place(0, 2)), ({"worker": ["a:1", "b:1"]}, "worker", 1, Place(1, 2)),
    ({"chief": ["a:1"]}, "chief", 0, Place(0, 1)), ({"chief": ["a:1"], "worker": []}, "chief", 0, Place(0, 1)),
])  # fmt: skip
def test_the_chief_comes_first_and_without_one_the_first_worker_is_it(cluster, kind, index, expected):
    found = place(told(cluster, kind, index))
    assert found == expected
    assert found.chief == (found.index == 0)


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": ""}])
def test_without_a_cluster_a_process_is_alone(environment):
    assert place(environment) == Place(0, 1)


@pytest.mark.parametrize("environment", [
    {"TF_CONFIG": "{"}, {"TF_CONFIG": "[]"}, {"TF_CONFIG": json.dumps({"cluster": CHIEF_AND_TWO})},
    told(CHIEF_AND_TWO, "worker", 2), told(CHIEF_AND_TWO, "chief", -1), told({**CHIEF_AND_TWO, "ps": ["d:1"]}, "ps", 0),
    told({"chief": ["a:1", "b:1"]}, "chief", 1), told(CHIEF_AND_TWO, "evaluator", 0),
])  # fmt: skip
def test_a_place_that_makes_no_sense_is_refused_with_what_was_said(environment):
    with pytest.raises(ConfigError, match="TF_CONFIG") as refused:
        place(environment)
    assert environment["TF_CONFIG"] in refused.value.why
