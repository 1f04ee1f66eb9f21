"""run.beam: what can't work is refused by the configuration itself, and what can is spelled as Beam spells it."""

import pytest

from pipeline.config import load
from pipeline.runners.beam.options import SETUP_FILE, BeamOptions
from schemas.errors import ConfigError

DATA = "example_gen.data=[x.csv]"
PORTABLE = {"runner": "PortableRunner", "job_endpoint": "server:8099"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, ["--runner=FnApiRunner"]),
        ({"workers": 1}, ["--runner=FnApiRunner", "--direct_num_workers=1"]),
        (
            {"workers": 4},
            ["--runner=FnApiRunner", "--direct_num_workers=4", "--direct_running_mode=multi_processing"],
        ),
        (
            {"runner": "PrismRunner", "prism_location": ".services/prism"},
            ["--runner=PrismRunner", "--environment_type=LOOPBACK", "--prism_location=.services/prism"],
        ),
        (
            {**PORTABLE, "environment_type": "EXTERNAL", "environment_config": "pool:50000", "workers": 3},
            [
                "--runner=PortableRunner", "--job_endpoint=server:8099", "--environment_type=EXTERNAL",
                "--environment_config=pool:50000", "--sdk_worker_parallelism=3",
            ],
        ),
        (
            {**PORTABLE, "environment_type": "PROCESS", "environment_config": {"command": "/boot"}},
            [
                "--runner=PortableRunner", "--job_endpoint=server:8099", "--environment_type=PROCESS",
                '--environment_config={"command": "/boot"}',
            ],
        ),
        (
            {"runner": "FlinkRunner", "environment_type": "DOCKER", "environment_config": "shop:1", "workers": 8},
            ["--runner=FlinkRunner", "--environment_type=DOCKER", "--environment_config=shop:1", "--parallelism=8"],
        ),
    ],
)  # fmt: skip
def test_what_is_told_is_spelled_as_beam_spells_it_and_tfx_packs_nothing(told, expected):
    assert BeamOptions(**told).arguments() == [*expected, "--sdk_container_image=unused"]


def test_code_that_is_sent_is_this_checkouts_and_leaves_no_image_named():
    told = BeamOptions(runner="DataflowRunner", ship_code=True, workers=2, args=("--project=p",))
    said = ["--runner=DataflowRunner", f"--setup_file={SETUP_FILE}", "--experiments=pip_no_build_isolation"]
    assert told.arguments() == [*said, "--num_workers=2", "--project=p"]
    assert SETUP_FILE.exists()


def test_an_image_that_args_name_is_the_only_one():
    told = BeamOptions(runner="DataflowRunner", args=("--sdk_container_image=gcr.io/shop:1",))
    assert told.arguments() == ["--runner=DataflowRunner", "--sdk_container_image=gcr.io/shop:1"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("{runner: DaskRunner}", "run.beam.runner: DaskRunner isn't offered: Beam's knows Create, ParDo"),
        ("{runner: PrismRuner}", "(did you mean PrismRunner?)"),
        ("{job_endpoint: 'a:1'}", "FnApiRunner has no job_endpoint"),
        ("{environment_type: LOOPBACK}", "FnApiRunner has no environment_type"),
        ("{runner: DataflowRunner, environment_type: DOCKER}", "DataflowRunner has no environment_type"),
        ("{runner: DataflowRunner}", "workers need this code"),
        ("{runner: PortableRunner}", "PortableRunner needs a job_endpoint"),
        ("{runner: PortableRunner, job_endpoint: 'http://a:1'}", "run.beam.job_endpoint: write it as host:port"),
        ("{runner: PortableRunner, job_endpoint: 'a:1'}", "PortableRunner needs an environment_type"),
        ("{runner: FlinkRunner}", "FlinkRunner needs an environment_type"),
        ("{runner: SparkRunner, environment_type: LOOPBACK, workers: 2}", "SparkRunner has no option for workers"),
        ("{runner: FlinkRunner, environment_type: LOOPBACK, prism_location: p}", "prism_location is for PrismRunner"),
        ("{runner: PrismRunner, job_endpoint: 'a:1', prism_location: p}", "prism_location is for PrismRunner without"),
        ("{runner: PrismRunner, environment_config: x}", "environment_config is for EXTERNAL"),
        ("{runner: PrismRunner, environment_type: EXTERNAL}", "EXTERNAL needs the pool's host:port"),
        ("{runner: PrismRunner, environment_type: PROCESS, environment_config: boot}", "PROCESS needs"),
        ("{runner: PrismRunner, environment_type: DOCKER}", "DOCKER needs an image"),
        ("{runner: PrismRunner, environment_type: KUBERNETES}", "run.beam.environment_type: input should be"),
        ("{workers: 0}", "run.beam.workers: input should be greater than or equal to 1"),
        ("{ship_code: true}", "ship_code is for engines"),
    ],
)
def test_what_could_not_work_or_would_be_passed_over_is_refused(told, expected):
    with pytest.raises(ConfigError) as caught:
        load(None, [DATA, f"run.beam={told}"])
    assert expected in caught.value.why
