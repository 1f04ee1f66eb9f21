"""`seqrank submit` and `seqrank runs` against a fake of Kubeflow's API: what is sent, printed, and the exit status.

The package is a small one but for the last test, which compiles the real chain.
"""

import sys
import types

import pytest
import yaml

from pipeline.cli import __main__ as command
from pipeline.runners.kubeflow import follow
from pipeline.runners.kubeflow import submit as submission

TARGET = ("--set", "pusher.target=s3://bucket/models")
FAILED = [
    ("RUNNING", {"Gen": "RUNNING"}),
    ("RUNNING", {"Gen": "SUCCEEDED", "Trainer": "RUNNING"}),
    ("FAILED", {"Gen": "SUCCEEDED", "Trainer": "FAILED"}),
]


class Left(Exception):  # noqa: N818 - says what happened
    """The process would have ended."""


@pytest.fixture
def seqrank(monkeypatch, capsys):
    """Runs the command line in this process: exit status, stdout, stderr."""

    def leave(status):
        raise Left(status)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["seqrank", *arguments])
        capsys.readouterr()
        try:
            command.main()
        except Left as left:
            return left.args[0], *capsys.readouterr()
        return 0, *capsys.readouterr()

    monkeypatch.setattr(command, "_leave", leave)
    monkeypatch.setattr(command, "prepare_environment", lambda: None)
    monkeypatch.setattr(follow.time, "sleep", lambda _: None)
    monkeypatch.setenv("COLUMNS", "200")
    return run


@pytest.fixture
def small(monkeypatch, spec):
    """Takes the place of the compiled chain; the packages that would have been compiled."""
    asked = []
    package = types.SimpleNamespace(pipeline=spec, text=lambda: yaml.safe_dump(spec))
    monkeypatch.setattr(submission, "_compiled", lambda config: asked.append(config) or package)
    return asked


def test_submit_starts_a_run_and_prints_its_address_alone_on_stdout(api, seqrank, small):
    told = ("--experiment", "trials", "--run-name", "tuesday", "--pipeline-root", "s3://bucket/root")
    more = ("--param", "epochs=3", "--param", "data=s3://a/*.csv", "--service-account", "trainer")
    status, out, err = seqrank("submit", "--endpoint", api.url, *told, *more)
    assert (status, out) == (0, f"{api.url}/#/runs/details/run-0\n")
    assert "chain: uploaded, version version-0" in err
    (sent,) = api.runs
    root, parameters = "s3://bucket/root", {"epochs": 3, "data": "s3://a/*.csv"}
    assert sent["runtime_config"] == {"pipeline_root": root, "parameters": parameters}
    assert (sent["display_name"], sent["service_account"]) == ("tuesday", "trainer")
    assert api.experiments[0]["display_name"] == "trials"


def test_configuration_and_environment_say_what_options_do_not(api, seqrank, small, monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", api.url)
    told = ("--data", "s3://logs/*.csv", "--set", "kubeflow.pipeline_root=s3://bucket/default")
    status, out, _ = seqrank("submit", *told)
    assert (status, out) == (0, f"{api.url}/#/runs/details/run-0\n")
    assert api.runs[0]["runtime_config"]["pipeline_root"] == "s3://bucket/default"
    assert api.runs[0]["display_name"].startswith("chain-20")
    assert api.experiments[0]["display_name"] == "chain"
    assert list(small[0].example_gen.data) == ["s3://logs/*.csv"]


def test_the_address_of_a_page_is_an_endpoint_too(api, seqrank, small):
    assert seqrank("submit", "--endpoint", f"{api.url}/#/pipelines")[1] == f"{api.url}/#/runs/details/run-0\n"


def test_the_address_is_the_pages_where_that_is_another(api, seqrank, small, monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kubeflow.example/pipeline")
    assert seqrank("submit", "--endpoint", api.url)[1] == "https://kubeflow.example/pipeline/#/runs/details/run-0\n"


def test_a_changed_package_becomes_a_version_and_the_same_one_does_not(api, seqrank, small, spec):
    seqrank("submit", "--endpoint", api.url)
    spec["root"]["inputDefinitions"]["parameters"]["epochs"]["defaultValue"] += 1
    assert "chain: uploaded, version version-1" in seqrank("submit", "--endpoint", api.url)[2]
    assert "chain: uploaded before, version version-1" in seqrank("submit", "--endpoint", api.url)[2]
    used = [run["pipeline_version_reference"]["pipeline_version_id"] for run in api.runs]
    assert (used, len(api.pipelines)) == (["version-0", "version-1", "version-1"], 1)


def test_wait_follows_to_success(api, seqrank, small):
    api.frames = [*FAILED[:2], ("SUCCEEDED", {"Gen": "SUCCEEDED", "Trainer": "SUCCEEDED"})]
    status, out, _ = seqrank("submit", "--endpoint", api.url, "--wait")
    assert status == 0
    assert out.splitlines()[1:] == [
        "Gen: running", "Gen: succeeded", "Trainer: running", "Trainer: succeeded", "The run succeeded.",
    ]  # fmt: skip


def test_wait_ends_with_status_1_the_failed_stage_and_its_last_lines(api, fake_api, seqrank, small):
    api.frames, api.logs = FAILED, {fake_api.node("Trainer")[1]: "epoch 1\nseqrank: no longer a number\n"}
    status, out, err = seqrank("submit", "--endpoint", api.url, "--wait")
    assert status == 1
    assert out.splitlines()[-1] == "Trainer: failed"
    assert f"seqrank: {api.url}/#/runs/details/run-0: The run ended as failed in Trainer." in err
    assert "    epoch 1\n    seqrank: no longer a number\n" in err


def test_wait_ends_for_a_cancelled_run_too(api, seqrank, small):
    api.frames = [("RUNNING", {"Gen": "RUNNING"}), ("CANCELING", {}), ("CANCELED", {"Gen": "FAILED"})]
    status, _, err = seqrank("submit", "--endpoint", api.url, "--wait")
    assert status == 1
    assert "The run was cancelled." in err


def test_wait_gives_up_after_its_time(api, seqrank, small):
    api.frames = [("RUNNING", {"Gen": "RUNNING"})]
    status, _, err = seqrank("submit", "--endpoint", api.url, "--wait", "--timeout", "0")
    assert status == 1
    assert "has not ended in 0 s; it goes on." in err


def test_cron_makes_a_recurring_run_and_no_other(api, seqrank, small):
    told = ("--cron", "0 30 2 * * *", "--param", "epochs=3", "--pipeline-root", "s3://bucket/root")
    status, out, _ = seqrank("submit", "--endpoint", api.url, *told)
    assert (status, out, api.runs) == (0, f"{api.url}/#/recurringrun/details/recurring-0\n", [])
    (sent,) = api.recurring
    assert sent["trigger"] == {"cron_schedule": {"cron": "0 30 2 * * *"}}
    assert sent["runtime_config"] == {"parameters": {"epochs": 3}, "pipeline_root": "s3://bucket/root"}
    again = seqrank("submit", "--endpoint", api.url, *told)
    assert f"Switched off the recurring run of this name that was there: {out.strip()}" in again[2]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (("--param", "epohcs=3"), "Did you mean epochs?"),
        (("--param", "epochs=many"), "The value is not an integer."),
        (("--cron", "30 2 * * *"), "has six fields"),
        (("--cron", "0 30 2 * * *", "--wait"), "don't go together"),
        (("--pipeline-root", "/mnt/artifacts"), "launcher knows gs://, s3://, minio://"),
        (("--pipeline-root", "s3://"), "can't go there"),
        (("--timeout", "3"), "--timeout is for --wait"),
        (("--set", "trainer.epohcs=3"), "did you mean trainer.epochs?"),
        (("--token", "s3cr3t", "--service-account-token"), "don't go together"),
    ],
)
def test_what_is_wrong_in_the_command_ends_with_status_2_and_nothing_is_sent(api, seqrank, small, told, says):
    status, out, err = seqrank("submit", "--endpoint", api.url, *told)
    assert (status, out) == (2, "")
    assert says in err
    assert "s3cr3t" not in err
    assert api.asked("POST") == []


def test_without_an_endpoint_it_is_asked_for(api, seqrank):
    status, _, err = seqrank("submit")
    assert status == 2
    assert "--endpoint" in err


@pytest.mark.parametrize("words", [("submit",), ("runs",)])
def test_bad_credentials_and_wrong_addresses_end_with_status_1(api, seqrank, small, words):
    api.let_in = {"Bearer good"}
    status, _, err = seqrank(*words, "--endpoint", api.url, "--token", "s3cr3t")
    assert (status, "answers 401" in err, "s3cr3t" in err) == (1, True, False)
    assert small == []  # nothing was compiled for it
    assert seqrank(*words, "--endpoint", "127.0.0.1:1")[0] == 2
    status, _, err = seqrank(*words, "--endpoint", "http://127.0.0.1:1")
    assert (status, "Nobody answers" in err) == (1, True)


@pytest.mark.parametrize("named", ["option", "variable", "file"])
def test_credentials_come_by_option_by_variable_or_from_a_file(api, seqrank, tmp_path, monkeypatch, named):
    api.let_in = {"Bearer good"}
    (tmp_path / "token").write_text("good")
    if named == "variable":
        monkeypatch.setenv("KF_PIPELINES_TOKEN", "good")
    file = str(tmp_path / "token")
    told = {"option": ("--token", "good"), "file": ("--service-account-token-file", file), "variable": ()}[named]
    assert seqrank("runs", "--endpoint", api.url, *told)[:2] == (0, "No run yet.\n")


def test_runs_are_a_table_newest_first(api, seqrank, small):
    for name in ("first", "second", "third"):
        seqrank("submit", "--endpoint", api.url, "--run-name", name)
    status, out, _ = seqrank("runs", "--endpoint", api.url, "--limit", "2")
    head, *lines = out.splitlines()
    assert status == 0
    assert head.split() == ["RUN", "STATE", "STARTED", "(UTC)", "TOOK", "ID"]
    assert [line.split() for line in lines] == [
        ["third", "succeeded", "2026-11-25", "12:00:00", "0:01:30", "run-2"],
        ["second", "succeeded", "2026-11-25", "12:00:00", "0:01:30", "run-1"],
    ]


def test_the_real_chain_is_compiled_uploaded_and_started_with_its_parameters(api, seqrank):
    told = ("--data", "s3://logs/*.csv", *TARGET, "--param", "epochs=2", "--param", "window=20")
    status, out, err = seqrank("submit", "--endpoint", api.url, *told)
    assert (status, out) == (0, f"{api.url}/#/runs/details/run-0\n"), err
    assert api.runs[0]["runtime_config"]["parameters"] == {"epochs": 2, "window": 20}
    assert "Trainer" in api.versions[0]["pipeline_spec"]["root"]["dag"]["tasks"]
