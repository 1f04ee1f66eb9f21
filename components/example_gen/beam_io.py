"""The Beam part: one element a file in, tables out, never an element a row."""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from components.example_gen import files, inputs, outputs
from components.example_gen.check import check, now, usable_schema
from components.example_gen.parquet_sink import ParquetSink
from schemas.errors import DataError
from schemas.forgotten import Forgotten
from schemas.pseudonyms import Pseudonyms
from schemas.records import REJECTED, ReadFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from components.example_gen.options import Options
    from schemas.records import ReadCounts

USABLE, REJECTS, SEEN = "usable", "rejects", "seen"
# What an engine's page shows; an attempt that is repeated counts anew there, never in the stage's own report.
_USABLE_ROWS = Metrics.counter("seqrank", "usable_rows")
_REJECTED_ROWS = Metrics.counter("seqrank", "rejected_rows")


class ReadFiles(beam.DoFn):
    """InputFile -> tables of usable rows; tagged REJECTS: tables; tagged SEEN: one JSON line a file.

    Memory is bounded by a block of text or a batch of Parquet. A file that breaks off doesn't fail the element, since
    an engine would only try it again, but leaves its error in SEEN, for `counts` to raise.
    """

    def __init__(self, options: Options, forgotten: Forgotten | None) -> None:
        self._options, self._forgotten = options, forgotten
        self._moment = now()  # one for all files, whenever a worker comes to them
        self._pseudonyms: Pseudonyms | None = None

    def setup(self) -> None:
        """Each worker reads the key itself: it never travels."""
        told = self._options.pseudonyms
        self._pseudonyms = Pseudonyms.load(told) if told else None

    def process(self, file: inputs.InputFile) -> Iterator[Any]:
        """Reads one file."""
        reasons: collections.Counter[str] = collections.Counter()
        used, gone, sha256, error = 0, 0, "", None
        try:
            for batch in files.batches(file.name, self._options):
                usable, rejected = check(
                    batch, file.name, self._options, self._moment, file.span, self._pseudonyms, self._forgotten
                )
                used += usable.num_rows
                gone += batch.rows - usable.num_rows - rejected.num_rows
                _USABLE_ROWS.inc(usable.num_rows)
                _REJECTED_ROWS.inc(rejected.num_rows)
                if usable.num_rows:
                    yield usable
                if rejected.num_rows:
                    counted = rejected.column("reason").value_counts()
                    reasons.update({c["values"]: c["counts"] for c in counted.to_pylist()})
                    yield beam.pvalue.TaggedOutput(REJECTS, rejected)
            sha256 = inputs.digest(file.name)
        except DataError as failure:
            error = [failure.what, failure.where, failure.why, failure.next_step]
        seen = {"name": file.name, "size": file.size, "sha256": sha256, "span": file.span}
        seen |= {"used": used, "forgotten": gone, "reasons": reasons, "error": error}
        yield beam.pvalue.TaggedOutput(SEEN, json.dumps(seen))


def read(
    pipeline: beam.Pipeline,
    found: Sequence[inputs.InputFile],
    options: Options,
    examples: str,
    rejected: str,
    seen: str,
    forgotten: Forgotten | None = None,
) -> None:
    """Adds the whole of reading and writing to a pipeline.

    Args:
        forgotten: users who are left out: one list for all workers, whenever they come to it. None: nobody.
        examples, rejected: prefixes of Parquet files, of usable and of rejected rows.
        seen: path of a text file, one line for each input file.
    """
    tables = (
        pipeline
        | "Files" >> beam.Create(list(found))
        | "Read" >> beam.ParDo(ReadFiles(options, forgotten)).with_outputs(REJECTS, SEEN, main=USABLE)
    )
    schema = usable_schema(options.columns, by_span=options.spans is not None)
    _ = tables[USABLE] | "WriteUsable" >> beam.io.Write(ParquetSink(examples, schema))
    _ = tables[REJECTS] | "WriteRejects" >> beam.io.Write(ParquetSink(rejected, REJECTED, options.encryption))
    _ = tables[SEEN] | "WriteSeen" >> beam.io.WriteToText(seen, num_shards=1, shard_name_template="")


def counts(lines: Sequence[str]) -> ReadCounts:
    """Adds up what ReadFiles left for each file.

    Raises: DataError: a file broke off.
    """
    seen = sorted((json.loads(line) for line in lines if line), key=lambda file: file["name"])
    for file in seen:
        if file["error"]:
            what, where, why, next_step = file["error"]
            raise DataError(what, where=where, why=why, next_step=next_step)
    reasons: collections.Counter[str] = collections.Counter()
    for file in seen:
        reasons.update(file["reasons"])
    files_read = []
    for file in seen:
        aside = sum(file["reasons"].values())
        told = {name: file[name] for name in ("name", "size", "sha256", "span", "forgotten")}
        files_read.append(ReadFile(**told, read=file["used"] + aside + file["forgotten"], rejected=aside))
    return outputs.total(files_read, reasons)
