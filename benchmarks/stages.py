"""One measurement in a process of its own: a stage's executor on what the stages before it left, imports apart.

    python -m benchmarks.stages NAME FOLDER ROWS LIMIT

prints a line of JSON: seconds of work, peak memory of the process, what it held before the work began, and bytes: read
and written by the process, grouped by key (what an engine shuffles), and kept in the outputs.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks import bare_polars

BEAM: Final = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
WINDOW: Final = 50
ITEMS: Final = 50_000
ROWS_A_USER: Final = 100


class Place:
    """The folder of one size: the log, and each stage's outputs with their properties.

    Args:
        folder: of everything.
        rows: interactions of the log.
        limit: training sequences that Transform and Evaluator get, about.
        beam: Beam's arguments.
    Attributes:
        done: what each of Beam's pipelines ended with.
        outputs: folders of the stage's artifacts.
    """

    def __init__(self, folder: pathlib.Path, rows: int, limit: int, beam: Sequence[str] = BEAM) -> None:
        self.folder, self.rows, self.limit, self.beam = folder, rows, limit, list(beam)
        self.log, self.plain = folder / "log.csv", folder / "polars.parquet"
        self.done: list[Any] = []
        self.outputs: list[str] = []

    def pipeline(self) -> Any:
        """One of Beam's, whose end is kept in `done`."""
        import apache_beam

        done = self.done

        class Kept(apache_beam.Pipeline):
            def run(self, *arguments: Any, **named: Any) -> Any:
                done.append(super().run(*arguments, **named))
                return done[-1]

        return Kept(argv=self.beam)

    def new(self, kind: type, name: str) -> Any:
        """An empty artifact."""
        artifact = kind()
        artifact.uri = str(self.folder / name)
        shutil.rmtree(artifact.uri, ignore_errors=True)
        pathlib.Path(artifact.uri).mkdir(parents=True)
        return artifact

    def keep(self, name: str, artifact: Any) -> None:
        """Notes an artifact for the stages after."""
        (self.folder / f"{name}.json").write_text(json.dumps(artifact.to_json_dict()))

    def get(self, name: str) -> Any:
        """An artifact that an earlier process kept."""
        from tfx.types.artifact import Artifact

        return Artifact.from_json_dict(json.loads((self.folder / f"{name}.json").read_text()))

    def some(self, name: str, to: str) -> Any:
        """Sequences of about `limit` training windows: the first files of each split, users in order of their hash."""
        artifact = self.get(name)
        report = json.loads((self.folder / "report" / "sequences.json").read_text())
        files = max(1, self.limit * report["buckets"] // report["examples"]["train"])
        part = self.folder / to
        shutil.rmtree(part, ignore_errors=True)
        for split in pathlib.Path(artifact.uri).glob("Split-*"):
            (part / split.name).mkdir(parents=True)
            for file in sorted(split.iterdir())[:files]:
                (part / split.name / file.name).symlink_to(file)
        artifact.uri = str(part)
        return artifact


def _work(place: Place, component: Any, inputs: dict[str, Any]) -> Callable[[], None]:
    """The executor's call, with fresh outputs that are kept afterwards."""
    outputs = {name: place.new(channel.type, name) for name, channel in component.outputs.items()}
    place.outputs = [artifact.uri for artifact in outputs.values()]
    kind = component.executor_spec.executor_class
    beams = {"beam_pipeline_args": place.beam, "make_beam_pipeline_fn": place.pipeline}
    arguments = beams if hasattr(kind, "_make_beam_pipeline") else {}
    context = kind.Context(tmp_dir=str(place.folder / "tmp"), unique_id="1", **arguments)

    def work() -> None:
        lists = ({name: [artifact] for name, artifact in some.items()} for some in (inputs, outputs))
        kind(context).Do(*lists, dict(component.exec_properties))
        for name, artifact in outputs.items():
            place.keep(name, artifact)

    return work


def _channel(artifact: Any) -> Any:
    from tfx.types import channel_utils

    return channel_utils.as_channel([artifact])


def _example_gen(place: Place) -> Callable[[], None]:
    from components.example_gen.component import InteractionExampleGen
    from components.example_gen.options import Options

    options = Options(data=(str(place.log),))
    return _work(place, InteractionExampleGen(options=options, fingerprint="made", code_version=""), {})


def _schema(place: Place, file: str) -> Any:
    from google.protobuf import text_format
    from tfx.types import standard_artifacts

    from components.curated_schema.curate import curate

    artifact = place.new(standard_artifacts.Schema, file)
    pathlib.Path(artifact.uri, "schema.pbtxt").write_text(text_format.MessageToString(curate(file)))
    return artifact


def _statistics_gen(place: Place) -> Callable[[], None]:
    from tfx.components import StatisticsGen

    inputs = {"examples": place.get("examples"), "schema": _schema(place, "interactions.pbtxt")}
    channels = {name: _channel(artifact) for name, artifact in inputs.items()}
    return _work(place, StatisticsGen(**channels), inputs)


def _sequence_gen(place: Place) -> Callable[[], None]:
    from components.sequence_gen.component import SequenceGen
    from components.sequence_gen.options import Options

    examples = place.get("examples")
    component = SequenceGen(examples=_channel(examples), window=WINDOW, options=Options(), code_version="")
    return _work(place, component, {"examples": examples})


def _transform(place: Place) -> Callable[[], None]:
    from components.transform.component import transform
    from components.transform.options import Options

    inputs = {"examples": place.some("sequences", "some"), "schema": _schema(place, "sequences.pbtxt")}
    channels = {name: _channel(artifact) for name, artifact in inputs.items()}
    return _work(place, transform(**channels, users=False, options=Options(), code_version=""), inputs)


def _evaluator(place: Place) -> Callable[[], None]:
    from tfx.types import standard_artifacts

    from components.evaluator.component import Evaluator
    from components.evaluator.options import Options

    if (place.folder / "model.json").exists():
        model = place.get("model")
    else:
        model = place.new(standard_artifacts.Model, "model")
        export_tiny(place, f"{model.uri}/Format-Serving")
        place.keep("model", model)
    inputs = {
        "examples": place.some("sequences", "some"), "model": model, "item_counts": place.get("item_counts")
    }  # fmt: skip
    channels = {name: _channel(artifact) for name, artifact in inputs.items()}
    return _work(place, Evaluator(**channels, options=Options(), code_version=""), inputs)


def export_tiny(place: Place, path: str) -> None:
    """An untrained model: how well it ranks has no say in how long the ranking takes."""
    import tensorflow_transform as tft

    from ranker.export import export
    from ranker.job import Sources, read_catalogue
    from ranker.model import SequenceRanker
    from ranker.options import ModelOptions

    graph = tft.TFTransformOutput(place.get("transform_graph").uri)
    counts = f"{place.get('item_counts').uri}/item_counts.parquet"
    sources = Sources([], [], [], item_counts=counts, window=WINDOW, mask_seen=True)
    catalogue = read_catalogue(graph, sources, gaps=False)
    options = ModelOptions(embedding_dim=8, architecture={"name": "lstm", "units": 8})
    export(SequenceRanker(options, catalogue), graph.transform_features_layer(), graph.raw_feature_spec(), path)


def _synthesize(place: Place) -> Callable[[], None]:
    from pipeline.datasets.synthesize import synthesize

    users = max(10, place.rows // ROWS_A_USER)
    return lambda: synthesize(place.log, place.rows, users, ITEMS, repeats=True)


def _polars_read(place: Place) -> Callable[[], None]:
    return lambda: bare_polars.read(place.log, place.plain)


def _polars_sequences(place: Place) -> Callable[[], None]:
    folder = place.folder / "polars"
    shutil.rmtree(folder, ignore_errors=True)
    return lambda: bare_polars.sequences(place.plain, folder, WINDOW)


STAGES: Final[dict[str, Callable[[Place], Callable[[], None]]]] = {
    "synthesize": _synthesize,
    "polars_read": _polars_read,
    "InteractionExampleGen": _example_gen,
    "StatisticsGen": _statistics_gen,
    "polars_sequences": _polars_sequences,
    "SequenceGen": _sequence_gen,
    "Transform": _transform,
    "Evaluator": _evaluator,
}


def main(name: str, folder: str, rows: str, limit: str) -> None:
    """Prepares a stage, does its work once, and prints what that took."""
    place = Place(pathlib.Path(folder), int(rows), int(limit))
    work = STAGES[name](place)
    grouped = _count_grouped()
    before, moved = _peak(), _moved()
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    size = {key: value - moved[key] for key, value in _moved().items()}
    size |= {"shuffled": grouped[0], "kept": sum(map(_size, place.outputs))}
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": _peak(), "before_mb": before, "bytes": size}))


def _moved() -> dict[str, int]:
    """Bytes that this process has read and written so far, by system calls: files, and what it sent to itself."""
    told = dict(line.split(": ") for line in pathlib.Path("/proc/self/io").read_text().splitlines())
    return {"read": int(told["rchar"]), "written": int(told["wchar"])}


def _size(folder: str) -> int:
    return sum(file.stat().st_size for file in pathlib.Path(folder).rglob("*") if file.is_file())


def _count_grouped() -> list[int]:
    """Counts, from now on, what Beam groups by key in this process: encoded, and after what combining saves."""
    from apache_beam.runners.portability.fn_api_runner.execution import GroupingBuffer

    counted, append = [0], GroupingBuffer.append

    def counting(buffer: GroupingBuffer, data: bytes) -> None:
        counted[0] += len(data)
        append(buffer, data)

    GroupingBuffer.append = counting
    return counted


def _peak() -> int:
    """Most memory that this process has held, in MB of 10^6 bytes; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 1_000_000


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    main(*sys.argv[1:])
