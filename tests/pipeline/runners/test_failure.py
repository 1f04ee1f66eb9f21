"""What a user can act on is found inside what libraries wrapped around it."""

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.runners import failure
from schemas.errors import DataError, GateRefused, SeqrankError

ERROR = DataError("column 'x' is missing", where="a.csv:1", why="it has a, b\nand c", next_step="Name it.")


def _raise(_):
    raise ERROR


def test_an_error_of_ours_is_itself():
    assert failure.plain(ERROR) is ERROR


def test_a_cause_of_ours_is_found_behind_another_error():
    wrapped = RuntimeError("stage failed")
    wrapped.__cause__ = ERROR
    assert failure.plain(wrapped) is ERROR


def test_an_error_that_nobody_foresaw_is_none_of_ours():
    assert failure.plain(ValueError("shape")) is None


def test_an_error_from_a_beam_step_is_found_with_all_its_parts():
    with (
        pytest.raises(Exception, match="column 'x'") as caught,
        beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline,
    ):
        _ = pipeline | beam.Create([1]) | "Read it" >> beam.Map(_raise)
    found = failure.plain(caught.value)
    assert isinstance(found, DataError)
    assert str(found) == str(ERROR)


@pytest.mark.parametrize("kind", [DataError, GateRefused])
def test_an_error_that_is_left_as_text_alone_keeps_kind_and_wording(kind):
    error = kind("too many", where="a.csv", why="5 of 9\nrows", next_step="Raise the limit.")
    text = f"Traceback (most recent call last):\n  x\nschemas.errors.{kind.__name__}: {error} [while running 'Read it']"
    found = failure.plain(RuntimeError(text))
    assert type(found) is kind
    assert str(found) == str(error)
    assert isinstance(found, SeqrankError)
