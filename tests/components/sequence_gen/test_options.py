"""SequenceGen's knobs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from components.sequence_gen.options import Options
from components.sequence_gen.splits import load, names


def test_options_survive_json():
    split = {"name": "global_time", "valid_from": "2020-01-01", "test_from": "2020-02-01"}
    options = Options.model_validate({"split": split, "k_core": {"items": 5}})
    assert Options.model_validate_json(options.model_dump_json()) == options
    assert Options.model_validate_json(Options().model_dump_json()) == Options()


def test_days_before_the_newest_event_survive_json():
    options = Options.model_validate({"split": {"name": "global_time", "valid_days": 7, "test_days": 0.5}})
    assert Options.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize("name", names())
def test_each_file_of_the_folder_is_a_rule_of_its_name(name):
    assert load(name).Options.model_fields["name"].default == name
    assert callable(load(name).assign)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "lottery"}, "there is no split 'lottery'; there are global_time, leave_last_out"),
        ({"split": {}}, "split needs a name"),
        ({"split": {"name": "leave_last_out", "n": 2}}, "Extra inputs"),
        ({"window": 10, "overlap": 10}, "must be smaller than the window"),
        ({"window": 1}, "greater than or equal to 2"),
        ({"winodw": 10}, "Extra inputs"),
        ({"session_gap": 0}, "greater than 0"),
        ({"session_gap": "inf"}, "finite"),
    ],
)
def test_wrong_options_are_refused_with_the_reason(wrong, message):
    with pytest.raises(ValidationError, match=message):
        Options.model_validate(wrong)


def test_overlap_follows_from_the_window_unless_it_is_given():
    assert [Options().overlap_in(window) for window in (2, 50, 200)] == [1, 10, 40]
    assert Options(overlap=3).overlap_in(200) == 3
