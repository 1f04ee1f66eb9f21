"""The typed configuration: `run`, then one field a stage, in the order data passes.

A stage's knobs are defined and documented by that stage's own `options.py`, and nowhere else. This module puts them
together, reads a YAML file and overrides into them, and words what is wrong with file, line and near matches.
"""

from __future__ import annotations

import dataclasses
import difflib
import pathlib
import typing
from typing import TYPE_CHECKING, Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.data_gate.options import Options as DataGateOptions
from components.evaluator.options import Options as EvaluatorOptions
from components.example_gen.options import Options as ExampleGenOptions
from components.pusher.options import Options as PusherOptions
from components.sequence_gen.options import Options as SequenceGenOptions
from components.trainer.options import Options as TrainerOptions
from components.transform.options import Options as TransformOptions
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_PROBLEMS: Final = 10  # worded in one error; the rest is counted
_OVERRIDE: Final = "--set"

Path = tuple[str, ...]


class BeamOptions(BaseModel):
    """How Beam runs the stages that move data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runner: Annotated[
        str,
        Field(description="Beam's runner. FnApiRunner runs in this process; named always, since Beam would else fetch one"),
    ] = "FnApiRunner"
    args: Annotated[
        tuple[str, ...],
        Field(description="further arguments for Beam, such as --direct_num_workers=4, as Beam spells them"),
    ] = ()

    def arguments(self) -> list[str]:
        """Beam's command line. Without sdk_container_image TFX would build a package of itself in each stage."""
        return [f"--runner={self.runner}", "--sdk_container_image=unused", *self.args]


class KeepOptions(BaseModel):
    """What `seqrank gc` leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: Annotated[int, Field(description="newest runs whose summary, log and artifacts stay", ge=1)] = 10
    models: Annotated[int, Field(description="newest published versions that stay", ge=2)] = 5
    checkpoint_days: Annotated[
        float, Field(description="days after which the checkpoint of a training that never ended goes", ge=0)
    ] = 7.0


class RunOptions(BaseModel):
    """What belongs to the run as a whole, not to a stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        Field(description="the pipeline's and the published model's name", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"),
    ] = "movielens"
    output_root: Annotated[
        pathlib.Path, Field(description="folder of metadata, artifacts, models, logs and summaries; one run at a time")
    ] = pathlib.Path("runs")
    cache: Annotated[bool, Field(description="take a stage from an earlier run where nothing it depends on changed")] = True
    beam: Annotated[BeamOptions, Field(description="how Beam runs the stages that move data")] = BeamOptions()
    keep: Annotated[KeepOptions, Field(description="what `seqrank gc` leaves")] = KeepOptions()


class Config(BaseModel):
    """Everything that a run can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Annotated[RunOptions, Field(description="the run as a whole")] = RunOptions()
    example_gen: Annotated[ExampleGenOptions, Field(description="reading interaction logs")]
    data_gate: Annotated[DataGateOptions, Field(description="what data may train a model")] = DataGateOptions()
    sequence_gen: Annotated[SequenceGenOptions, Field(description="sequences and splits")] = SequenceGenOptions()
    transform: Annotated[TransformOptions, Field(description="vocabulary and features")] = TransformOptions()
    trainer: Annotated[TrainerOptions, Field(description="the model and its training")] = TrainerOptions()
    evaluator: Annotated[EvaluatorOptions, Field(description="metrics and the blessing")] = EvaluatorOptions()
    pusher: Annotated[PusherOptions, Field(description="publishing")] = PusherOptions()


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A configuration, and where each value that isn't a default came from.

    Args:
        config: the resolved configuration.
        where: by path of keys, such as ("trainer", "epochs"): "file:line" or "--set trainer.epochs".
    """

    config: Config
    where: dict[Path, str]


def load(path: str | pathlib.Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Reads a configuration.

    Args:
        path: a YAML file; None: the defaults alone.
        overrides: "key.sub=value" each, the value in YAML; a later one wins, and any wins over the file.
    Returns: the resolved configuration.
    Raises: ConfigError: no such file, no YAML, an unknown key, an impossible value; all of them in one error.
    """
    return load_with_sources(path, overrides).config


def load_with_sources(path: str | pathlib.Path | None = None, overrides: Sequence[str] = ()) -> Loaded:
    """Like `load`, with where each value came from."""
    values: dict[str, Any] = {}
    where: dict[Path, str] = {}
    problems: list[str] = []
    if path is not None:
        values, where, problems = _read(pathlib.Path(path))
    for override in overrides:
        problems += _apply(override, values, where)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        problems += [_word(problem, values, where, path) for problem in error.errors(include_url=False)]
    if problems:
        raise _config_error(problems)
    return Loaded(config, where)


def _config_error(problems: list[str]) -> ConfigError:
    shown = problems[:_MOST_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"… and {len(problems) - len(shown)} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return ConfigError(
        f"The configuration has {count}.",
        why="\n".join(shown),
        next_step="`seqrank config --describe` prints every key, what it means and its default.",
    )


def _read(path: pathlib.Path) -> tuple[dict[str, Any], dict[Path, str], list[str]]:
    """Values of a YAML file, where each key stands, and keys that stand twice."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(
            f"The configuration can't be read: {error.strerror}.", where=str(path), next_step="Name another with --config."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError("The configuration is not YAML.", where=where, why=str(error)) from error
    if values is None:
        return {}, {}, []
    if not isinstance(values, dict):
        raise ConfigError("The configuration is not a mapping of keys to values.", where=f"{path}:1")
    where: dict[Path, str] = {}
    twice = []
    for keys, line in _lines(root):
        if keys in where:
            twice.append(f"{path}:{line}: {'.'.join(keys)} stands twice, first at {where[keys]}")
        where[keys] = f"{path}:{line}"
    return {key: {} if value is None else value for key, value in values.items()}, where, twice


def _lines(node: yaml.Node, prefix: Path = ()) -> Iterator[tuple[Path, int]]:
    """Each key of a YAML tree with its line, counted from 1."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*prefix, str(key.value)), key.start_mark.line + 1
            yield from _lines(value, (*prefix, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield (*prefix, str(i)), value.start_mark.line + 1
            yield from _lines(value, (*prefix, str(i)))


def _apply(override: str, values: dict[str, Any], where: dict[Path, str]) -> list[str]:
    """Puts one "key.sub=value" into `values`, in place; returns what is wrong with it."""
    name, equals, text = override.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or not all(keys):
        return [f"{_OVERRIDE} {override}: write it as key.sub=value"]
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return [f"{_OVERRIDE} {override}: the value is not YAML"]
    for key in keys[:-1]:
        below = values.get(key)
        values[key] = dict(below) if isinstance(below, dict) else {}
        values = values[key]
    values[keys[-1]] = value
    for key in [known for known in where if known[: len(keys)] == keys]:
        del where[key]
    where[keys] = f"{_OVERRIDE} {name.strip()}"
    return []


def _word(problem: Any, values: dict[str, Any], where: dict[Path, str], path: object) -> str:
    """One line on one of pydantic's findings: where, key, what, near matches."""
    keys = _keys(problem, values)
    place = next((where[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in where), str(path or "defaults"))
    name = ".".join(keys) or "the configuration"
    if problem["type"] == "extra_forbidden":
        near = _near(keys)
        return f"{place}: {name}: unknown key" + (f"; did you mean {' or '.join(near)}?" if near else "")
    if problem["type"] == "missing":
        return f"{place}: {name}: must be given"
    what = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = f", not {given!r}" if isinstance(given, (str, int, float, bool)) else ""
    return f"{place}: {name}: {what[:1].lower()}{what[1:]}{shown}"


def _keys(problem: Any, values: Any) -> Path:
    """pydantic's place without the tags that it adds for unions, which are no keys of the file."""
    keys: list[str] = []
    last = len(problem["loc"]) - 1
    for i, part in enumerate(problem["loc"]):
        inside = isinstance(values, dict) and part in values
        inside = inside or (isinstance(values, (list, tuple)) and isinstance(part, int) and part < len(values))
        if inside or (i == last and problem["type"] == "missing"):
            keys.append(str(part))
            values = values[part] if inside else None
    return tuple(keys)


def _near(keys: Path) -> list[str]:
    """Known keys that look like the last of `keys`: beside it if there are, else anywhere."""
    beside = {".".join((*keys[:-1], name)) for model in _models_at(keys[:-1]) for name in model.model_fields}
    close = difflib.get_close_matches(".".join(keys), beside, n=2, cutoff=0.8)
    close = [name for name in close if difflib.SequenceMatcher(None, name.split(".")[-1], keys[-1]).ratio() > 0.6]
    return close or [".".join(known) for known in _known(Config) if known[-1] == keys[-1]][:2]


def _known(model: type[BaseModel], prefix: Path = ()) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        yield (*prefix, name)
        for below in _models(field.annotation):
            yield from _known(below, (*prefix, name))


def _models_at(keys: Path) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = [Config]
    for key in keys:
        fields = [model.model_fields[key] for model in models if key in model.model_fields]
        models = [below for field in fields for below in _models(field.annotation)]
    return models


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, through unions and containers."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)
