"""What belongs to a run as a whole, not to a stage. Light: commands that only look at runs read no other section."""

from __future__ import annotations

import pathlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.metadata_options import MetadataOptions
from pipeline.runners.beam.options import BeamOptions


class KeepOptions(BaseModel):
    """What `seqrank gc` leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: Annotated[int, Field(description="newest runs whose summary, log and artifacts stay", ge=1)] = 10
    models: Annotated[int, Field(description="newest published versions that stay", ge=2)] = 5
    checkpoint_days: Annotated[
        float, Field(description="days after which the checkpoint of a training that never ended goes", ge=0)
    ] = 7.0


class RunOptions(BaseModel):
    """What belongs to the run as a whole, not to a stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        Field(
            description="the pipeline's and the published model's name", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
        ),
    ] = "movielens"
    output_root: Annotated[
        pathlib.Path, Field(description="folder of metadata, artifacts, models, logs, summaries; one run at a time")
    ] = pathlib.Path("runs")
    cache: Annotated[
        bool, Field(description="take a stage from an earlier run where nothing it depends on changed")
    ] = True
    beam: Annotated[BeamOptions, Field(description="how Beam runs the stages that move data")] = BeamOptions()
    keep: Annotated[KeepOptions, Field(description="what `seqrank gc` leaves")] = KeepOptions()
    metadata: Annotated[MetadataOptions, Field(description="where what is known of runs is kept")] = MetadataOptions()
