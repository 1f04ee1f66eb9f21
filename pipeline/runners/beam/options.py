"""Beam's runner, its workers and their options. Read without Beam; `check` asks Beam itself before a run."""

from __future__ import annotations

import difflib
import json
import pathlib
import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LOCAL: Final = "FnApiRunner"
ENGINES: Final = ("PrismRunner", "FlinkRunner", "SparkRunner", "PortableRunner")  # they speak the portable protocol
DATAFLOW: Final = "DataflowRunner"
RUNNERS: Final = (LOCAL, *ENGINES, DATAFLOW)
SETUP_FILE: Final = pathlib.Path(__file__).resolve().parents[3] / "setup.py"
# Any of these tells TFX that workers have its code; without one it packs itself anew in each stage: seconds.
SHIPPED: Final = ("--setup_file", "--extra_package", "--extra_packages", "--requirements_file", "--sdk_container_image")

_WORKERS: Final = {
    LOCAL: "--direct_num_workers",
    "PrismRunner": "--sdk_worker_parallelism",
    "PortableRunner": "--sdk_worker_parallelism",
    "FlinkRunner": "--parallelism",
    DATAFLOW: "--num_workers",
}
_DASK: Final = (
    "DaskRunner isn't offered: Beam's knows Create, ParDo, GroupByKey and Flatten alone, writes only the last of a "
    "pipeline's outputs, and counts nothing"
)


def name_of(argument: str) -> str:
    """The option that an argument sets: "--x" of "--x=1"."""
    return argument.split("=", 1)[0]


def _offered(runner: str) -> str:
    if runner in RUNNERS:
        return runner
    if runner == "DaskRunner":
        raise ValueError(_DASK)
    near = difflib.get_close_matches(runner, RUNNERS, n=1)
    raise ValueError(f"choose one of {', '.join(RUNNERS)}" + (f" (did you mean {near[0]}?)" if near else ""))


def _endpoint(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[^\s:/]+:[0-9]{1,5}", value):
        raise ValueError("write it as host:port, such as flink-jobserver:8099")
    return value


class BeamOptions(BaseModel):
    """How Beam runs the stages that move data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runner: Annotated[
        str,
        AfterValidator(_offered),
        Field(description=f"{LOCAL}: in this process; {', '.join(RUNNERS[1:])}: an engine"),
    ] = LOCAL
    job_endpoint: Annotated[
        str | None,
        AfterValidator(_endpoint),
        Field(
            description="host:port of a Beam job server that runs already. PrismRunner starts its own without one, and "
            "FlinkRunner and SparkRunner start Beam's (a jar from Maven Central, by Java)"
        ),
    ] = None
    environment_type: Annotated[
        Literal["LOOPBACK", "EXTERNAL", "PROCESS", "DOCKER"] | None,
        Field(
            description="where an engine's workers are. LOOPBACK: in this process, for one machine; EXTERNAL: a pool "
            "of workers that runs already; PROCESS: started by a command; DOCKER: in containers of an image. null: "
            "the runner's own"
        ),
    ] = None
    environment_config: Annotated[
        str | dict[str, Any] | None,
        Field(
            description="EXTERNAL: the pool's host:port as the engine sees it; PROCESS: {command: …}; DOCKER: an image"
        ),
    ] = None
    prism_location: Annotated[
        str | None,
        Field(
            description="Prism's program for PrismRunner (make setup-services builds .services/prism); null: Beam "
            "fetches it",
            min_length=1,
        ),
    ] = None
    workers: Annotated[
        int | None,
        Field(
            description=f"processes that work at the same time, in the option that the runner has for it. {LOCAL} with "
            "more than 1 starts processes anew for each stage, which takes 13 s; null: the runner's default",
            ge=1,
        ),
    ] = None
    ship_code: Annotated[
        bool,
        Field(
            description="send this checkout's code to the workers as a package (Beam's --setup_file); they need pip "
            "and all that requirements.lock has. false: their image or their Python has the code"
        ),
    ] = False
    args: Annotated[
        tuple[str, ...],
        Field(description="further options as Beam spells them, --name=value each; Beam checks them before a run"),
    ] = ()

    @model_validator(mode="after")
    def _heeded(self) -> BeamOptions:
        """Refuses what the runner would pass over in silence."""
        if self.runner not in ENGINES:
            for key in ("job_endpoint", "environment_type", "environment_config"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{self.runner} has no {key}: it is for {', '.join(ENGINES)}")
        if self.prism_location and (self.runner != "PrismRunner" or self.job_endpoint):
            raise ValueError("prism_location is for PrismRunner without a job_endpoint, which starts Prism itself")
        if self.runner == "PortableRunner" and not self.job_endpoint:
            raise ValueError("PortableRunner needs a job_endpoint: the host:port of a Beam job server")
        if self.workers is not None and self.runner not in _WORKERS:
            raise ValueError(f"{self.runner} has no option for workers: its cluster's configuration says how many")
        if self.ship_code and self.runner == LOCAL:
            raise ValueError(f"ship_code is for engines: {LOCAL}'s workers run on this machine, with its code")
        return self

    @model_validator(mode="after")
    def _workable(self) -> BeamOptions:
        """Refuses workers that could never run our code."""
        kind, config = self.environment_type, self.environment_config
        if self.runner in ENGINES[1:] and kind is None:
            raise ValueError(
                f"{self.runner} needs an environment_type: on its own it starts Beam's image, which lacks this code"
            )
        if kind in (None, "LOOPBACK") and config is not None:
            raise ValueError("environment_config is for EXTERNAL, PROCESS and DOCKER")
        if kind == "EXTERNAL" and not (isinstance(config, str) and re.fullmatch(r"[^\s:/]+:[0-9]{1,5}", config)):
            raise ValueError("EXTERNAL needs the pool's host:port as environment_config, such as localhost:50000")
        if kind == "PROCESS" and not (isinstance(config, dict) and isinstance(config.get("command"), str)):
            raise ValueError("PROCESS needs environment_config: {command: …}, the program that starts a worker")
        if kind == "DOCKER" and not (isinstance(config, str) and config):
            raise ValueError("DOCKER needs an image with this code as environment_config (make image builds one)")
        if self.runner == DATAFLOW and not (self.ship_code or self._shipped()):
            raise ValueError(
                "DataflowRunner's workers need this code: an image, --sdk_container_image=… in args, or ship_code"
            )
        return self

    def _shipped(self) -> bool:
        return any(name_of(argument) in SHIPPED for argument in self.args)

    def typed(self) -> list[str]:
        """What the fields say, as Beam spells it, and what has to be said beside it."""
        said: dict[str, Any] = {
            "--runner": self.runner,
            "--job_endpoint": self.job_endpoint,
            "--environment_type": self.environment_type or ("LOOPBACK" if self.runner == "PrismRunner" else None),
            "--environment_config": json.dumps(self.environment_config)
            if isinstance(self.environment_config, dict)
            else self.environment_config,
            "--prism_location": self.prism_location,
            "--setup_file": SETUP_FILE if self.ship_code else None,
            "--experiments": "pip_no_build_isolation" if self.ship_code else None,  # else workers fetch setuptools
        }
        if self.workers is not None:
            said[_WORKERS[self.runner]] = self.workers
            if self.runner == LOCAL and self.workers > 1:
                said["--direct_running_mode"] = "multi_processing"
        if not self.ship_code and not self._shipped():
            said["--sdk_container_image"] = "unused"
        return [f"{name}={value}" for name, value in said.items() if value is not None]

    def arguments(self) -> list[str]:
        """Beam's command line."""
        return [*self.typed(), *self.args]
