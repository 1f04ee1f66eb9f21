"""Follows a run to its end, and says what failed with the last lines of its log.

The client's own wait never ends for a cancelled run, and knows nothing of stages. The API tells of Argo's nodes: for a
stage S there are S-driver, which reads its inputs, and S, below which its container runs. Logs are not part of the
published API. They are asked for where Kubeflow's page gets them (/k8s/pod/logs), and where the API server has them
(v1alpha1, unpublished); a cluster that keeps no pods hands out neither.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pipeline.runners.kubeflow.client import Cluster, Run

SUCCEEDED: Final = "SUCCEEDED"
_FAILED: Final = frozenset({"FAILED", "ERROR"})
_ENDED: Final = frozenset({SUCCEEDED, "SKIPPED", "CANCELED", *_FAILED})
_UNKNOWN: Final = "RUNTIME_STATE_UNSPECIFIED"  # Argo's Omitted, too: never reached
_PATIENCE: Final = 120.0  # seconds without an answer: a server that restarts
_MOST_LOG: Final = 64 * 1024
_LINES: Final = 20
_MOST_STAGES: Final = 3  # whose logs are shown
_NODE: Final = re.compile(r"(?P<workflow>.+)-(?P<hash>\d+)")
_IMPLEMENTATION: Final = "system-container-impl"  # Kubeflow's template of each container: part of the pod's name
# What Kubeflow's launcher and Argo's executor write after the step's own last line.
_NOT_THE_STEP: Final = re.compile(r'\s*$|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\.go:\d+\]|time="[^"]+" level=\w+ ')


class Ended(NamedTuple):
    """A run at its end. failed: its stages that failed, in the order they began; error: what the API says of it."""

    run: Run
    failed: list[str]
    error: str
    found: Any  # V2beta1Run


def follow(
    cluster: Cluster,
    run: str,
    stages: Collection[str],
    tell: Callable[[str], None],
    *,
    timeout: float | None = None,
    pause: float = 5.0,
) -> Ended:
    """Waits for a run's end.

    Args:
        run: its id.
        stages: names of the package's tasks.
        tell: is called with a line for each stage whose state has changed.
        timeout: seconds; None: as long as it takes.
        pause: seconds between two looks.
    Raises: ClusterError: it didn't end in time, or the API is gone.
    """
    until = None if timeout is None else time.monotonic() + timeout
    told: dict[str, str] = {}
    while True:
        found = cluster.run(run, patience=_PATIENCE, pause=pause)
        states = dict(_states(found, stages))
        for stage, state in states.items():
            if told.get(stage) != state:
                tell(f"{stage}: {state.lower()}")
        told.update(states)
        if str(found.state) in _ENDED:
            failed = [stage for stage, state in states.items() if state in _FAILED]
            return Ended(cluster.described(found), failed, str(getattr(found.error, "message", None) or ""), found)
        if until is not None and time.monotonic() >= until:
            raise ClusterError(
                f"The run has not ended in {timeout:g} s; it goes on.",
                where=cluster.run_address(run),
                why=", ".join(f"{stage}: {state.lower()}" for stage, state in states.items()),
            )
        time.sleep(pause if until is None else min(pause, max(0.0, until - time.monotonic())))


def _states(found: Any, stages: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each stage that has begun with its state, in the order they began."""
    nodes = {task.display_name: task for task in sorted(_tasks(found), key=_began)}
    for name, task in nodes.items():
        stage = name.removesuffix("-driver") if name not in stages else name
        if stage not in stages:
            continue
        if name == stage and str(task.state) != _UNKNOWN:
            yield stage, str(task.state)
        elif name != stage and str(task.state) in _FAILED:
            yield stage, str(task.state)  # it never got to its container


def _tasks(found: Any) -> list[Any]:
    return [task for task in getattr(found.run_details, "task_details", None) or [] if task.state]


def _began(task: Any) -> float:
    began = task.start_time or task.create_time
    return float(began.timestamp()) if began else float("inf")


def failure(cluster: Cluster, ended: Ended, namespace: str | None) -> ClusterError:
    """What to tell of a run that did not succeed."""
    if ended.run.state == "CANCELED":
        return ClusterError("The run was cancelled.", where=ended.run.address)
    why = [ended.error] if ended.error else []
    silent = []
    for stage in ended.failed[:_MOST_STAGES]:
        lines = log_tail(cluster, ended.found, stage, namespace)
        if lines:
            why += [f"{stage} ended with:", *(f"  {line}" for line in lines)]
        else:
            silent.append(stage)
    pods = (
        f"kubectl logs -n {namespace or 'kubeflow'} -l pipeline/runid={ended.run.id} -c main --tail={_LINES} --prefix"
    )
    next_step = f"The server hands out no log of {', '.join(silent)}: see the run's page, or {pods}" if silent else ""
    stages = f" in {', '.join(ended.failed)}" if ended.failed else ""
    what = f"The run ended as {ended.run.state.lower()}{stages}."
    return ClusterError(what, where=ended.run.address, why="\n".join(why), next_step=next_step)


def log_tail(cluster: Cluster, found: Any, stage: str, namespace: str | None, most: int = _LINES) -> list[str]:
    """The last lines that a stage's own process wrote; none where the server hands out no log.

    Args:
        found: V2beta1Run.
        stage: the task's name.
        namespace: of the run, where the cluster has several users.
        most: lines.
    """
    private = {"podnamespace": namespace} if namespace else {}
    for pod in _pods(found, stage):
        for path, query in (
            ("/k8s/pod/logs", {"podname": pod, "runid": found.run_id, **private}),
            (f"/apis/v1alpha1/runs/{found.run_id}/nodes/{pod}/log", {}),
        ):
            lines = (cluster.text(path, _MOST_LOG, **query) or "").splitlines()
            while lines and _NOT_THE_STEP.match(lines[-1]):
                lines.pop()
            if lines:
                return lines[-most:]
    return []


def _pods(found: Any, stage: str) -> Iterator[str]:
    """Names that the pod of a stage's container may have; the API gives its Argo node's, and newer pods are named after
    their template, too."""
    for task in _tasks(found):
        if task.display_name != stage:
            continue
        for node in [task.pod_name, *(child.pod_name for child in task.child_tasks or [])]:
            parts = _NODE.fullmatch(node or "")
            if parts:
                yield f"{parts['workflow']}-{_IMPLEMENTATION}-{parts['hash']}"
            if node:
                yield node
