"""Nothing that a client can send makes the server fail: by the OpenAPI document, and by the signatures."""

import json

import hypothesis
import numpy as np
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

ITEM = st.one_of(st.sampled_from([f"i{n}" for n in range(30)]), st.text(max_size=8))
TIME = st.one_of(st.just(0), st.integers(-(2**63), 2**63 - 1))
FIELDS = ["history", "k", "user_id", "filters", "exclude", "now", "diversity", "explain", "instances", "inputs"]
quick = hypothesis.settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


def test_every_operation_of_the_document_answers_what_it_says(shared):
    schema = schemathesis.openapi.from_dict(shared.get("/openapi.json").json())
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    seen = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        seen.add((operation.method.upper(), operation.path))

        @quick
        @hypothesis.given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
        def positive(case):
            case.call_and_validate(base_url=str(shared.base_url), checks=checks, timeout=30)

        positive()
    assert ("POST", "/recommend") in seen


@quick
@hypothesis.given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | ITEM,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=12,
))  # fmt: skip
@pytest.mark.parametrize("path", ["/recommend", "/events", "/v1/models/model:predict"])
def test_any_json_is_answered(shared, path, body):
    answer = shared.post(path, content=json.dumps(body).encode())
    assert answer.status_code < 500


@quick
@hypothesis.given(events=st.lists(st.tuples(ITEM, TIME), max_size=12), exclude=st.lists(ITEM, max_size=4),
                  now=st.none() | TIME)  # fmt: skip
def test_the_signature_recommend_takes_any_history(rankers, events, exclude, now):
    items, times = [item for item, _ in events], [time for _, time in events]
    answer = rankers["first"].recommend([items], [times], exclude=[exclude], now=None if now is None else [now])
    left = answer.item_ids[0] != ""
    assert np.isfinite(answer.scores[0][left]).all()
    assert not set(answer.item_ids[0][left]) & {*items, *exclude}


@quick
@hypothesis.given(events=st.lists(st.tuples(ITEM, TIME), max_size=6), exclude=st.lists(ITEM, max_size=4))
def test_the_signatures_step_and_rank_take_any_event(rankers, events, exclude):
    state = rankers["first"].initial_state(1)
    for item, time in events:
        state = rankers["first"].step(state, [item], [time])
    answer = rankers["first"].rank(state, [exclude])
    assert np.isfinite(answer.scores[0][answer.item_ids[0] != ""]).all()
