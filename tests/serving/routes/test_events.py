"""POST /events: the very next request knows of it; and forgetting."""

import shutil

import httpx
import numpy as np
import pytest

HISTORY = ["i4", "i9", "what training never saw", "i9", "i1"]


def send(client, user, item, **more):
    answer = client.post("/events", json={"user_id": user, "item_id": item, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def recommended(client, user, **more):
    answer = client.post("/recommend", json={"user_id": user, "k": 20, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("times", [[0] * 5, [1000, 1000, 90_000, 90_001, 10**12]])
def test_the_state_answers_as_the_whole_history_does_after_each_event(shared, rankers, times):
    user = f"state-{times[0]}"
    for n, (item, time) in enumerate(zip(HISTORY, times, strict=True), start=1):
        assert send(shared, user, item, timestamp=time) == {"events": n, "kept": True}
        answer = recommended(shared, user)
        expected = rankers["first"].recommend([HISTORY[:n]], [times[:n]])
        left = expected.item_ids[0] != ""
        assert answer["source"] == "state"
        assert [item["item_id"] for item in answer["items"]] == expected.item_ids[0][left].tolist()
        scores = [item["score"] for item in answer["items"]]
        np.testing.assert_allclose(scores, expected.scores[0][left], rtol=1e-4, atol=1e-5)


def test_the_same_event_again_changes_nothing(shared):
    assert send(shared, "again", "i1", event_id="e1")["kept"]
    before = recommended(shared, "again")
    assert send(shared, "again", "i1", event_id="e1") == {"events": 1, "kept": False}
    assert recommended(shared, "again") == before


def test_an_event_of_before_takes_its_place_in_time(shared, rankers):
    for item, time in (("i1", 1000), ("i3", 3000), ("i2", 2000)):
        send(shared, "late", item, timestamp=time)
    answer = recommended(shared, "late")
    expected = rankers["first"].recommend([["i1", "i2", "i3"]], [[1000, 2000, 3000]])
    assert [item["item_id"] for item in answer["items"]][:9] == expected.item_ids[0][:9].tolist()


def test_a_stranger_gets_what_an_empty_history_gets(shared):
    assert recommended(shared, "stranger")["items"] == shared.post(
        "/recommend", json={"history": [], "k": 20}
    ).json()["items"]  # fmt: skip


def test_whoever_is_forgotten_is_a_stranger(shared):
    send(shared, "gone", "i1")
    assert shared.delete("/users/gone").status_code == 204
    assert recommended(shared, "gone") == recommended(shared, "stranger")
    assert shared.delete("/users/gone").status_code == 204


def test_excluded_items_are_left_out_beside_those_of_the_past(shared):
    send(shared, "excluding", "i5")
    first = recommended(shared, "excluding")["items"][0]["item_id"]
    left = [item["item_id"] for item in recommended(shared, "excluding", exclude=[first])["items"]]
    assert first not in left
    assert "i5" not in left


def test_counters_tell_of_events_and_calls(shared):
    send(shared, "counted", "i5")
    text = shared.get("/metrics").text
    assert 'seqrank_events_total{kept="new"}' in text
    assert 'seqrank_requests_total{route="/events",status="200"}' in text
    assert "seqrank_model_version 7.0" in text


def test_a_model_without_a_state_is_given_the_kept_history(tmp_path, exports, rankers, serve_app):
    from serving.app import create_app
    from serving.options import Options

    shutil.copytree(exports["stateless"], tmp_path / "target" / "1")
    app = create_app(str(tmp_path / "target"), Options(events={"store": "memory:"}))
    with serve_app(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        for n in range(1, len(HISTORY) + 1):
            send(client, "ann", HISTORY[n - 1], timestamp=1000 * n)
            answer = recommended(client, "ann")
            expected = rankers["stateless"].recommend([HISTORY[:n]], [[1000 * (m + 1) for m in range(n)]])
            assert answer["source"] == "kept_history"
            left = expected.item_ids[0] != ""
            assert [item["item_id"] for item in answer["items"]] == expected.item_ids[0][left].tolist()
