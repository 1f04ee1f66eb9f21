"""Executes the Trainer on a real TFT graph."""

import pytest
from tfx.types import channel, standard_artifacts

from components.trainer.component import Trainer
from components.trainer.executor import Executor


def _artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    return made


@pytest.fixture(scope="session")
def execute(training_inputs):
    """execute(folder, options, context, items, more) -> (inputs, outputs, properties) of one finished execution.

    context, items: as training_inputs takes them. more: further input artifacts by name.
    """

    def run(folder, options, context=None, items=None, more=None):
        inputs = training_inputs(folder, context, items) | {name: [one] for name, one in (more or {}).items()}
        outputs = {
            "model": [_artifact(standard_artifacts.Model, folder / "model")],
            "model_run": [_artifact(standard_artifacts.ModelRun, folder / "run")],
        }
        channels = {name: channel.Channel(type=type(value[0])) for name, value in inputs.items()}
        component = Trainer(
            **channels, epochs=2, options=options, code_version="1", checkpoint_root=str(folder / "checkpoints")
        )
        Executor().Do(inputs, outputs, dict(component.exec_properties))
        return inputs, outputs, dict(component.exec_properties)

    return run
