"""The stages of a side table, of items or of users: read, described, held against its schema and against the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tfx.components import ExampleValidator, StatisticsGen

from components.curated_schema.component import CuratedSchema
from components.data_gate.table_component import TableGate
from components.example_gen.table_component import TableExampleGen
from pipeline.code_version import schema_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfx.dsl.components.base.base_component import BaseComponent
    from tfx.types import BaseChannel

    from components.data_gate.options import Options as DataGateOptions
    from components.example_gen.table_options import TableOptions

_NAMES: Final = {"items": "Item", "users": "User"}  # what the stages' ids begin with


class Table(NamedTuple):
    """stages: in the order of the data; none without a table. examples: its rows; None without one."""

    stages: tuple[BaseComponent, ...]
    examples: BaseChannel | None


def table(
    options: TableOptions | None,
    interactions: BaseChannel,
    *,
    fingerprint: str,
    gate: DataGateOptions,
    code: Mapping[str, str],
) -> Table:
    """Wires the stages of one table, if there is one.

    Args:
        options: of the table; None: there is none.
        interactions: InteractionExampleGen's examples.
        fingerprint: of the table's files.
        gate: what is refused.
        code: version of each stage's code.
    """
    if options is None:
        return Table((), None)
    name, schema_file = _NAMES[options.kind], f"{options.kind}.pbtxt"
    # Files -> usable rows, in columns, and the rows that can't be used.
    rows = TableExampleGen(options=options, fingerprint=fingerprint, code_version=code["table_gen"]).with_id(
        f"{name}ExampleGen"
    )
    # What rows must look like.
    schema = CuratedSchema(
        schema_file=schema_file,
        optional=options.columns.schema_features(),
        digest=schema_digest(schema_file),
        code_version=code["curated_schema"],
    ).with_id(f"{name}Schema")
    # Statistics of each column, and where they contradict the schema (TFX's own).
    statistics = StatisticsGen(examples=rows.outputs["examples"], schema=schema.outputs["schema"]).with_id(
        f"{name}StatisticsGen"
    )
    anomalies = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]).with_id(
        f"{name}ExampleValidator"
    )
    # Refuses a table that isn't the log's.
    checked = TableGate(
        kind=options.kind,
        table=rows.outputs["examples"],
        anomalies=anomalies.outputs["anomalies"],
        rejected=rows.outputs["rejected"],
        examples=interactions,
        options=gate,
        code_version=code["table_gate"],
    ).with_id(f"{name}Gate")
    return Table((rows, schema, statistics, anomalies, checked), rows.outputs["examples"])
