"""The command of every step on Kubeflow: python -m pipeline.runners.kubeflow.entrypoint

Takes the arguments that TFX's compiler writes for TFX's own entry point, which can't read what an open-source server
says (tensorflow/tfx#7768), and stands in for it: `step.py` makes the launcher's words fit, TFX's runner calls the
stage's executor on local files, and the output file is written with the addresses that the launcher expects. What a
local run resolves before a stage, a step resolves here, by the same functions: the latest published model.

A failure ends the process with status 1, and what a person can act on is the last that the step writes.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, Final

from pipeline.runners.beam.options import BeamOptions
from pipeline.runners.kubeflow import step as steps

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE: Final = "pipeline.runners.kubeflow.entrypoint"
BASELINE: Final = "--baseline-from"  # publish target; of Evaluator's step
START: Final = "--start-from"  # publish target; of Trainer's step with a warm start
# Without a runner Beam fetches one from the network; the rest is what a local run says when it says nothing.
_BEAM: Final = BeamOptions().typed()


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one step; ends the process with status 1 where it fails."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # before anything imports TensorFlow
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # in order with what libraries log
    try:
        run(sys.argv[1:] if argv is None else argv)
    except Exception as error:
        traceback.print_exc()
        sys.stderr.write(_worded(error) + "\n")
        sys.stderr.flush()
        os._exit(1)  # nothing may log after that line


def run(argv: Sequence[str]) -> None:
    """Reads the launcher's words, runs the executor, and writes what came of it."""
    arguments, beam = _parse(argv)
    beam = beam or list(_BEAM)
    invocation, spec = arguments.json_serialized_invocation_args, arguments.json_serialized_inputs_spec_args
    with tempfile.TemporaryDirectory() as folder:
        task = pathlib.Path(invocation["outputs"]["outputFile"]).parent.name  # TFX takes a unique id from it
        scratch = pathlib.Path(folder, task or "task", "output.json")
        step = steps.read(invocation, spec, scratch)
        _look_up(step, arguments, pathlib.Path(folder))
        _execute(arguments.executor_class_path, step, spec, beam)
        output = steps.written(json.loads(scratch.read_text(encoding="utf-8")), step.remote)
    steps.mark_empty(step.remote)
    step.output_file.parent.mkdir(parents=True, exist_ok=True)
    step.output_file.write_text(json.dumps(output), encoding="utf-8")


def _parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(allow_abbrev=False, description=__doc__)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", type=json.loads, required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", type=json.loads, default={})
    parser.add_argument(BASELINE, default="", dest="baseline")
    parser.add_argument(START, default="", dest="start")
    return parser.parse_known_args(argv)


def _look_up(step: steps.Step, arguments: argparse.Namespace, folder: pathlib.Path) -> None:
    """What a local run's resolvers find, as inputs of the step."""
    if arguments.baseline or arguments.start:
        from pipeline.runners.kubeflow import published

        if arguments.baseline:
            published.add_baseline(step, arguments.baseline, folder)
        if arguments.start:
            published.add_start(step, arguments.start, folder)


def _execute(executor: str, step: steps.Step, spec: steps.Json, beam: list[str]) -> None:
    """Calls TFX's own runner of executors (tfx 1.16 and 1.21 have the same)."""
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    sys.argv = sys.argv[:1]  # Beam's executors look for absl's flags there
    kubeflow_v2_run_executor._run_executor(
        argparse.Namespace(
            executor_class_path=executor,
            json_serialized_invocation_args=json.dumps(step.invocation),
            json_serialized_inputs_spec_args=json.dumps(spec),
        ),
        beam,
    )


def _worded(error: Exception) -> str:
    """What a stage worded, else the last line of an error that nobody foresaw: Beam's hold whole tracebacks."""
    from pipeline.runners import failure

    known = failure.plain(error)
    if known:
        return str(known)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        return lines[-1]
    return ": ".join([type(error).__name__, *([" ".join(lines)] if lines else [])])


if __name__ == "__main__":
    main()
