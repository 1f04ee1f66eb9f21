"""What is counted, for Prometheus. Each application has a registry of its own."""

from __future__ import annotations

import dataclasses
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.002, 0.004, 0.008, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Counters by what they count; each field's help text is in `create`."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    batch_rows: Histogram
    model_seconds: Histogram
    refused: Counter
    model_version: Gauge
    swaps: Counter
    load_failures: Counter
    events: Counter
    rebuilt: Counter
    stale: Gauge

    @classmethod
    def create(cls) -> Metrics:
        """All of them at zero."""
        own = CollectorRegistry()

        def seconds(name: str, text: str, label: str) -> Histogram:
            return Histogram(name, text, [label], registry=own, buckets=_SECONDS)

        return cls(
            registry=own,
            requests=Counter("seqrank_requests", "Requests answered.", ["route", "status"], registry=own),
            seconds=seconds("seqrank_request_seconds", "From a request's head to its answer's end.", "route"),
            batch_rows=Histogram(
                "seqrank_batch_rows", "Rows in a call of the model.", ["call"], registry=own,
                buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            ),
            model_seconds=seconds("seqrank_model_seconds", "A call of the model, the thread's queue included.", "call"),
            refused=Counter("seqrank_refused", "Requests refused because too many waited.", registry=own),
            model_version=Gauge("seqrank_model_version", "The version that is served.", registry=own),
            swaps=Counter("seqrank_swaps", "Exchanges of the model.", registry=own),
            load_failures=Counter("seqrank_load_failures", "Versions that can't be loaded.", registry=own),
            events=Counter("seqrank_events", "Events taken.", ["kept"], registry=own),
            rebuilt=Counter("seqrank_states_rebuilt", "States made anew from histories.", registry=own),
            stale=Gauge("seqrank_states_waiting", "Users whose state waits to be made anew.", registry=own),
        )  # fmt: skip
