"""How fast the server answers, beside the bare model, on MovieLens-1M's users.

make benchmark-serving ARGS="--model runs-1m/serving/movielens-1m --data ml-1m-sequences.csv.gz"

The model is one that configs/movielens-1m.yaml made; how well it was trained doesn't matter here. The data is any file
with user_id, item_id and timestamp, in each user's order (the figures of docs/serving.md stand for the public
MovieLens-1M). Server, client and bare model are processes of their own on the same machine, one after the other where
they are compared. The table goes to the terminal, all figures to <folder>/serving.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any, Final

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.speed import machine
from serving.events.options import Options as EventOptions
from serving.events.records import Codec, Record
from serving.events.stores import open_store

_WINDOW: Final = 200
_STARTS: Final = 3  # the best of so many
_BARE: Final = """
import sys, time
import tensorflow as tf
imported = time.time()
model = tf.saved_model.load(sys.argv[1])
empty = {"history": [[]], "timestamps": [[]], "user_id": [""], "exclude": [[]]}
kinds = model.signatures["recommend"].structured_input_signature[1]
model.signatures["recommend"](**{name: tf.constant(empty[name], spec.dtype) for name, spec in kinds.items()})
print(imported, time.time())
"""
_BARS: Final = {
    "start": "TensorFlow's own time and a second",
    "events": "p99 under 25 ms",
    "histories": "p99 at most 3 times the bare call's",
    "swap": "nothing lost",
}


class Server:
    """`python -m serving`, waited for."""

    def __init__(self, model: pathlib.Path, folder: pathlib.Path, options: dict[str, Any]) -> None:
        self._log = folder / "server.log"
        command = [sys.executable, "-m", "serving", "--model", str(model), "--port", "0"]
        with self._log.open("wb") as out:
            self.process = subprocess.Popen([*command, "--options", json.dumps(options)], stdout=out, stderr=out)
        self.address = ""
        while not self.address:
            if self.process.poll() is not None:
                sys.exit(self._log.read_text())
            text = self._log.read_text()
            found = re.search(r"Listening on (\S+) for", text)
            self.address = found[1] if found and "is served" in text else ""
            time.sleep(0.1)

    def count(self, name: str) -> float:
        """A counter of its metrics."""
        with urllib.request.urlopen(f"{self.address}/metrics") as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def end(self) -> int:
        """Asks it to end. Returns: its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def histories(data: pathlib.Path, users: int) -> dict[str, list[str]]:
    """The users with the smallest hashes, oldest event first."""
    frame = pl.scan_csv(data, schema_overrides={"user_id": pl.String, "item_id": pl.String})
    grouped = frame.sort("timestamp").group_by("user_id", maintain_order=True).agg("item_id").collect()
    chosen = grouped.sort(pl.col("user_id").hash(7)).head(users)
    return dict(zip(chosen["user_id"], chosen["item_id"].to_list(), strict=True))


async def seed(store: str, users: dict[str, list[str]]) -> None:
    """Puts histories into an event store, all but the last event."""
    opened, codec = open_store(EventOptions(store=store)), Codec()
    for user, items in users.items():
        past = tuple(items[:-1][-1000:])
        await opened.put(user, codec.encode(user, Record(past, tuple(range(1, len(past) + 1)))), 0)
    await opened.close()


def start(arguments: argparse.Namespace, _: dict[str, list[str]]) -> dict[str, Any]:
    """(0) From nothing to a server that is ready, beside TensorFlow that loads and calls the same model once."""
    newest = _newest(arguments.model)
    found: dict[str, list[float]] = {"import": [], "bare": [], "served": []}
    for _ in range(_STARTS):
        began = time.time()
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_USE_LEGACY_KERAS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}
        command = [sys.executable, "-W", "ignore", "-c", _BARE, str(newest)]
        ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet)
        imported, called = map(float, ended.stdout.split())
        found["import"].append(imported - began)
        found["bare"].append(called - began)
        began = time.time()
        server = Server(newest, arguments.folder, {"events": None, "drain_seconds": 0})
        while True:
            try:
                urllib.request.urlopen(f"{server.address}/readyz")
                break
            except OSError:
                time.sleep(0.05)
        found["served"].append(time.time() - began)
        server.end()
    return {name: min(seconds) for name, seconds in found.items()}


def _newest(model: pathlib.Path) -> pathlib.Path:
    return max((each for each in model.iterdir() if each.name.isdigit()), key=lambda each: int(each.name))


def client(address: str, requests: list[dict[str, Any]], folder: pathlib.Path, rate: float, seconds: float) -> Any:
    """What benchmarks.serving.client measured."""
    (folder / "requests.jsonl").write_text("\n".join(map(json.dumps, requests)))
    return _measured("client", address, folder / "requests.jsonl", rate, seconds)


def _measured(module: str, place: object, requests: pathlib.Path, rate: float, seconds: float) -> Any:
    command = [sys.executable, "-m", f"benchmarks.serving.{module}", str(place), str(requests)]
    command += ["--rate", str(rate), "--seconds", str(seconds)]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(ended.stdout.splitlines()[-1])


def events(arguments: argparse.Namespace, users: dict[str, list[str]]) -> dict[str, Any]:
    """(1) An event and then a request for the same user, in turns, with kept states."""
    store = f"sqlite:///{arguments.folder.absolute()}/events.sqlite"
    asyncio.run(seed(store, users))
    server = Server(arguments.model, arguments.folder, {"events": {"store": store}, "poll_seconds": 3600})
    began = time.monotonic()
    while server.count("seqrank_states_rebuilt_total") < len(users):
        time.sleep(0.5)
    rebuilt = time.monotonic() - began
    requests: list[dict[str, Any]] = []
    for user, items in users.items():
        requests.append({"path": "/events", "body": {"user_id": user, "item_id": items[-1]}})
        requests.append({"path": "/recommend", "body": {"user_id": user, "k": 10}})
    found = client(server.address, requests, arguments.folder, arguments.rate, arguments.seconds)
    return {**found, "users": len(users), "seconds_to_rebuild_all_states": rebuilt, "exit_status": server.end()}


def whole(arguments: argparse.Namespace, users: dict[str, list[str]]) -> dict[str, Any]:
    """(2) Whole histories, the newest 200 events of each, at the server and at the bare model."""
    requests = [{"path": "/recommend", "body": {"history": each[-_WINDOW:], "k": 10}} for each in users.values()]
    server = Server(arguments.model, arguments.folder, {"poll_seconds": 3600})
    served = client(server.address, requests, arguments.folder, arguments.history_rate, arguments.seconds)
    server.end()
    newest = _newest(arguments.model)
    bare = _measured("bare", newest, arguments.folder / "requests.jsonl", arguments.history_rate, arguments.seconds)
    ratio = served["milliseconds"]["p99"] / bare["milliseconds"]["p99"]
    return {"served": served, "bare": bare, "ratio_p99": ratio, "rate": arguments.history_rate}


def swap(arguments: argparse.Namespace, users: dict[str, list[str]]) -> dict[str, Any]:
    """(3) A newer version after a third of the time, a signal to end after two thirds."""
    target = arguments.folder / "target"
    shutil.rmtree(target, ignore_errors=True)
    newest = _newest(arguments.model)
    shutil.copytree(newest, target / "1")
    server = Server(target, arguments.folder, {"poll_seconds": 0.5})
    requests = [{"path": "/recommend", "body": {"history": each[-50:], "k": 10}} for each in users.values()]

    def disturb() -> None:
        time.sleep(arguments.seconds / 3)
        shutil.copytree(newest, arguments.folder / "staging")
        os.rename(arguments.folder / "staging", target / "2")
        time.sleep(arguments.seconds / 3)
        seen.append(server.count("seqrank_model_version"))
        server.process.send_signal(signal.SIGTERM)

    seen: list[float] = []
    thread = threading.Thread(target=disturb)
    thread.start()
    found = client(server.address, requests, arguments.folder, arguments.history_rate, arguments.seconds)
    thread.join()
    return {**found, "version_before_the_signal": seen[0], "exit_status": server.process.wait(60)}


def table(record: dict[str, Any]) -> Table:
    """A line a bar."""
    made = Table(title="The server under load")
    for column in ("what", "requests", "p50 ms", "p99 ms", "errors", "client's cores", "bar", "met"):
        made.add_column(column)

    def row(what: str, found: dict[str, Any], bar: str, met: bool | None) -> None:
        at, share = found["milliseconds"], found.get("client_share_of_a_core")
        cells = (f"{at['p50']:.1f}", f"{at['p99']:.1f}", str(found.get("errors", 0)))
        made.add_row(what, str(found["requests"]), *cells, "" if share is None else f"{share:.2f}", bar,
                     "" if met is None else "yes" if met else "no")  # fmt: skip

    if "events" in record:
        found = record["events"]
        row("/events + /recommend", found, _BARS["events"], found["milliseconds"]["p99"] < 25 and not found["errors"])
    if "histories" in record:
        both = record["histories"]
        row("whole histories", both["served"], _BARS["histories"], both["ratio_p99"] <= 3)
        row("the bare model", both["bare"], f"ratio of p99: {both['ratio_p99']:.2f}", None)
    if "swap" in record:
        found = record["swap"]
        met = not found["errors"] and found["version_before_the_signal"] == 2 and found["exit_status"] == 0
        row("swap and SIGTERM", found, _BARS["swap"], met)
    return made


def main() -> None:
    """Measures, prints the table, writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of versions")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="user_id,item_id,timestamp")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs-serving"), help="for the results")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second, with kept states")
    parser.add_argument("--history-rate", type=float, default=20.0, help="requests a second, with whole histories")
    parser.add_argument("--only", nargs="+", choices=["start", "events", "histories", "swap"])
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    users = histories(arguments.data, arguments.users)
    record: dict[str, Any] = {"machine": machine(), "bars": _BARS}
    for name, measure in (("start", start), ("events", events), ("histories", whole), ("swap", swap)):
        if not arguments.only or name in arguments.only:
            record[name] = measure(arguments, users)
    if "start" in record:
        told = record["start"]
        print(f"Ready {told['served']:.1f} s after the start. Bar: {_BARS['start']}.")
        print(f"TensorFlow alone: imported after {told['import']:.1f} s, the model called after {told['bare']:.1f} s.")
    Console().print(table(record))
    (arguments.folder / "serving.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
