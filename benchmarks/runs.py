"""Runs of the chain that benchmarks start, each `seqrank run` in a process of its own."""

from __future__ import annotations

import pathlib
import subprocess
import sys

NOT_BLESSED = 3  # seqrank's exit status: what the run made counts for a benchmark all the same


def run_chain(output: pathlib.Path, *arguments: str | pathlib.Path) -> None:
    """Runs the chain, blessed or not.

    Args:
        output: the output root.
        arguments: more of `seqrank run`'s.
    Raises: SystemExit: it failed.
    """
    command = [sys.executable, "-m", "pipeline.cli", "run", "--output", output, *arguments]
    status = subprocess.run(command, check=False).returncode
    if status not in (0, NOT_BLESSED):
        raise SystemExit(status)


def prepare(root: pathlib.Path, config: pathlib.Path, *settings: str) -> None:
    """Runs the chain where there are no sequences yet, with what is set over the configuration.

    Raises: SystemExit: it failed.
    """
    if not (root / "artifacts" / "Transform").exists():
        run_chain(root, "--config", config, *(word for setting in settings for word in ("--set", setting)))
