"""tuner_fn: what TFX's executor calls for the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow_transform as tft
from tfx.components.tuner.component import TunerFnResult

from components.tuner.options import Options
from components.tuner.search import Search
from ranker import slices
from ranker.job import Sources
from ranker.job_options import JobOptions

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """TFX's entry point.

    Args:
        fn_args: train_files and eval_files (patterns), transform_graph_path, working_dir, and as custom_config what
            components.tuner.executor puts there.
    Raises: ModelError: there is nothing to learn from or to validate on.
    """
    config = fn_args.custom_config
    options, job = Options.model_validate_json(config["options"]), JobOptions.model_validate_json(config["job"])
    slices.share_cores(job.batch_size)  # on a cluster, as the Trainer does
    sources = Sources(
        train=fn_args.train_files,
        valid=fn_args.eval_files,
        test=[],
        item_counts=config["item_counts"],
        window=config["window"],
        mask_seen=config["mask_seen"],
        items=config["items"],
    )
    search = Search(
        options,
        job.model_copy(update={"epochs": options.epochs or job.epochs}),
        sources,
        tft.TFTransformOutput(fn_args.transform_graph_path),
        fn_args.working_dir,
        config["checkpoints"],
    )
    return TunerFnResult(tuner=search, fit_kwargs={})
