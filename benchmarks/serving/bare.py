"""The bare SavedModel on the same stream of requests, at the same rate: what no server can be faster than.

A process of its own, which ends with a line of JSON. A request that is due while another is answered waits for it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pathlib
import time


def main() -> None:
    """Latencies from the moment at which each request was due."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("requests", type=pathlib.Path)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    from benchmarks.serving.client import figures
    from ranker import saved

    ranker = saved.load(arguments.model)
    histories = [json.loads(line)["body"]["history"] for line in arguments.requests.read_text().splitlines()]
    for history in histories[:20]:
        ranker.recommend([history])
    latencies, alone, began = [], [], time.perf_counter()
    for n, history in zip(range(int(arguments.rate * arguments.seconds)), itertools.cycle(histories)):
        due = began + n / arguments.rate
        delay = due - time.perf_counter()
        if delay > 0:
            time.sleep(delay)
        called = time.perf_counter()
        ranker.recommend([history])
        latencies.append(time.perf_counter() - due)
        alone.append(time.perf_counter() - called)
    print(json.dumps({"requests": len(latencies), "milliseconds": figures(latencies), "call": figures(alone)}))


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    main()
