"""The typed configuration: `run`, then one field a stage, in the order data passes.

A stage's knobs are defined and documented by that stage's own `options.py`, and nowhere else. This module puts them
together, and reads a YAML file and overrides into them; config_errors words what is wrong.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.batch_recommender.options import Options as BatchRecommenderOptions
from components.data_gate.options import Options as DataGateOptions
from components.evaluator.options import Options as EvaluatorOptions
from components.example_gen.options import Options as ExampleGenOptions
from components.example_gen.table_options import ItemTableOptions, UserTableOptions
from components.model_check.options import Options as ModelCheckOptions
from components.pusher.options import Options as PusherOptions
from components.sequence_gen.options import Options as SequenceGenOptions
from components.trainer.options import Options as TrainerOptions
from components.transform.options import Options as TransformOptions
from components.tuner import space
from components.tuner.options import Options as TunerOptions
from pipeline import config_errors
from pipeline.run_options import RunOptions
from pipeline.runners.kubeflow.options import KubeflowOptions
from schemas.errors import ConfigError
from serving.options import Options as ServingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_PROBLEMS: Final = 10  # worded in one error; the rest is counted
_OVERRIDE: Final = "--set"
_HARMLESS: Final = "model.loss.negatives.count"  # how many items are drawn, not which

Path = tuple[str, ...]


class Config(BaseModel):
    """Everything that a run can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Annotated[RunOptions, Field(description="the run as a whole")] = RunOptions()
    example_gen: Annotated[ExampleGenOptions, Field(description="reading interaction logs")]
    items: Annotated[
        ItemTableOptions | None, Field(description="what is known of the items, one row each; null: nothing")
    ] = None
    users: Annotated[
        UserTableOptions | None, Field(description="what is known of the users, one row each; null: nothing")
    ] = None
    data_gate: Annotated[DataGateOptions, Field(description="what data may train a model")] = DataGateOptions()
    sequence_gen: Annotated[SequenceGenOptions, Field(description="sequences and splits")] = SequenceGenOptions()
    transform: Annotated[TransformOptions, Field(description="vocabulary and features")] = TransformOptions()
    tuner: Annotated[TunerOptions | None, Field(description="a search for better knobs of the Trainer; null: none")] = (
        None
    )
    trainer: Annotated[TrainerOptions, Field(description="the model and its training")] = TrainerOptions()
    evaluator: Annotated[EvaluatorOptions, Field(description="metrics and the blessing")] = EvaluatorOptions()
    model_check: Annotated[
        ModelCheckOptions | None,
        Field(description="a server of the model is started and asked before the push; null: it isn't"),
    ] = None
    pusher: Annotated[PusherOptions, Field(description="publishing")] = PusherOptions()
    batch_recommender: Annotated[
        BatchRecommenderOptions | None,
        Field(description="the published model's first items for every user of the log, as Parquet; null: none"),
    ] = None
    serving: Annotated[ServingOptions, Field(description="answering requests, for seqrank serve")] = ServingOptions()
    kubeflow: Annotated[KubeflowOptions, Field(description="the cluster, for seqrank compile and submit")] = (
        KubeflowOptions()
    )

    @model_validator(mode="after")
    def _searchable(self) -> Config:
        """Refuses a search among knobs that the Trainer hasn't, before anything runs."""
        found = space.problems(self.tuner.space, self.trainer.job()) if self.tuner is not None else ()
        config_errors.refuse((("tuner", "space", problem.path), problem.what) for problem in found)
        return self

    @model_validator(mode="after")
    def _rated(self) -> Config:
        """Refuses a head that learns ratings from a log without them, before anything runs."""
        head = self.trainer.model.head
        if head.rated and self.example_gen.columns.rating is None:
            what = f"the head {head.name} needs ratings: name their column in example_gen.columns.rating"
            config_errors.refuse([(("trainer", "model", "head"), what)])
        return self

    @model_validator(mode="after")
    def _paused(self) -> Config:
        """Refuses bursts that end with pauses which Transform doesn't tell apart."""
        known = len(self.transform.gap_boundaries)
        if any(pause > known for pause in self.trainer.model.bursts):
            what = f"transform.gap_boundaries has {known} of them"
            config_errors.refuse([(("trainer", "model", "bursts"), what)])
        return self

    @model_validator(mode="after")
    def _given(self) -> Config:
        """Refuses lists that are longer than the exported model's answers."""
        if self.batch_recommender is not None and self.batch_recommender.k > self.trainer.recommendations:
            what = f"the exported model gives {self.trainer.recommendations} items (trainer.recommendations)"
            config_errors.refuse([(("batch_recommender", "k"), what)])
        return self

    @model_validator(mode="after")
    def _one_name(self) -> Config:
        """Refuses users who would be called otherwise in their own table than in the log."""
        if self.users is not None and self.users.pseudonyms != self.example_gen.pseudonyms:
            what = "must be as example_gen.pseudonyms: else nobody in the table is anybody in the log"
            config_errors.refuse([(("users", "pseudonyms"), what)])
        return self

    @model_validator(mode="after")
    def _judged(self) -> Config:
        """Refuses a metric that the model's head hasn't, and trials whose metrics would be of other pairs."""
        model = self.trainer.model
        try:
            self.evaluator.metric_of(model.head.name)
        except ValueError as error:
            config_errors.refuse([(("evaluator", "metric"), str(error))])
        if self.tuner is not None and model.head.name == "pointwise":
            what = "would judge trials by other pairs, for probabilities are of a label among items drawn like this"
            others = [path for path in self.tuner.space if path.startswith("model.loss") and path != _HARMLESS]
            config_errors.refuse((("tuner", "space", path), what) for path in others)
        return self


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
        problems += config_errors.word(error, Config, values, where, place=str(path or "the defaults"))
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
            f"The configuration can't be read: {error.strerror}.",
            where=str(path),
            next_step="Name another with --config.",
        ) from error
    except (yaml.YAMLError, ValueError) as error:  # also no UTF-8, or a date that no calendar has
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError("The configuration is not YAML.", where=place, why=str(error)) from error
    if root is None or values is None:
        return {}, {}, []
    if not isinstance(values, dict):
        raise ConfigError("The configuration is not a mapping of keys to values.", where=f"{path}:1")
    where: dict[Path, str] = {}
    twice = []
    for keys, line in _lines(root):
        if keys in where:
            twice.append(f"{path}:{line}: {'.'.join(keys)} stands twice, first at {where[keys]}")
        where[keys] = f"{path}:{line}"
    return {key: {} if value is None and not _optional(key) else value for key, value in values.items()}, where, twice


def _optional(key: str) -> bool:
    """Whether a section that says nothing means that there is none, instead of its defaults."""
    field = Config.model_fields.get(key)
    return field is not None and not field.is_required() and field.default is None


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
    for place in [known for known in where if known[: len(keys)] == keys]:
        del where[place]
    where.update({place: f"{_OVERRIDE} {name.strip()}" for place in (keys, *_within(value, keys))})
    return []


def _within(value: Any, prefix: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield (*prefix, str(key))
            yield from _within(below, (*prefix, str(key)))
