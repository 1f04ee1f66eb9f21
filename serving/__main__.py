"""`python -m serving`: the server alone, without a configuration file. `seqrank serve` reads one."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import sys

from pydantic import ValidationError

from schemas.errors import SeqrankError


def main() -> int:
    """Returns: exit status."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TensorFlow imports a Keras anyhow: the one that ranker asks for
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--model", required=True, help="a publish target or a model's folder, local or a URL")
    parser.add_argument("--options", default="{}", help="serving's options (serving/options.py) as JSON")
    parser.add_argument("--port", type=int, help="where it answers; 0: any free one, which the log names")
    arguments = parser.parse_args()
    gc.disable()  # it would go through TensorFlow's objects many times; serving.model has it begin after them
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s", stream=sys.stderr)
    from serving.options import Options
    from serving.server import serve

    try:
        given = json.loads(arguments.options)
        if arguments.port is not None:
            given["port"] = arguments.port
        serve(arguments.model, Options.model_validate(given))
    except (ValidationError, ValueError, TypeError) as error:
        print(f"serving: --options: {error}", file=sys.stderr)
        return 2
    except SeqrankError as error:
        print(f"serving: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
