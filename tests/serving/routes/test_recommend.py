"""POST /recommend over real HTTP, against the exported model itself."""

import pytest


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def ask(client, **body):
    return client.post("/recommend", json=body)


def test_answers_are_the_models_own(shared, rankers):
    answer = ask(shared, history=["i1", {"item_id": "i2", "timestamp": 5000}], k=5)
    expected = rankers["first"].recommend([["i1", "i2"]], [[0, 5000]])
    assert ids(answer) == expected.item_ids[0][:5].tolist()
    scores = [item["score"] for item in answer.json()["items"]]
    assert scores == pytest.approx(expected.scores[0][:5].tolist(), rel=1e-5)
    assert answer.json()["model_version"] == 7
    assert answer.json()["source"] == "history"


def test_titles_come_from_the_items_table(shared):
    answer = ask(shared, history=[], k=1).json()["items"][0]
    assert answer["title"] == f"The {answer['item_id']}"


def test_what_is_excluded_is_no_answer_and_neither_is_the_history(shared):
    first = ids(ask(shared, history=["i3"], k=20))
    assert "i3" not in first
    assert first[0] not in ids(ask(shared, history=["i3"], k=20, exclude=[first[0]]))


def test_filters_hold_among_the_models_first_items(shared, rankers):
    own = rankers["first"].recommend([["i3"]]).item_ids[0].tolist()
    told = [{"column": "genres", "any_of": ["war", "drama"], "none_of": ["odd"]}]
    number = [int(item[1:]) for item in own]
    expected = [f"i{n}" for n in number if n % 3 != 1 and n % 2 == 0]
    answer = ask(shared, history=["i3"], k=20, filters=told)
    assert ids(answer) == expected
    assert answer.json()["short"] is True
    both = [{"column": "genres", "all_of": ["war", "even"]}]
    assert ids(ask(shared, history=["i3"], k=20, filters=both)) == [f"i{n}" for n in number if n % 6 == 2]


def test_only_some_items_may_be_answered(shared):
    assert set(ids(ask(shared, history=["i3"], only=["i4", "i5", "nothing"]))) <= {"i4", "i5"}


def test_a_filter_by_a_column_that_is_not_there_says_which_are(shared):
    answer = ask(shared, history=[], filters=[{"column": "colour", "any_of": ["red"]}])
    assert answer.status_code == 400
    assert "genres" in answer.json()["error"]


def test_a_request_without_anybody_says_what_to_give(shared):
    answer = ask(shared, k=3)
    assert answer.status_code == 422
    assert "user_id" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"history": "i1"}, "history"),
        ({"history": [1]}, "history.0"),
        ({"history": [], "k": 0}, "k"),
        ({"history": [], "k": "3"}, "k"),
        ({"history": [], "kk": 3}, "kk"),
        ({"history": [{"item_id": "a", "timestamp": -1}]}, "history.0"),
        ({"history": [{"item_id": "a", "timestamp": 1e300}]}, "history.0"),
        ({"history": ["i1"] * 51}, "history"),
        ({"history": [], "exclude": ["i1"] * 21}, "exclude"),
        ({"history": [], "diversity": {"method": "mmr", "strength": 2}}, "strength"),
    ],
)
def test_what_is_wrong_is_named(shared, body, named):
    answer = ask(shared, **body)
    assert answer.status_code == 422
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"history": NaN}', b'{"history": ["\\ud800"]}', b'{"a":' * 3000, b"null"],
)
def test_what_is_no_request_gets_a_4xx(shared, body):
    answer = shared.post("/recommend", content=body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_before_it_is_read(shared, chunked):
    content = (b"x" * 1000 for _ in range(100)) if chunked else b"x" * 100_000
    assert shared.post("/recommend", content=content).status_code == 413


def test_every_answer_has_a_request_id_and_takes_the_clients(shared):
    assert shared.get("/healthz", headers={"x-request-id": "abc"}).headers["x-request-id"] == "abc"
    assert len(shared.get("/healthz").headers["x-request-id"]) == 32


@pytest.mark.parametrize("method", ["mmr", "dpp", "calibrated"])
def test_another_order_by_request_is_that_of_the_re_ranker(shared, rankers, method):
    from ranker import registry, rerank

    own = rankers["first"].recommend([["i3", "i4"]])
    genres = {f"i{n}": [("drama", "comedy", "war")[n % 3], "odd" if n % 2 else "even"] for n in range(30)}
    slate = rerank.slate(own.scores[0], [genres[item] for item in own.item_ids[0]], [genres["i3"], genres["i4"]])
    at = registry.load("rerank", method).order(slate, 6, 0.7)
    told = {"method": method, "strength": 0.7}
    assert ids(ask(shared, history=["i3", "i4"], k=6, diversity=told)) == own.item_ids[0][at].tolist()


def test_answers_say_which_items_of_the_history_they_are_owed_to(shared, rankers):
    from ranker import explain

    answer = ask(shared, history=["i3", "i4", "i5"], k=2, explain=2).json()
    weights = explain.occlusion(
        rankers["first"], ["i3", "i4", "i5"], [0] * 3, [item["item_id"] for item in answer["items"]]
    )
    for item, row in zip(answer["items"], weights, strict=True):
        expected = explain.strongest(["i3", "i4", "i5"], row, 2)
        assert [(why["item_id"], why["title"]) for why in item["because"]] == [(i, f"The {i}") for i, _ in expected]
        assert [why["weight"] for why in item["because"]] == pytest.approx([w for _, w in expected], rel=1e-3)
