"""The load client against a real HTTP server: its rate, its latencies, and what it calls an error."""

import asyncio
import http.server
import json
import threading
import time

import pytest

from benchmarks.serving.client import figures, run


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        told = json.loads(body)
        time.sleep(told.get("sleep", 0))
        self.send_response(told.get("status", 200))
        self.send_header("content-length", "2")
        if told.get("close"):
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def measured(address, *bodies, rate=50, seconds=0.4):
    return asyncio.run(run(address, [{"path": "/x", "body": body} for body in bodies], rate, seconds))


def test_every_request_is_sent_and_timed(address):
    record = measured(address, {}, {"close": True})
    assert len(record.latencies["/x"]) == 20
    assert record.errors == []


def test_latency_counts_from_when_a_request_was_due(address):
    record = measured(address, {"sleep": 0.1})
    assert min(record.latencies["/x"]) >= 0.1
    assert len(record.latencies["/x"]) == 20  # a slow answer holds up no other request


def test_another_status_and_a_server_that_is_gone_are_told_apart(address):
    assert len(measured(address, {"status": 500}).errors) == 20
    gone = measured("http://127.0.0.1:1", {})
    assert (gone.closed, gone.errors) == (gone.closed, [])
    assert gone.closed > 0


def test_percentiles_are_of_the_ordered_latencies():
    assert figures([n / 1000 for n in range(1, 101)]) == {"p50": 51.0, "p95": 96.0, "p99": 100.0, "max": 100.0}
