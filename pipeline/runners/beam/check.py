"""Beam's own word on the options, before anything runs: its parser, its runner, and what that runner reads.

Beam only warns of an option that it doesn't know, in a log, and passes over one that belongs to another runner.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pipeline.runners.beam.options import DATAFLOW, ENGINES, LOCAL, SETUP_FILE, BeamOptions, name_of
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY: Final = "run.beam"
_SERVERS: Final = ("FlinkRunner", "SparkRunner")  # they start a job server where none is named
# Classes of Beam's options that not every runner reads, with those that do.
_READ_BY: Final[dict[str, tuple[str, ...]]] = {
    "DirectOptions": (LOCAL,),
    "PortableOptions": ENGINES,
    "JobServerOptions": ("PrismRunner", *_SERVERS),
    "FlinkRunnerOptions": ("FlinkRunner", "PortableRunner"),  # a portable job server may be Flink's, or Spark's
    "SparkRunnerOptions": ("SparkRunner", "PortableRunner"),
    "PrismRunnerOptions": ("PrismRunner",),
    "GoogleCloudOptions": (DATAFLOW,),
    "WorkerOptions": (DATAFLOW,),
    "StreamingOptions": (),
    "TestOptions": (),
    "TestDataflowOptions": (),
}
# Of these classes, what each runner reads all the same: a worker's memory and patience, and access to gs://.
_EVERYWHERE: Final = (
    "--max_cache_memory_usage_mb", "--element_processing_timeout_minutes", "--default_sdk_harness_log_level",
    "--sdk_harness_log_level_overrides", "--sdk_container_image", "--project", "--temp_location", "--no_auth",
    "--impersonate_service_account", "--gcp_oauth_scope", "--gcp_oauth_scopes", "--gcs_custom_audit_entry",
    "--gcs_custom_audit_entries", "--label", "--labels",
)  # fmt: skip
# What a chain of stages can't bear: the next one begins where this one has ended.
_NEVER: Final = {
    "--streaming": "the stages are batches",
    "--no_wait_until_finish": "the next stage would begin before this one has ended",
    "--output_executable_path": "the stage would be written instead of run",
}
_TYPED: Final = {
    "--runner": "runner",
    "--job_endpoint": "job_endpoint",
    "--environment_type": "environment_type",
    "--environment_config": "environment_config",
    "--prism_location": "prism_location",
}
_REPEATED: Final = ("--experiments", "--experiment")  # Beam takes them all
_OWN_SERVER: Final = ("JobServerOptions", "PrismRunnerOptions")  # not read where the job server runs already


class _UnfitError(Exception):
    """What Beam's parser says of one argument."""


def check(options: BeamOptions, *, here: bool = True) -> None:
    """Refuses options that Beam doesn't know, can't parse, or that the runner would pass over.

    Args:
        options: of a resolved configuration.
        here: the run is on this machine, so that what the runner starts must be on it.
    Raises: ConfigError: each of them, by its place in run.beam.args; or the runner can't be had on this machine.
    """
    parser, owners = _parser()
    problems = [
        f"{_KEY}.args[{i}]: {argument}: {problem}"
        for i, argument in enumerate(options.args)
        if (problem := _problem(argument, options, parser, owners))
    ]
    problems += [f"{_KEY}: {argument}: {what}" for argument in options.typed() if (what := _parsed(argument, parser))]
    problems = problems or [f"{_KEY}: {problem}" for problem in _missing(options, here=here)]
    if problems:
        raise ConfigError(
            f"Beam can't run with {'an option' if len(problems) == 1 else f'{len(problems)} options'} of {_KEY}.",
            where=_KEY,
            why="\n".join(problems),
            next_step="`seqrank config --describe` prints run.beam's keys; args are Beam's own options, --name=value.",
        )


def _parser() -> tuple[argparse.ArgumentParser, dict[str, str]]:
    """Beam's parser with all its options, and the class that each belongs to."""
    from apache_beam.options import pipeline_options

    class Parser(pipeline_options._BeamArgumentParser):  # type: ignore[misc]
        def error(self, message: str) -> NoReturn:
            raise _UnfitError(message)

    parser = Parser(allow_abbrev=False, add_help=False)
    owners: dict[str, str] = {}
    for kind in {str(kind): kind for kind in pipeline_options.PipelineOptions.__subclasses__()}.values():
        before = set(parser._option_string_actions)
        kind._add_argparse_args(parser)
        owners |= dict.fromkeys(set(parser._option_string_actions) - before, kind.__name__)
    return parser, owners


def _problem(
    argument: str, options: BeamOptions, parser: argparse.ArgumentParser, owners: dict[str, str]
) -> str | None:
    name = name_of(argument)
    if not name.startswith("--"):
        return "write it as --name=value"
    if name not in owners:
        near = difflib.get_close_matches(name, owners, n=1)
        return "Beam has no such option" + (f" (did you mean {near[0]}?)" if near else "")
    if name in _TYPED:
        return f"set {_KEY}.{_TYPED[name]} instead"
    if name == "--setup_file" and options.ship_code:
        return f"{_KEY}.ship_code says it already"
    if name not in _REPEATED and any(name_of(said) == name for said in options.typed()):
        return f"{_KEY}.workers says it already"
    return _NEVER.get(name) or _parsed(argument, parser) or _unheeded(name, owners[name], options)


def _parsed(argument: str, parser: argparse.ArgumentParser) -> str | None:
    """What the parser has against one argument."""
    try:
        parser.parse_args([argument])
    except _UnfitError as error:
        return str(error).removeprefix(f"argument {name_of(argument)}: ")
    except (ValueError, AssertionError, argparse.ArgumentError) as error:  # raised inside Beam's own actions
        return f"{type(error).__name__}: {error}"
    return None


def _unheeded(name: str, owner: str, options: BeamOptions) -> str | None:
    readers = _READ_BY.get(owner)
    if readers is None or name in _EVERYWHERE:
        return None
    if options.runner not in readers:
        return f"{options.runner} doesn't read it" + (f"; it is for {', '.join(readers)}" if readers else "")
    if owner in _OWN_SERVER and options.job_endpoint:
        return f"the job server at {options.job_endpoint} runs already, and doesn't read it"
    return None


def _missing(options: BeamOptions, *, here: bool) -> Iterator[str]:
    """What the runner needs, and isn't there: by Beam's own validator, and by looking."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
    from apache_beam.runners.runner import create_runner

    try:
        runner: Any = create_runner(options.runner)
    except (ImportError, AttributeError, ValueError) as error:
        yield f"{options.runner} isn't installed: {error}"
        return
    yield from PipelineOptionsValidator(PipelineOptions(options.arguments()), runner).validate()
    if here:
        yield from _absent(options)


def _absent(options: BeamOptions) -> Iterator[str]:
    """What the runner would start, or send, and this machine hasn't."""
    path = options.prism_location
    if path and "://" not in path and not os.access(path, os.X_OK):
        yield f"prism_location: there is no program {path} (make setup-services builds .services/prism)"
    if options.runner in _SERVERS and not options.job_endpoint and not _uber_jar(options) and not shutil.which("java"):
        yield f"{options.runner} without a job_endpoint starts Beam's job server, which needs java; there is none"
    if options.ship_code and not SETUP_FILE.exists():
        yield f"ship_code: there is no {SETUP_FILE}; seqrank doesn't run from a checkout"


def _uber_jar(options: BeamOptions) -> bool:
    return any(name_of(argument).endswith("_submit_uber_jar") for argument in options.args)
