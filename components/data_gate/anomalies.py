"""ExampleValidator's findings as records of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_gate.options import NO_DATA
from schemas.records import DataAnomaly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.data_gate.options import Options


def parse(serialized: bytes, options: Options) -> list[DataAnomaly]:
    """What SchemaDiff.pb says, one record for each feature and reason.

    Args:
        serialized: an Anomalies message.
        options: which kinds are refused.
    Returns: the refused ones first, then in order of the feature's name.
    """
    found = anomalies_pb2.Anomalies.FromString(serialized)
    named = [("", NO_DATA, "there are no data.")] if found.data_missing else []
    named += _reasons("", found.dataset_anomaly_info)
    for feature, info in found.anomaly_info.items():
        named += _reasons(feature, info)
    records = [
        DataAnomaly(feature=feature, kind=kind, what=what, refused=options.refuses(kind))
        for feature, kind, what in named
    ]
    return sorted(records, key=lambda anomaly: (not anomaly.refused, anomaly.feature, anomaly.kind))


def _reasons(feature: str, info: anomalies_pb2.AnomalyInfo) -> Iterator[tuple[str, str, str]]:
    for reason in info.reason:
        kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
        yield feature, kind, f"{reason.short_description}: {reason.description}"
