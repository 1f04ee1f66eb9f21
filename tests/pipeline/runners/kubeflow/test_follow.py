"""A run is followed to its end, whatever the end is, against a fake of Kubeflow's API (fake_api.py)."""

import pytest
import yaml

from pipeline.runners.kubeflow import follow
from pipeline.runners.kubeflow.client import Cluster
from pipeline.runners.kubeflow.connection import Access
from schemas.errors import ClusterError

STAGES = ("Gen", "Trainer")
LAUNCHERS = """I1125 12:00:03.123456      17 launcher_v2.go:90] publish success.
F1125 12:00:03.123457      17 main.go:60] failed to execute component: exit status 1
time="2026-11-25T12:00:04.000Z" level=info msg="sub-process exited" argo=true error="<nil>"

"""
FAILED = [
    ("RUNNING", {"root-driver": "SUCCEEDED", "Gen-driver": "RUNNING"}),
    ("RUNNING", {"root": "RUNNING", "Gen-driver": "SUCCEEDED", "Gen": "RUNNING"}),
    ("RUNNING", {"root": "RUNNING", "Gen": "SUCCEEDED", "Trainer-driver": "SUCCEEDED", "Trainer": "RUNNING"}),
    ("FAILED", {"root": "FAILED", "Gen": "SUCCEEDED", "executor": "FAILED", "Trainer": "FAILED"}),
]


@pytest.fixture
def cluster(api):
    return Cluster(Access(api.url))


@pytest.fixture
def run(cluster, spec, tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(spec))
    version = cluster.upload(path, "chain", "v1")
    return cluster.start(version, experiment="e", name="r", parameters={}, pipeline_root=None).id


def _follow(cluster, run, **told):
    lines = []
    return follow.follow(cluster, run, STAGES, lines.append, pause=0.0, **told), lines


def test_each_change_of_a_stage_is_told_once(api, cluster, run):
    api.frames = FAILED
    ended, lines = _follow(cluster, run)
    assert lines == ["Gen: running", "Gen: succeeded", "Trainer: running", "Trainer: failed"]
    assert (ended.run.state, ended.failed) == ("FAILED", ["Trainer"])


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"])
def test_every_end_ends_it(api, cluster, run, state):
    api.frames = [("RUNNING", {}), ("CANCELING" if state == "CANCELED" else "RUNNING", {}), (state, {})]
    assert _follow(cluster, run)[0].run.state == state


def test_error_a_state_of_older_servers_ends_it_too():
    assert "ERROR" in follow._ENDED


def test_a_stage_that_fails_before_its_container_is_one_that_failed(api, cluster, run):
    api.frames = [("FAILED", {"Gen": "SUCCEEDED", "Trainer-driver": "FAILED", "Trainer": "RUNTIME_STATE_UNSPECIFIED"})]
    assert _follow(cluster, run)[0].failed == ["Trainer"]


@pytest.mark.parametrize("place", ["page", "server"])
@pytest.mark.parametrize("name", [0, 1])  # the pod is named after its node, or after its template as well
def test_the_last_lines_that_the_failed_step_itself_wrote_are_shown(api, fake_api, cluster, run, place, name):
    api.frames, api.logs_at = FAILED, place
    log = "".join(f"line {n}\n" for n in range(100)) + "seqrank: the loss is no longer a number\n" + LAUNCHERS
    api.logs = {fake_api.node("Trainer")[name]: log}
    error = follow.failure(cluster, _follow(cluster, run)[0], None)
    assert error.what == "The run ended as failed in Trainer."
    assert error.where == f"{api.url}/#/runs/details/{run}"
    assert error.why.splitlines()[0] == "Trainer ended with:"
    assert error.why.splitlines()[-1] == "  seqrank: the loss is no longer a number"
    assert len(error.why.splitlines()) == 1 + 20
    assert error.exit_status == 1


@pytest.mark.parametrize("place", ["page", "server"])
def test_without_a_log_it_says_where_to_look(api, cluster, run, place):
    api.frames, api.logs_at, api.run_error = FAILED, place, "workflow failed"
    error = follow.failure(cluster, _follow(cluster, run)[0], "team")
    assert error.why == "workflow failed"
    assert f"kubectl logs -n team -l pipeline/runid={run} -c main" in error.next_step


def test_a_cancelled_run_is_a_failure_with_its_own_word(api, cluster, run):
    api.frames = [("CANCELED", {"Gen": "SUCCEEDED", "Trainer": "FAILED"})]
    assert follow.failure(cluster, _follow(cluster, run)[0], None).what == "The run was cancelled."


def test_a_run_that_takes_too_long_goes_on_without_us(api, cluster, run):
    api.frames = [("RUNNING", {"Gen": "RUNNING"})]
    with pytest.raises(ClusterError, match=r"has not ended in 0.05 s; it goes on.\n  Gen: running"):
        _follow(cluster, run, timeout=0.05)


def test_a_server_that_restarts_is_waited_for(api, cluster, run):
    api.answers = [503, 502, 500]
    assert _follow(cluster, run)[0].run.state == "SUCCEEDED"


def test_who_is_no_longer_let_in_is_told_at_once(api, cluster, run):
    api.let_in = {"Bearer new"}
    with pytest.raises(ClusterError, match=r"it may go on.\n  The server answers 401"):
        _follow(cluster, run)


def test_a_server_that_stays_away_ends_it(api, cluster, run, monkeypatch):
    monkeypatch.setattr(follow, "_PATIENCE", 0.2)
    api.gone = True
    with pytest.raises(ClusterError, match="it may go on"):
        _follow(cluster, run)
