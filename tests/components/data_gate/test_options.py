import pydantic
import pytest

from components.data_gate.options import Options


def test_unknown_kind_of_anomaly_is_refused_with_one_like_it():
    with pytest.raises(pydantic.ValidationError, match="SCHEMA_NEW_COLUMN"):
        Options(refuse_anomalies=("SCHEMA_NEW_COLUM",))


@pytest.mark.parametrize("kinds", [("ALL",), ("NO_DATA",), ("INT_TYPE_BIG_INT", "SCHEMA_MISSING_COLUMN"), ()])
def test_known_kinds_are_taken(kinds):
    assert Options(refuse_anomalies=kinds).refuse_anomalies == kinds


def test_every_kind_is_refused_by_default_and_only_named_ones_otherwise():
    assert Options().refuses("INT_TYPE_BIG_INT")
    assert not Options(refuse_anomalies=("NO_DATA",)).refuses("INT_TYPE_BIG_INT")


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_share_outside_0_to_1_is_refused(share):
    with pytest.raises(pydantic.ValidationError):
        Options(max_rejected=share)
