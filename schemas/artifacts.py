"""Our artifact types and their properties; what lies inside each: schemas.contents. Imports tfx: for components alone.

Beside them the chain uses TFX's own: Examples, ExampleStatistics, Schema, ExampleAnomalies, TransformGraph,
HyperParameters, TunerResults, Model, ModelRun, ModelEvaluation, ModelBlessing, PushedModel.

A type's name is "seqrank." and its class: Kubeflow's compiler takes one dot and no more, and a step finds the class
by it.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact


def _whole(name: str) -> property:
    """A whole number that travels with an artifact; 0 where it was never set.

    A custom property: Kubeflow's compiler takes no declared one of a type that isn't TFX's own.
    """

    def get(artifact: Artifact) -> int:
        return artifact.get_int_custom_property(name)

    def put(artifact: Artifact, value: int) -> None:
        artifact.set_int_custom_property(name, int(value))

    return property(get, put)


class RejectedRows(Artifact):
    """Rows of the input that can't be used, and how many.

    rows-*.parquet   columns of schemas.records.REJECTED
    rejected.csv     the same, for a spreadsheet
    counts.json      schemas.records.ReadCounts
    """

    TYPE_NAME = "seqrank.RejectedRows"
    read, rejected = _whole("read"), _whole("rejected")


class Recommendations(Artifact):
    """The first k items of every user of the log, from the published model.

    recommendations-*.parquet   columns of schemas.records.RECOMMENDATIONS

    The property `model` has the version's address; "": none was published, and there are no files.
    """

    TYPE_NAME = "seqrank.Recommendations"
    users, k = _whole("users"), _whole("k")


class DataReport(Artifact):
    """What DataGate saw and let pass: data.json (schemas.records.DataSummary).

    Of TableGate: table.json (TableSummary).
    """

    TYPE_NAME = "seqrank.DataReport"


class ItemCounts(Artifact):
    """How often each item was seen in the training split: item_counts.parquet (item_id, count), most frequent first.

    Equal counts stand in order of the item id's bytes. Items that training never saw are not in it. The two knobs of
    SequenceGen that later stages must agree on travel with it: the window's length, and whether items of the past
    are candidates (mask_seen, 0 or 1).
    """

    TYPE_NAME = "seqrank.ItemCounts"
    items, interactions = _whole("items"), _whole("interactions")
    window, mask_seen = _whole("window"), _whole("mask_seen")


class SequenceReport(Artifact):
    """What SequenceGen did: sequences.json (schemas.records.SequenceCounts)."""

    TYPE_NAME = "seqrank.SequenceReport"
