"""From a log to a configuration that runs: looks, measures, decides, and checks what it wrote."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import ValidationError

from components.data_gate.options import Options as DataGateOptions
from components.example_gen import check, files, inputs, table_options
from components.example_gen.options import Options as ExampleGenOptions
from components.example_gen.table_check import TableCheck
from pipeline import config
from pipeline.describe import flow
from pipeline.guess import document, figures, knobs, log, survey, tables
from pipeline.guess.document import Knob
from pipeline.guess.roles import SURE
from schemas.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Mapping, Sequence

    from components.example_gen.inputs import InputFile
    from pipeline.guess.figures import Figures
    from pipeline.guess.log import Log
    from pipeline.guess.roles import Role
    from pipeline.guess.survey import Reject, Survey
    from pipeline.guess.tables import Table

_COLUMNS: Final = ("example_gen", "columns")


@dataclasses.dataclass(frozen=True)
class Draft:
    """A configuration, and what it rests on.

    Args:
        text: of the YAML file.
        log, survey, figures, tables: what was seen.
        unsure: sentences, each with what to set where the guess is wrong.
    """

    text: str
    log: Log
    survey: Survey
    figures: Figures
    tables: tuple[Table, ...]
    unsure: tuple[str, ...]


def find(data: Sequence[str]) -> list[InputFile]:
    """The log's files. Raises: DataError: a pattern matches nothing, or a file is empty."""
    return inputs.find(ExampleGenOptions(data=tuple(data)))


def parse_settings(settings: Sequence[str]) -> list[Knob]:
    """What `--set KEY=VALUE` says. Raises: ConfigError: it says nothing so."""
    told = []
    for setting in settings:
        key, equals, value = setting.partition("=")
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not equals or not all(key.strip().split(".")):
            raise ConfigError(f"'{setting}' sets nothing.", where="--set", next_step="write it as key.sub=value.")
        told.append(Knob(tuple(key.strip().split(".")), parsed, "set by you"))
    return told


def told_roles(told: Sequence[Knob]) -> dict[Role, str | None]:
    """Roles of the log's columns that settings name."""
    return {knob.path[2]: knob.value for knob in told if knob.path[:2] == _COLUMNS and len(knob.path) == 3}  # type: ignore[misc]


def make(
    name: str, data: Sequence[str], found: Sequence[InputFile], seen: Log, side: Mapping[str, str], told: Sequence[Knob]
) -> Draft:
    """Reads the log and decides.

    Args:
        name: of the pipeline.
        data: files or globs, as they are to stand in the configuration.
        found: the files behind them.
        seen: the first of them, with user, item and time among its roles.
        side: file by kind of table: items, users.
        told: what the user set by hand; it wins.
    Raises:
        DataError: a file can't be read, no row can be used, or nothing tells users or sessions.
        ConfigError: what was told can't be.
    """
    log.check_time(seen)
    reading = list(log.reading(data, seen))
    event = seen.roles.column("event")
    options = _options(reading, told)
    files.validate(found, options)
    counted = survey.survey(found, options, event)
    if counted.events.height == 0:
        raise _nothing_usable(counted)
    has_user = seen.roles.column("user") is not None
    measured = figures.measure(counted, streams=not has_user)
    if not has_user and measured.session is None and "user" not in told_roles(told):
        raise _no_user(seen)
    unsure = [*_unsure_roles(seen), *_unsure_rows(counted), *_unsure_events(seen, counted)]
    unsure += knobs.unsure(measured, has_user=has_user, has_order=seen.roles.column("order") is not None)
    looked = [_table(kind, file, counted) for kind, file in side.items()]
    weights = [log.event_weights(counted.words)[0]] if event else []
    decided = [
        Knob(("run", "name"), name),
        *reading,
        *weights,
        *(knob for table in looked for knob in table.knobs),
        *knobs.sequences(measured, has_user=has_user),
        *knobs.training(measured, has_user=has_user),
        *(knobs.cold_items(measured) if "items" in side else ()),
    ]
    decided = [knob for knob in decided if not any(knob.path == other.path[: len(knob.path)] for other in told)]
    text = document.write(_title(counted, found), [*decided, *told])
    for table in looked:
        unsure += [*table.unsure, *_unsure_table(table, told)]
    return Draft(text, seen, counted, measured, tuple(looked), tuple(unsure))


def save(draft: Draft, path: pathlib.Path) -> None:
    """Writes the configuration, all of it or nothing, after a run's own loader and reader have taken it.

    Raises: ConfigError, DataError: they have not.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(draft.text, encoding="utf-8")
        loaded = config.load(part).example_gen
        found = inputs.find(loaded)
        files.validate(found, loaded)
        first = next(files.batches(found[0].name, loaded))
        usable, aside = check.check(first, found[0].name, loaded)
        if first.table.num_rows and not usable.num_rows:
            raise DataError("no row can be used.", where=found[0].name, why=aside.column("reason")[0].as_py())
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"The file can't be written: {error.strerror}.", where=str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def _options(reading: Sequence[Knob], told: Sequence[Knob]) -> ExampleGenOptions:
    """How to read the log, but for its events, whose words aren't known yet.

    Raises: ConfigError: what was told can't be.
    """
    section: dict[str, Any] = document.values([*reading, *told])["example_gen"]
    section = {key: value for key, value in section.items() if key != "event_weights"}
    section["columns"] = {role: column for role, column in section["columns"].items() if role != "event"}
    others = [knob for knob in told if knob.path[0] not in ("example_gen", "items", "users")]
    overrides = [f"{'.'.join(knob.path)}={flow(knob.value)}" for knob in others]
    return config.load(overrides=[f"example_gen={flow(section)}", *overrides]).example_gen


def _table(kind: str, file: str, counted: Survey) -> Table:
    frame, column = (counted.item_events, survey.ITEM) if kind == "items" else (counted.events, survey.USER)
    return tables.look(kind, file, frame[column].unique().to_numpy(), survey.hashes)  # type: ignore[arg-type]


def _title(counted: Survey, found: Sequence[InputFile]) -> list[str]:
    what = found[0].name if len(found) == 1 else f"{len(found)} files"
    rows = f"{'all' if counted.complete else 'the first'} {counted.read:,} rows"
    return [
        f"Written by `seqrank init`, which read {rows} of {' '.join(what.split())}.",
        "Only what differs from the defaults; `seqrank config --describe` prints everything that can be set.",
    ]


def _nothing_usable(counted: Survey) -> DataError:
    shown = [
        f"{reject.file}:{reject.line}: {reject.reason} ({reject.rows:,} rows like it)" for reject in counted.rejects
    ]
    return DataError(
        "no row can be used.",
        where=counted.rejects[0].file if counted.rejects else "",
        why="\n".join(shown[:5]),
        next_step="say which columns are meant: --set example_gen.columns.item=COLUMN, likewise user and timestamp.",
    )


def _no_user(seen: Log) -> DataError:
    return DataError(
        "no column looks like the user, and the pauses between events show no sessions.",
        where=seen.file,
        why=f"the columns are {', '.join(map(repr, seen.columns))}.",
        next_step="--set example_gen.columns.user=COLUMN, or =null where each file is one stream of events.",
    )


def _unsure_roles(seen: Log) -> Iterator[str]:
    for guess in seen.roles.guesses:
        if guess.role != "none" and guess.confidence < SURE:
            yield f"'{guess.column}' as {guess.role}: {guess.why}. If that's wrong: example_gen.columns.{guess.role}"


def _unsure_rows(counted: Survey) -> Iterator[str]:
    limit = DataGateOptions().max_rejected
    share = counted.rejected / max(1, counted.read)
    if share > limit:
        yield (
            f"{share:.2%} of the rows can't be used, and a run refuses more than {limit:.2%}: see the reasons above. "
            "To let them go: data_gate.max_rejected"
        )
    if not counted.complete:
        yield f"Only the first {counted.read:,} rows were looked at."


def _unsure_table(table: Table, told: Sequence[Knob]) -> Iterator[str]:
    """Reads the table as a run does. Raises: DataError, ConfigError: it can't be, with what was told."""
    try:
        options = table_options.parse(table.kind, json.dumps(document.values([*table.knobs, *told])[table.kind]))
    except ValidationError as error:
        raise ConfigError(f"the section {table.kind} can't be so.", where="--set", why=str(error)) from error
    rejects: dict[str, Reject] = {}
    found, sort_out = inputs.find(options), TableCheck(options)
    files.validate(found, options)
    for file in found:
        for batch in files.batches(file.name, options):
            survey.count_rejects(sort_out(batch, file.name)[1], rejects)
    for reject in rejects.values():
        yield f"{table.kind}: {reject.file}:{reject.line}: {reject.reason} ({reject.rows:,} rows like it are set aside)"


def _unsure_events(seen: Log, counted: Survey) -> Iterator[str]:
    if seen.roles.column("event") is None:
        return
    _, unknown = log.event_weights(counted.words)
    if missing := counted.words.get(""):
        yield f"{missing:,} rows say no event, and are set aside."
    if unknown:
        words = ", ".join(f"'{word}'" for word in unknown[:8])
        yield f"What the events {words} mean; each counts 1: example_gen.event_weights"
