"""Runs the whole chain on this machine: LocalDagRunner, ML Metadata, one run at a time on an output root.

A killed run leaves nothing that the next one has to know of: the lock falls with its process, stages that ended are
taken from the cache, one that was under way runs again in new folders (training resumes from its checkpoint), and
`seqrank gc` removes what is left over.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import pathlib
import time
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import places
from pipeline.runners import failure, figures, lock
from pipeline.runners.terminal import StageLines, libraries_to
from schemas import encryption
from schemas.errors import SeqrankError
from schemas.forgotten import Forgotten
from schemas.runs import LOG_FILE, REPORT_FILE, SUMMARY_FILE, OutputRoot

if TYPE_CHECKING:
    from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

    from pipeline.config import Config
    from pipeline.runners.metadata import Execution
    from schemas.runs import Summary

_log = logging.getLogger(__name__)
_FINGERPRINTS = "fingerprints.json"


class UnexpectedError(SeqrankError):
    """Something that no stage foresaw; the run's log has the whole of it."""


def run(config: Config, console: Console | None = None) -> Summary:
    """Runs every stage, or takes it from the cache, and leaves a summary.

    Args:
        config: the resolved configuration.
        console: where a person reads along; standard output where None.
    Returns: what the run ended with, as in <output_root>/latest/summary.json.
    Raises: SeqrankError: what went wrong, where, why and what to do; BusyError where another run holds the root.
    """
    began = time.monotonic()
    console = console or Console()
    root = OutputRoot(config.run.output_root.absolute())
    places.check(config)
    with lock.held(root):
        run_id = _new_run(root)
        console.print(f"Run {run_id} in {root.path}", highlight=False, soft_wrap=True)
        try:
            stages = _run_stages(config, root, run_id, StageLines(console))
        except SeqrankError:
            _report_of_failed(root, run_id, console)
            raise

        from pipeline.runners import summaries  # knows the artifacts' types, and so needs TFX

        with libraries_to(root.run(run_id) / LOG_FILE):  # asked for its GPUs, TensorFlow has much to say
            summary = summaries.build(config, root, run_id, stages, wall_seconds=time.monotonic() - began)
            _close(root, summary)
            report = _report(root, run_id)
        if report:
            summary.paths["report"] = str(report)
            _save(root, summary)
    figures.show(summary, console)
    return summary


def _fingerprints(config: Config, root: OutputRoot) -> dict[str, str]:
    """Of the log and of each table, before TensorFlow and TFX are imported: a missing file is an error at once."""
    from components.example_gen import inputs
    from pipeline.datasets import movielens

    movielens.ensure_configured(config.example_gen.data)
    read = {"example_gen": config.example_gen, "items": config.items, "users": config.users}
    found = {
        name: inputs.marked(
            inputs.fingerprint(inputs.find(options), root.path / _FINGERPRINTS),
            options,
            Forgotten.load(options.forgotten),
        )
        for name, options in read.items()
        if options is not None
    }
    return found | {"pusher": encryption.id_of(config.pusher.encryption)}


def _new_run(root: OutputRoot) -> str:
    """Makes the run's folder, named by the time in UTC."""
    while True:
        run_id = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H%M%S")
        try:
            root.run(run_id).mkdir()
        except FileExistsError:
            time.sleep(0.1)
        else:
            return run_id


def _run_stages(config: Config, root: OutputRoot, run_id: str, lines: StageLines) -> dict[str, Execution]:
    """Runs the chain with all that libraries say in the run's log; returns the stages by their ids."""
    log = root.run(run_id) / LOG_FILE
    with libraries_to(log):
        try:
            # TFX imports it late, and it refuses where the standard library's distutils was imported before: seen
            # once, in the first run on a fresh machine.
            with contextlib.suppress(ImportError):
                import setuptools  # noqa: F401

            from pipeline import erasure
            from pipeline.runners import metadata, unpublished
            from pipeline.runners.beam.check import check

            config = erasure.completed(config, root)
            fingerprints = _fingerprints(config, root)
            check(config.run.beam)
            where = metadata.where(config.run.metadata, root)
            store = metadata.connect(where)
            metadata.claim(store, run_id)
            ours = root if config.run.metadata.shared else None
            metadata.fail_unfinished(store, ours)
            unpublished.forget(store, ours)
            _launch(config, root, run_id, fingerprints, where, lines)
            return _all_done(metadata.executions(store, run_id), log)
        except Exception as error:
            _log.exception("The run ended before its last stage.")
            raise _worded(error, lines.running, log) from error


def _launch(
    config: Config,
    root: OutputRoot,
    run_id: str,
    fingerprints: dict[str, str],
    where: ConnectionConfig,
    lines: StageLines,
) -> None:
    from tfx.dsl.compiler import compiler, constants
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.portable import runtime_parameter_utils

    from pipeline.pipeline import create_pipeline
    from pipeline.runners import metadata
    from ranker import slices

    slices.share_cores(config.trainer.batch_size)  # before the first stage has TensorFlow begin
    chain = create_pipeline(config, root, fingerprints=fingerprints, metadata=where)
    plan = compiler.Compiler().compile(chain)
    # The runner would name the run by its own clock: then nobody could say which executions are this run's.
    runtime_parameter_utils.substitute_runtime_parameter(plan, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    with lines.follow(), metadata.clients_for(where):
        LocalDagRunner().run_with_ir(plan)


def _all_done(stages: dict[str, Execution], log: pathlib.Path) -> dict[str, Execution]:
    """LocalDagRunner goes on, silently, past a stage whose inputs it could not resolve."""
    left = [stage.node for stage in stages.values() if not stage.done]
    if left or not stages:
        raise UnexpectedError("Not every stage ran.", where=", ".join(left), next_step=f"The whole of it is in {log}.")
    return stages


def _worded(error: Exception, stage: str | None, log: pathlib.Path) -> SeqrankError:
    """What a person reads: the error that a stage worded, else the last line of one that nobody foresaw."""
    known = failure.plain(error)
    if known:
        known.where = known.where or stage or ""
        return known
    last = (str(error).strip().splitlines() or [""])[-1].strip()
    return UnexpectedError(
        "Failed unexpectedly.",
        where=stage or "",
        why=last if last.startswith(type(error).__name__) else f"{type(error).__name__}: {last}",
        next_step=f"The whole of it is in {log}.",
    )


def _close(root: OutputRoot, summary: Summary) -> None:
    """Leaves the summary, and points `latest` to it at one stroke."""
    _save(root, summary)
    pointer = root.path / f".latest-{os.getpid()}"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(summary.run_id)
    pointer.replace(root.latest)


def _save(root: OutputRoot, summary: Summary) -> None:
    path = root.run(summary.run_id) / SUMMARY_FILE
    path.write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _report(root: OutputRoot, run_id: str) -> pathlib.Path | None:
    """Writes the page about a run; None where that fails, which is no reason for the run to fail."""
    try:
        from inspection.connection import sqlite_store
        from inspection.report import page
        from inspection.store import Store

        store = Store(sqlite_store(root.metadata))
        return page.write(store, store.run(run_id), root.run(run_id) / REPORT_FILE)
    except Exception:
        _log.warning("The report could not be written.", exc_info=True)
        return None


def _report_of_failed(root: OutputRoot, run_id: str, console: Console) -> None:
    """The page about a run as far as it came."""
    with libraries_to(root.run(run_id) / LOG_FILE):
        report = _report(root, run_id)
    if report:
        console.print(f"Report, as far as the run came: {report}", highlight=False, soft_wrap=True)
