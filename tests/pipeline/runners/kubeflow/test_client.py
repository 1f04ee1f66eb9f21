"""Kubeflow's client against a fake of its API (fake_api.py): what is sent, and what is said of what comes back."""

import socket
import time

import pytest
import yaml

from pipeline.runners.kubeflow.client import Cluster
from pipeline.runners.kubeflow.connection import Access
from schemas.errors import ClusterError, ConfigError

ROOT = "s3://bucket/root"


@pytest.fixture
def package(spec, tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(spec))
    return path


@pytest.fixture
def cluster(api):
    return Cluster(Access(api.url))


def _start(cluster, package, **told):
    version = cluster.upload(package, "chain", "v1")
    usual = {"experiment": "trials", "name": "first", "parameters": {}, "pipeline_root": ROOT}
    return cluster.start(version, **{**usual, **told})


def test_a_run_is_created_with_its_root_parameters_and_account_in_its_experiment(api, cluster, package):
    run = _start(cluster, package, parameters={"epochs": 3, "data": "s3://a/b.csv"}, service_account="trainer")
    (sent,) = api.runs
    assert sent["runtime_config"] == {"parameters": {"epochs": 3, "data": "s3://a/b.csv"}, "pipeline_root": ROOT}
    assert sent["pipeline_version_reference"] == {"pipeline_id": "pipeline-0", "pipeline_version_id": "version-0"}
    assert (sent["service_account"], sent["display_name"]) == ("trainer", "first")
    assert [each["display_name"] for each in api.experiments] == ["trials"]
    assert run.address == f"{api.url}/#/runs/details/run-0"


def test_an_experiment_that_exists_is_taken(api, cluster, package):
    _start(cluster, package)
    _start(cluster, package)
    assert len(api.experiments) == 1


def test_a_name_that_exists_gets_another_version_and_the_same_content_none(api, cluster, package):
    first = cluster.upload(package, "chain", "v1")
    second = cluster.upload(package, "chain", "v2")
    third = cluster.upload(package, "chain", "v2")
    assert [each.pipeline_id for each in (first, second, third)] == ["pipeline-0"] * 3
    assert [each.id for each in (first, second, third)] == ["version-0", "version-1", "version-1"]
    assert [each.new for each in (first, second, third)] == [True, True, False]


def test_a_name_that_somebody_takes_meanwhile_is_answered_by_409_and_gets_a_version(api, cluster, package, monkeypatch):
    cluster.upload(package, "chain", "v1")
    real, looks = cluster._pipeline_id, []
    monkeypatch.setattr(cluster, "_pipeline_id", lambda name: looks.append(name) or (real(name) if looks[1:] else None))
    assert cluster.upload(package, "chain", "v2").pipeline_id == "pipeline-0"
    assert api.asked("POST")[-2:] == ["/apis/v2beta1/pipelines/upload", "/apis/v2beta1/pipelines/upload_version"]


def test_the_same_name_in_another_namespace_is_another_pipeline(api, package):
    mine, yours = (Cluster(Access(api.url, namespace=name)) for name in ("mine", "yours"))
    assert mine.upload(package, "chain", "v1").new
    assert api.pipelines[0]["namespace"] == "mine"
    assert yours._pipeline_id("chain") is None


def test_a_schedule_is_sent_in_six_fields_one_run_at_a_time_and_replaces_the_one_of_its_name(api, cluster, package):
    version = cluster.upload(package, "chain", "v1")
    told = {"experiment": "nightly", "name": "chain", "parameters": {"epochs": 3}, "pipeline_root": ROOT}
    first, none = cluster.repeat(version, cron="0 30 2 * * *", **told)
    second, replaced = cluster.repeat(version, cron="0 45 2 * * *", **told)
    sent = api.recurring[0]
    assert sent["trigger"] == {"cron_schedule": {"cron": "0 30 2 * * *"}}
    assert (sent["max_concurrency"], sent["no_catchup"], sent["mode"]) == ("1", True, "ENABLE")
    assert sent["runtime_config"] == {"parameters": {"epochs": 3}, "pipeline_root": ROOT}
    assert (none, replaced) == ([], [first])
    assert {each["recurring_run_id"]: each["status"] for each in api.recurring} == {
        first: "DISABLED",
        second: "ENABLED",
    }


def test_runs_are_listed_newest_first_over_several_pages(api, cluster, package, monkeypatch):
    monkeypatch.setattr("pipeline.runners.kubeflow.client._PAGE", 2)
    for number in range(5):
        _start(cluster, package, name=f"run {number}")
    assert [run.name for run in cluster.runs(4)] == ["run 4", "run 3", "run 2", "run 1"]
    assert [(run.state, run.took) for run in cluster.runs(1)] == [("SUCCEEDED", 90.0)]
    assert len(cluster.runs(100)) == 5


@pytest.mark.parametrize(
    ("who", "header"),
    [({"token": "abc"}, "Bearer abc"), ({"cookie": "authservice_session=xyz"}, "authservice_session=xyz")],
)
def test_credentials_reach_the_server(api, package, who, header):
    api.let_in = {header}
    assert _start(Cluster(Access(api.url, **who)), package).id == "run-0"


def test_a_service_account_token_is_read_anew_for_each_request(api, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    api.let_in = {"Bearer first"}
    cluster = Cluster(Access(api.url, service_account_token=str(file)))
    file.write_text("second\n")
    api.let_in = {"Bearer second"}
    assert cluster.runs(1) == []


def test_a_missing_service_account_token_names_the_file(api, tmp_path):
    with pytest.raises(ClusterError, match=r"none: No such file[^\n]*\nNext: Check --service-account-token-file"):
        Cluster(Access(api.url, service_account_token=str(tmp_path / "none")))


@pytest.mark.parametrize("who", [{}, {"token": "s3cr3t"}, {"cookie": "a=b; session=s3cr3t"}, {"file": "s3cr3t"}])
def test_who_is_not_let_in_is_told_so_at_once_and_no_secret_is_shown(api, who, tmp_path, caplog, capsys):
    api.let_in = {"Bearer other"}
    if "file" in who:
        (tmp_path / "token").write_text(who["file"])
        who = {"service_account_token": str(tmp_path / "token")}
    began = time.monotonic()
    with pytest.raises(ClusterError) as caught:
        Cluster(Access(api.url, **who))
    assert time.monotonic() - began < 4  # the client alone: five times five seconds
    assert "The server answers 401: Request header error" in str(caught.value)
    assert "Next: Pass --token" in str(caught.value)
    told = capsys.readouterr()
    assert "s3cr3t" not in str(caught.value) + caplog.text + told.out + told.err + repr(Access(api.url, **who))
    assert len(api.requests) == 1


def test_an_address_where_nobody_listens_is_told_soon():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(ClusterError, match="Nobody answers") as caught:
            Cluster(Access(url))
    assert time.monotonic() - began < 10
    assert str(caught.value).startswith(f"{url}: Kubeflow Pipelines can't be used.")
    assert "kubectl port-forward" in caught.value.next_step
    assert "object at" not in caught.value.why


def test_an_address_that_takes_calls_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr("pipeline.runners.kubeflow.connection._HEALTH_LIMITS", (1, 1))
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(ClusterError, match=r"Nobody answers.*timed out"):
            Cluster(Access(f"http://127.0.0.1:{mute.getsockname()[1]}"))


def test_a_page_to_sign_in_is_not_taken_for_the_api(api, fake_api, monkeypatch):
    monkeypatch.setattr(api, "answer", lambda *_: ("text/html", fake_api.INDEX))
    with pytest.raises(ClusterError, match="may be a page to sign in"):
        Cluster(Access(api.url))


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://kfp", "http://me:pass@kfp", "", "https://"])
def test_an_address_that_cannot_be_one_is_refused_without_repeating_it(address):
    with pytest.raises(ConfigError, match="http://localhost:8080") as caught:
        Access(address)
    assert "pass@" not in str(caught.value)


def test_what_the_server_refuses_is_said_in_its_words(cluster, package):
    with pytest.raises(ClusterError, match=r"The run can't be started.\n  The server answers 400: .*unknown parameter"):
        _start(cluster, package, parameters={"speed": 3})
    package.write_text(package.read_text().replace("2.1.0", "2.0.0"))
    with pytest.raises(ClusterError, match=r"can't be uploaded as 'chain'"):
        cluster.upload(package, "chain", "v3")


def test_the_home_folder_stays_as_it_is_and_stdout_is_ours(api, package, tmp_path, capsys):
    api.multi_user = True
    before = set(tmp_path.rglob("*"))
    _start(Cluster(Access(api.url, namespace="me")), package)
    assert set(tmp_path.rglob("*")) == before
    assert capsys.readouterr().out == ""
