"""What a user says about a run is typed by the package, or refused before anything is sent."""

import pytest

from pipeline.runners.kubeflow import arguments
from schemas.errors import ConfigError

ALL = {"text": "STRING", "count": "NUMBER_INTEGER", "rate": "NUMBER_DOUBLE", "on": "BOOLEAN", "many": "LIST"}
PIPELINE = {"root": {"inputDefinitions": {"parameters": {name: {"parameterType": ALL[name]} for name in ALL}}}}


def test_values_get_the_types_of_the_package():
    told = ["text=3", "count=3", "rate=3", "rate=0.5", "on=true", 'many=["a", "b"]', "text=a=b"]
    expected = {"text": "a=b", "count": 3, "rate": 0.5, "on": True, "many": ["a", "b"]}
    values = arguments.parameters(told, PIPELINE)
    assert values == expected
    assert [type(values[name]) for name in expected] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    "told", ["count=three", "count=3.5", "count=3.0", "count=true", "count=", "rate=true", "on=1", "many=3", "rate='1'"]
)
def test_a_value_of_another_type_is_refused(told):
    with pytest.raises(ConfigError, match=f"--param {told}: The value is not"):
        arguments.parameters([told], PIPELINE)


def test_an_unknown_parameter_is_refused_with_the_nearest_and_all(spec):
    with pytest.raises(
        ConfigError, match=r"no parameter 'epohcs'.\nNext: Did you mean epochs\? It has data, epochs, w"
    ):
        arguments.parameters(["epohcs=3"], spec)
    with pytest.raises(ConfigError, match=r"no parameter 'loss'.\nNext: It has data"):
        arguments.parameters(["loss=gbce"], spec)
    with pytest.raises(ConfigError, match="no parameter 'x'"):
        arguments.parameters(["x=1"], {"root": {}})


def test_two_braces_are_refused_and_a_span_is_not():
    with pytest.raises(ConfigError, match="Argo would take"):
        arguments.parameters(["text=s3://{{workflow.name}}/*.csv"], PIPELINE)
    assert arguments.parameters(["text=data-{SPAN}.csv"], PIPELINE) == {"text": "data-{SPAN}.csv"}


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        arguments.parameters(["count"], PIPELINE)


@pytest.mark.parametrize("told", ["0 30 2 * * *", "*/10 * * ? * MON-FRI", " 0  0 9 1,15 JAN * "])
def test_six_fields_are_a_schedule(told):
    assert arguments.cron(told) == " ".join(told.split())


def test_a_line_of_crontab_lacks_the_seconds():
    with pytest.raises(ConfigError, match=r"it has 5.\nNext: '0 30 2 \* \* \*' is a crontab's line with the seconds"):
        arguments.cron("30 2 * * *")


@pytest.mark.parametrize("told", ["", "@daily", "0 30 2 * * * 2027", "0 30 2 * * {x}"])
def test_anything_else_is_none(told):
    with pytest.raises(ConfigError, match="six fields"):
        arguments.cron(told)
