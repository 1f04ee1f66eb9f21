"""A client that sends requests at a constant rate, whatever the answers take: a process of its own.

Latency counts from the moment at which a request was due, not from when it could be sent, so that a server that stalls
can't slow its own measurement down. Connections are kept; one that the server closes is replaced.

python -m benchmarks.serving.client http://127.0.0.1:8501 requests.jsonl --rate 200 --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import itertools
import json
import pathlib
import resource
import time
import urllib.parse
from typing import Any


@dataclasses.dataclass
class Record:
    """What came of all requests."""

    latencies: dict[str, list[float]]
    errors: list[str]
    closed: int = 0  # connections that could no longer be opened: the server had ended


class Client:
    """Connections to one server."""

    def __init__(self, address: str) -> None:
        parts = urllib.parse.urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.record = Record({}, [])

    async def send(self, path: str, body: bytes, due: float) -> None:
        """One request; its latency is kept by path."""
        try:
            reader, writer = self._free.pop() if self._free else await asyncio.open_connection(self._host, self._port)
        except OSError:
            self.record.closed += 1
            return
        try:
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            headers = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if b": " in line)
            content = await reader.readexactly(int(headers[b"content-length"]))
        except (OSError, asyncio.IncompleteReadError, KeyError, ValueError) as error:
            self.record.errors.append(repr(error))
            writer.close()
            return
        self.record.latencies.setdefault(path, []).append(time.perf_counter() - due)
        if answer.split(b" ", 2)[1] != b"200":
            self.record.errors.append(content.decode("utf-8", "replace")[:200])
        if headers.get(b"connection") == b"close":
            writer.close()
        else:
            self._free.append((reader, writer))


async def run(address: str, requests: list[dict[str, Any]], rate: float, seconds: float) -> Record:
    """Sends at a constant rate."""
    client, tasks = Client(address), set()
    bodies = [(each["path"], json.dumps(each["body"]).encode()) for each in requests]
    began = time.perf_counter()
    for n, (path, body) in zip(range(int(rate * seconds)), itertools.cycle(bodies)):
        due = began + n / rate
        delay = due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        tasks.add(task := asyncio.create_task(client.send(path, body, due)))
        task.add_done_callback(tasks.discard)
        if client.record.closed:
            break
    await asyncio.gather(*tasks)
    return client.record


def figures(latencies: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(latencies)
    at = {f"p{share:g}": ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)] for share in (50, 95, 99)}
    return {name: 1000 * value for name, value in {**at, "max": ordered[-1]}.items()}


def main() -> None:
    """Ends with a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("requests", type=pathlib.Path, help="a line of JSON each: path, body")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    requests = [json.loads(line) for line in arguments.requests.read_text(encoding="utf-8").splitlines()]
    began = time.perf_counter()
    record = asyncio.run(run(arguments.address, requests, arguments.rate, arguments.seconds))
    used, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    every = [each for values in record.latencies.values() for each in values]
    made = {
        "requests": len(every),
        "errors": len(record.errors),
        "first_errors": record.errors[:3],
        "refused_connections": record.closed,
        "client_share_of_a_core": (used.ru_utime + used.ru_stime) / wall,
        "milliseconds": figures(every) if every else {},
        "by_path": {path: figures(values) for path, values in record.latencies.items()},
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
