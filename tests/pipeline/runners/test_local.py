"""What a run leaves for people, and that a report is never the reason that it fails."""

import logging

from benchmarks.made_runs import MadeRuns
from pipeline.runners import local
from schemas.runs import OutputRoot

RUN = "2026-01-01T000000"


def test_a_report_lies_in_the_runs_folder(tmp_path):
    MadeRuns(tmp_path).add(RUN)
    root = OutputRoot(tmp_path)
    assert local._report(root, RUN) == root.run(RUN) / "report.html"
    assert (root.run(RUN) / "report.html").is_file()


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    MadeRuns(tmp_path).add(RUN)
    root = OutputRoot(tmp_path)
    root.run(RUN).write_text("in the way of the folder")
    with caplog.at_level(logging.WARNING):
        assert local._report(root, RUN) is None
        assert local._report(OutputRoot(tmp_path / "nowhere"), RUN) is None
    assert [record.message for record in caplog.records].count("The report could not be written.") == 2
