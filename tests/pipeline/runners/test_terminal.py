"""What a person sees of a run, and where libraries' words go."""

import io
import logging
import os
import sys
import warnings

import pytest
from rich.console import Console

from pipeline.runners.terminal import StageLines, libraries_to


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=100)


def begin(name):
    logging.getLogger("absl").info("Component %s is running.", name)


def end(name):
    logging.getLogger("absl").info("Component %s is finished.", name)


@pytest.fixture(autouse=True)
def level():
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


def test_each_stage_has_one_line_that_says_whether_it_came_from_the_cache(console):
    with StageLines(console).follow():
        begin("SequenceGen")
        end("SequenceGen")
        begin("Transform")
        logging.getLogger("absl").info("A cached execution %d is used.", 7)
        end("Transform")
        begin("LatestBlessedModel")  # decides what a stage reads; no stage
        end("LatestBlessedModel")
        logging.getLogger("absl").info("Component %s is being skipped.", "Trainer")
    lines = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["SequenceGen", "Transform"]
    assert lines[0].endswith(" s")
    assert lines[1].endswith(" s   from the cache")


def test_the_stage_under_way_is_known_until_it_ends(console):
    lines = StageLines(console)
    with lines.follow():
        begin("Trainer")
        assert lines.running == "Trainer"
        end("Trainer")
        assert lines.running is None
        begin("Evaluator")  # and fails
    assert lines.running == "Evaluator"
    begin("Pusher")
    assert lines.running == "Evaluator"


def test_logs_warnings_and_standard_error_go_to_the_file_and_all_is_as_before_afterwards(tmp_path):
    root = logging.getLogger()
    handlers, level, stream = root.handlers[:], root.level, os.fstat(2).st_ino
    log = tmp_path / "run.log"
    with libraries_to(log):
        logging.getLogger("a.library").info("logged")
        os.write(2, b"written by C++\n")
        warnings.warn("warned", UserWarning, stacklevel=1)
        assert os.fstat(2).st_ino != stream
    assert (root.handlers, root.level, os.fstat(2).st_ino) == (handlers, level, stream)
    text = log.read_text()
    assert " I a.library: logged" in text
    assert "written by C++" in text
    print("after", file=sys.stderr)
    assert "after" not in log.read_text()


def test_the_log_is_kept_where_a_block_raises(tmp_path):
    stream = os.fstat(2).st_ino

    def fail():
        with libraries_to(tmp_path / "run.log"):
            logging.getLogger("a.library").error("before the end")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert os.fstat(2).st_ino == stream
    assert "before the end" in (tmp_path / "run.log").read_text()


def test_passwords_of_messages_are_left_out_of_the_log(tmp_path):
    from ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.mysql.password = 'a "b" \\c é'
    config.postgresql.ssloption.sslpassword = "hidden-too"
    config.postgresql.user = "somebody"
    with libraries_to(tmp_path / "run.log"):
        logging.getLogger("absl").info("Using connection config:\n %s", config)
        config.mysql.password = 'a "b" \\c é'
        logging.getLogger("absl").info("Using connection config:\n %s", config)
    log = (tmp_path / "run.log").read_text()
    assert "somebody" in log
    assert log.count('password: "(hidden)"') == 2
    assert "b\\" not in log
    assert "hidden-too" not in log
