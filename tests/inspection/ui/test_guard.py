"""Under which names this machine is asked, and who may start something."""

import pytest

from inspection.ui.guard import Names, is_here


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost:8765", "LOCALHOST", "[::1]:8765"])
def test_this_machine_is_known_by_its_own_names(host):
    assert Names.of("127.0.0.1").hold(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "10.0.0.5", "[::1", "a:b"]
)
def test_other_names_are_not(host):
    assert not Names.of("127.0.0.1").hold(host)


def test_who_listens_for_others_is_known_by_address_and_own_name_and_no_other():
    names = Names.of("box.example")
    assert all(names.hold(host) for host in ("box.example:8765", "10.0.0.5:8765", "[fe80::1]", "localhost"))
    assert not names.hold("evil.example")


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False)]
)
def test_only_loopback_is_this_machine_alone(host, here):
    assert is_here(host) == here


def test_a_request_under_another_name_is_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1"])
def test_another_site_starts_nothing(client, origin):
    answer = client.post("/tensorboard?run=latest", headers={"origin": origin} if origin else {})
    assert answer.status_code == 403
    assert "own buttons" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_are_only_read(client, method):
    origin = str(client.base_url).rstrip("/")
    assert client.request(method, "/run?id=latest", headers={"origin": origin}).status_code == 405


@pytest.mark.parametrize("path", ["/", "/run?id=latest", "/nothing", "/static/page.css"])
def test_every_answer_forbids_scripts_and_all_from_outside(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
