"""The server as a process: swaps, signals, broken versions, tokens, TLS, and what it doesn't load."""

import datetime
import shutil
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from components.pusher.encrypted import prepared
from schemas.digest import directory_digest
from schemas.keys import KeyOptions

QUICK = {"poll_seconds": 0.2, "drain_seconds": 0.5}
BODY = {"history": ["i1", "i2"], "k": 3}


class Load:
    """Asks all the time, from some threads, each on a connection of its own, whose answers come in an order."""

    def __init__(self, address, body=BODY, threads=3):
        self.of_each = [[] for _ in range(threads)]  # versions that answered, by thread
        self.failed, self._stop = [], threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(address, body, mine)) for mine in self.of_each]
        for thread in self._threads:
            thread.start()

    @property
    def versions(self):
        """Of all threads."""
        return [version for mine in self.of_each for version in mine]

    def _run(self, address, body, mine):
        with httpx.Client(base_url=address, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/recommend", json=body)
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    return
                if answer.status_code == 200:
                    mine.append(answer.json()["model_version"])
                else:
                    self.failed.append(answer.text)
                if answer.headers.get("connection") == "close":  # as a load balancer: the next goes elsewhere
                    return

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def test_a_newer_version_is_taken_up_without_a_failed_request_and_a_broken_one_is_not(publish, start):
    server = start(publish("first", 1), QUICK)
    load = Load(server.address())
    publish("second", 2)
    until(lambda: 2 in load.versions)
    (publish("first", 3) / "3" / "variables" / "variables.index").write_bytes(b"broken")
    broken = publish("first", 4) / "4" / "saved_model.pb"
    broken.write_bytes(b"broken")
    time.sleep(1.5)
    load.end()
    assert load.failed == []
    assert set(load.versions) <= {1, 2, 3}
    assert "Version 4 can't be loaded" in server.log.read_text()
    assert all(mine == sorted(mine) for mine in load.of_each)


def test_at_start_the_newest_that_can_be_loaded_is_served(publish, start):
    publish("first", 1)
    target = publish("second", 2)
    (target / "2" / "saved_model.pb").write_bytes(b"broken")
    server = start(target, QUICK)
    with httpx.Client(base_url=server.address(), timeout=30) as client:
        assert client.get("/readyz").json() == {"status": "ready", "model_version": 1}
        assert "seqrank_load_failures_total 1.0" in client.get("/metrics").text


def test_a_signal_to_end_loses_nothing(publish, start):
    server = start(publish("first", 1), QUICK)
    address = server.address()
    load = Load(address)
    until(lambda: len(load.versions) > 20)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert httpx.get(f"{address}/readyz").status_code == 503
    assert server.process.wait(30) == 0
    load.end()
    assert load.failed == []


def test_events_are_there_after_kill_9_and_states_are_made_anew_after_a_swap(publish, start, tmp_path, rankers):
    target = publish("first", 1)
    options = {**QUICK, "events": {"store": f"sqlite:///{tmp_path}/events.sqlite"}}
    first = start(target, options)
    with httpx.Client(base_url=first.address(), timeout=30) as client:
        for item in ("i1", "i2", "i3"):
            assert client.post("/events", json={"user_id": "u", "item_id": item}).status_code == 200
    first.process.kill()
    first.process.wait()
    publish("second", 2)
    second = start(target, options)
    with httpx.Client(base_url=second.address(), timeout=30) as client:
        answers = [client.post("/recommend", json={"user_id": "u", "k": 5}).json()]
        until(lambda: "seqrank_states_rebuilt_total 1.0" in client.get("/metrics").text)
        answers.append(client.post("/recommend", json={"user_id": "u", "k": 5}).json())
    expected = rankers["second"].recommend([["i1", "i2", "i3"]]).item_ids[0][:5].tolist()
    assert [[item["item_id"] for item in answer["items"]] for answer in answers] == [expected, expected]
    assert answers[1]["source"] == "state"


def test_an_encrypted_version_is_served_where_its_key_is(publish, start, exports, tmp_path, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    target = publish("first", 1)
    source = str(exports["second"])
    with prepared(source, directory_digest(source), KeyOptions(key_env="OUR_KEY")) as (files, _):
        shutil.copytree(files, target / "2")
    (tmp_path / "mounted").write_text("0123456789abcdef")
    for told, env, served in (
        ({}, {}, 2),
        ({}, {"OUR_KEY": ""}, 1),
        ({"encryption": {"key_file": str(tmp_path / "mounted")}}, {"OUR_KEY": ""}, 2),
    ):
        server = start(target, {**QUICK, **told}, env)
        with httpx.Client(base_url=server.address(), timeout=30) as client:
            answer = client.post("/recommend", json={"history": ["i1"], "k": 2})
        assert answer.json()["model_version"] == served
        assert ("key of encrypted files" in server.log.read_text()) == (served == 1)
        server.end()
    assert b"SEQRANK-ENCRYPTED" in (target / "2" / "saved_model.pb").read_bytes()


def test_without_the_token_nothing_is_answered_but_health(publish, start):
    server = start(publish("first", 1), QUICK, {"SEQRANK_SERVING_TOKEN": "s3cret"})
    with httpx.Client(base_url=server.address(), timeout=30) as client:
        assert client.post("/recommend", json=BODY).status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer other"}).status_code == 401
        assert client.get("/readyz").status_code == 200
        assert client.post("/recommend", json=BODY, headers={"authorization": "Bearer s3cret"}).status_code == 200
    assert "s3cret" not in server.log.read_text()


def test_tls_by_configuration(publish, start, tmp_path):
    certificate, key = _certificate(tmp_path)
    server = start(publish("first", 1), {**QUICK, "tls": {"certificate": certificate, "key": key}})
    address = server.address()
    assert address.startswith("https://")
    with httpx.Client(base_url=address, verify=__import__("ssl").create_default_context(cafile=certificate)) as client:
        assert client.post("/recommend", json=BODY, timeout=30).status_code == 200


def test_a_place_without_a_model_is_an_error_that_says_what_to_do(tmp_path):
    command = [sys.executable, "-m", "serving", "--model", str(tmp_path / "nothing"), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "no model here" in ended.stderr


@pytest.mark.parametrize(("options", "words"), [('{"ports": 1}', "ports"), ("{", "--options"), ("[]", "--options")])
def test_options_that_are_none_are_named(tmp_path, options, words):
    command = [sys.executable, "-m", "serving", "--model", str(tmp_path), "--options", options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert words in ended.stderr


def test_a_server_loads_neither_tfx_nor_beam():
    code = "import sys, serving.server; print([name for name in ('tfx', 'apache_beam', 'ml_metadata', "
    code += "'polars', 'tensorflow_transform') if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip() == "[]", ended.stderr[-2000:]


def _certificate(folder):
    """Of 127.0.0.1, by itself."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(plain)
    return str(folder / "cert.pem"), str(folder / "key.pem")
