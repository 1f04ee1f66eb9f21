"""Beam's own parser and validator speak before anything runs; what they pass over in silence is refused, too."""

import pathlib

import pytest

from pipeline.config import load
from pipeline.runners import local
from pipeline.runners.beam.check import check
from pipeline.runners.beam.options import BeamOptions
from pipeline.runners.kubeflow.compile import compile_package
from schemas.errors import ConfigError

PORTABLE = {
    "runner": "PortableRunner",
    "job_endpoint": "server:8099",
    "environment_type": "EXTERNAL",
    "environment_config": "pool:50000",
}


def refusal(**told):
    with pytest.raises(ConfigError) as caught:
        check(BeamOptions(**told))
    assert caught.value.where == "run.beam"
    return caught.value.why


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"args": ("--direct_num_workers=2", "--direct_running_mode=multi_threading", "--temp_location=gs://a/b")},
        {"args": ("--s3_endpoint_url=http://minio:9000", "--experiments=use_fastavro,x", "--labels=team=shop")},
        {"runner": "PrismRunner", "args": ("--prism_log_level=debug", "--max_cache_memory_usage_mb=100")},
        {**PORTABLE, "args": ("--parallelism=4", "--job_server_timeout=30", "--pickle_library=cloudpickle")},
    ],
)
def test_options_that_the_runner_reads_pass(told):
    check(BeamOptions(**told))


@pytest.mark.parametrize(
    ("told", "argument", "expected"),
    [
        ({}, "--direct_num_wrkers=2", "Beam has no such option (did you mean --direct_num_workers?)"),
        ({}, "--zzz", "Beam has no such option"),
        ({}, "workers=3", "write it as --name=value"),
        ({}, "--direct_num_workers=many", "invalid int value: 'many'"),
        ({}, "--direct_num_workers", "expected one argument"),
        ({}, "--direct_running_mode=fast", "invalid choice: 'fast'"),
        ({}, "--gcs_custom_audit_entries=x", "JSONDecodeError"),
        ({}, "--parallelism=2", "FnApiRunner doesn't read it; it is for FlinkRunner, PortableRunner"),
        ({}, "--num_workers=2", "FnApiRunner doesn't read it; it is for DataflowRunner"),
        ({}, "--environment_type=LOOPBACK", "set run.beam.environment_type instead"),
        ({}, "--streaming", "the stages are batches"),
        ({}, "--no_wait_until_finish", "the next stage would begin before this one has ended"),
        ({}, "--update_compatibility_version=2.1", "FnApiRunner doesn't read it"),
        ({"workers": 2}, "--direct_num_workers=3", "run.beam.workers says it already"),
        (PORTABLE, "--direct_num_workers=2", "PortableRunner doesn't read it; it is for FnApiRunner"),
        (PORTABLE, "--prism_log_level=debug", "PortableRunner doesn't read it; it is for PrismRunner"),
        ({**PORTABLE, "ship_code": True}, "--setup_file=x", "run.beam.ship_code says it already"),
        (
            {**PORTABLE, "runner": "FlinkRunner"},
            "--artifacts_dir=/tmp",
            "the job server at server:8099 runs already, and doesn't read it",
        ),
    ],
)
def test_an_option_that_beam_cannot_take_or_would_pass_over_is_named_by_its_place(told, argument, expected):
    found = refusal(**told, args=("--experiments=x", argument))
    assert found.startswith(f"run.beam.args[1]: {argument}: ")
    assert expected in found
    assert "args[0]" not in found


def test_all_that_is_wrong_is_told_at_once():
    assert len(refusal(args=("--a", "--b=1", "--streaming")).splitlines()) == 3


def test_dataflow_without_a_project_is_refused_by_beams_own_validator_or_for_lack_of_its_package():
    found = refusal(runner="DataflowRunner", ship_code=True, args=("--region=europe-west4",))
    assert "Missing required option: project" in found or "DataflowRunner isn't installed" in found


def test_programs_that_the_runner_starts_must_be_there_when_it_runs_here(tmp_path, monkeypatch):
    options = BeamOptions(runner="PrismRunner", prism_location=str(tmp_path / "prism"))
    with pytest.raises(ConfigError, match="there is no program"):
        check(options)
    check(options, here=False)
    (tmp_path / "prism").touch(mode=0o755)
    check(options)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs java" in refusal(runner="FlinkRunner", environment_type="LOOPBACK")


def test_a_run_is_refused_before_its_first_stage(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id,timestamp\nu,i,1\n")
    config = load(
        None,
        [f"example_gen.data=[{log}]", f"run.output_root={tmp_path / 'runs'}", "run.beam.args=[--direct_num_wrkers=2]"],
    )
    with pytest.raises(ConfigError, match="did you mean --direct_num_workers"):
        local.run(config)
    assert not pathlib.Path(tmp_path / "runs" / "artifacts").exists()


@pytest.mark.parametrize(
    ("beam", "expected"),
    [
        ("{args: [--direct_num_wrkers=2]}", "did you mean --direct_num_workers"),
        ("{runner: PrismRunner, ship_code: true}", "no checkout to send"),
    ],
)
def test_a_package_is_refused_before_it_is_compiled(beam, expected):
    config = load(None, ["example_gen.data=[s3://a/b.csv]", "pusher.target=s3://models/shop", f"run.beam={beam}"])
    with pytest.raises(ConfigError, match=expected):
        compile_package(config)
