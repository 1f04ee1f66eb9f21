from tfx.dsl.components.base import base_beam_component
from tfx.types import channel, standard_artifacts

from components.evaluator.component import Evaluator
from components.evaluator.options import Options
from schemas import artifacts


def test_declaration_carries_options_and_leaves_the_baseline_out_where_there_is_none():
    stage = Evaluator(
        examples=channel.Channel(standard_artifacts.Examples),
        model=channel.Channel(standard_artifacts.Model),
        item_counts=channel.Channel(artifacts.ItemCounts),
        options=Options(min_lift=1.5),
        code_version="abc",
    )
    assert isinstance(stage, base_beam_component.BaseBeamComponent)
    assert Options.model_validate_json(stage.exec_properties["options"]).min_lift == 1.5
    assert stage.exec_properties["code_version"] == "abc"
    assert set(stage.outputs) == {"evaluation", "blessing"}
    assert set(stage.inputs) == {"examples", "model", "item_counts"}
