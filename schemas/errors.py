"""Errors that a user can act on.

SeqrankError
├── ConfigError          the configuration can't be what it says (exit status 2)
├── DataError            an input file can't be read, or lacks what the configuration names
│   └── GateRefused      the data were read, and DataGate won't let anything train on them
├── ModelError           a model can't be trained, exported, loaded or called as asked
│   └── TrainingDiverged these knobs and these data lead nowhere; others might
├── PublishError         a model can't be put where serving would read it
├── StoreError           ML Metadata can't be read, or doesn't hold what was asked for
│   ├── NotInStoreError  it can be read, and there is no such run or artifact (or nothing yet)
│   └── StoreInUseError  somebody else holds it; later it can be read
├── ClusterError         Kubeflow can't be reached, refuses, or a run there has failed
└── BusyError            another run holds this output root
Anything else that escapes is a bug of ours.
"""

from __future__ import annotations


class SeqrankError(Exception):
    """What went wrong, where, why, and what to do next.

    Args:
        what: one sentence.
        where: a file and line, a stage, or a key of the configuration; "" where there is none.
        why: the evidence, one or several lines.
        next_step: what the user can do.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__(what, where, why, next_step)
        self.what, self.where, self.why, self.next_step = what, where, why, next_step

    def __reduce__(self):  # Beam sends exceptions between processes
        return _rebuild, (type(self), self.what, self.where, self.why, self.next_step)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        lines += [f"  {line}" for line in self.why.splitlines()]
        if self.next_step:
            lines.append(f"Next: {self.next_step}")
        return "\n".join(lines)


def _rebuild(kind: type[SeqrankError], what: str, where: str, why: str, next_step: str) -> SeqrankError:
    return kind(what, where=where, why=why, next_step=next_step)


class ConfigError(SeqrankError):
    """The configuration has an unknown key or an impossible value."""

    exit_status = 2


class DataError(SeqrankError):
    """An input file is missing, empty, unreadable, or lacks a column."""


class GateRefused(DataError):  # noqa: N818 - says what happened; its base says that it is an error
    """DataGate: anomalies, too many rejected rows, or too many labels that could never be hit."""


class ModelError(SeqrankError):
    """A model can't be trained, exported, loaded or called as asked."""


class TrainingDiverged(ModelError):  # noqa: N818 - says what happened; its base says that it is an error
    """A training's loss is no longer a number."""


class PublishError(SeqrankError):
    """A model can't be published."""


class ClusterError(SeqrankError):
    """Kubeflow Pipelines can't be reached, lets nobody in, refuses, or its run failed."""


class StoreError(SeqrankError):
    """ML Metadata can't be read, or doesn't hold what was asked for."""


class NotInStoreError(StoreError):
    """ML Metadata holds no such run, artifact or file, or nothing at all yet."""


class StoreInUseError(StoreError):
    """ML Metadata is held by somebody else, beyond the limit."""


class BusyError(SeqrankError):
    """Another run holds the output root."""
