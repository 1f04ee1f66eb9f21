"""`seqrank`: the command line. Environment first, since Keras 2 must be chosen before anything imports TensorFlow."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings

import typer

from pipeline.cli import (
    artifacts,
    compare,
    compile,
    config,
    data,
    decrypt,
    doctor,
    forget,
    gc,
    init,
    lineage,
    report,
    run,
    runs,
    serve,
    show,
    submit,
    ui,
)
from schemas.errors import SeqrankError

app = typer.Typer(
    name="seqrank",
    help="Turn an interaction log into a trained, evaluated and published sequential recommender.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("init")(init.init)
app.command("run")(run.run)
app.add_typer(data.app, name="data")
app.command("config")(config.config)
app.command("compile")(compile.compile_)
app.command("submit")(submit.submit)
app.command("runs")(runs.runs)
app.command("show")(show.show)
app.command("report")(report.report)
app.command("artifacts")(artifacts.artifacts)
app.command("open")(artifacts.open_)
app.command("lineage")(lineage.lineage)
app.command("compare")(compare.compare)
app.command("serve")(serve.serve)
app.command("ui")(ui.ui)
app.command("gc")(gc.gc)
app.command("forget")(forget.forget)
app.command("decrypt")(decrypt.decrypt)
app.command("doctor")(doctor.doctor)


def prepare_environment() -> None:
    """Chooses Keras 2 and quietens what libraries say at import. Has no effect after TensorFlow was imported."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tensorflow-recommenders and TFT know Keras 2 only
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # else the order of float sums depends on the processor
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)


def main() -> None:
    """Runs the command line; ends the process with the exit status that pipeline.cli.run states."""
    prepare_environment()
    try:
        app()
    except SeqrankError as error:
        print(f"seqrank: {error}", file=sys.stderr)
        _leave(error.exit_status)
    except SystemExit as done:
        _leave(done.code if isinstance(done.code, int) else int(done.code is not None))


def _leave(status: int) -> None:
    """Ends the process. TensorFlow's objects fall apart noisily, and slowly, when Python takes its modules down."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
