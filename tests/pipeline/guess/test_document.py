"""What is written reads back as what was meant, whatever the names of columns hold."""

import yaml

from pipeline.guess.document import Knob, values, write

KNOBS = [
    Knob(("run", "name"), "shop"),
    Knob(("example_gen", "columns", "user"), "visitor", "not sure"),
    Knob(("example_gen", "columns", "item"), "no: {such}, 'name' # yes\n"),
    Knob(("example_gen", "columns", "timestamp"), "on"),
    Knob(("example_gen", "event_weights"), {"view": 1.0, "yes": 2.0, "é🎵": 0.5}, "a reason " * 20),
    Knob(("example_gen", "delimiter"), "\t"),
    Knob(("trainer", "model", "gap_embedding"), True, "with a\nline break: and a colon"),
    Knob(("run", "name"), "music", "set by you"),
]


def test_text_reads_back_as_the_values_and_the_last_of_one_path_wins():
    text = write(["Made here.", "a long line " * 30], KNOBS)
    assert yaml.safe_load(text) == values(KNOBS)
    assert yaml.safe_load(text)["run"] == {"name": "music"}
    assert yaml.safe_load(text)["example_gen"]["columns"]["item"] == KNOBS[2].value


def test_reasons_stand_beside_the_value_or_above_it():
    lines = write(["x"], KNOBS).splitlines()
    assert "    user: visitor  # not sure" in lines
    assert any(line.startswith("  # a reason a reason") for line in lines)
    assert max(map(len, lines)) <= 120
    assert [line for line in lines if line.startswith("run:")] == ["run:"]
