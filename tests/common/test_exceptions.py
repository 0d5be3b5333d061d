"""Every exception has its place in the tree, and the built-in base that fits."""

from __future__ import annotations

import pickle

import pytest

from maggy.common import exceptions
from maggy.common.exceptions import EarlyStopException, MaggyError, MetricKeyError

BUILT_IN = {
    "AblationError": ValueError,
    "BadArgumentsError": ValueError,
    "BroadcastMetricTypeError": TypeError,
    "BroadcastStepTypeError": TypeError,
    "BroadcastStepValueError": ValueError,
    "CheckpointError": ValueError,
    "ExperimentError": RuntimeError,
    "ExperimentNotFoundError": FileNotFoundError,
    "MetricKeyError": KeyError,
    "MetricTypeError": TypeError,
    "MetricValueError": ValueError,
    "MissingDependencyError": ImportError,
    "NotSupportedError": NotImplementedError,
    "OwnershipError": ValueError,
    "RecordsError": OSError,
    "ResumeError": ValueError,
    "ReturnTypeError": TypeError,
    "SearchspaceBoundsError": (ValueError, AssertionError),
    "SignatureError": TypeError,
}


def test_every_exception_is_exported_and_every_export_an_exception():
    defined = {name for name, value in vars(exceptions).items() if isinstance(value, type)}
    assert defined == set(exceptions.__all__)


def test_every_exception_has_its_place_in_the_tree_and_in_the_drawing():
    assert set(BUILT_IN) == set(exceptions.__all__) - {"MaggyError", "EarlyStopException"}
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), MaggyError)
        assert name in exceptions.__doc__


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_error_is_caught_as_the_built_in_that_fits(name):
    for built_in in BUILT_IN[name] if isinstance(BUILT_IN[name], tuple) else (BUILT_IN[name],):
        with pytest.raises(built_in, match="rule"):
            raise getattr(exceptions, name)("the rule")


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_error_shows_its_sentence_and_can_be_pickled(name):
    error = pickle.loads(pickle.dumps(getattr(exceptions, name)("the rule")))
    assert type(error).__name__ == name
    assert str(error) == "the rule"


def test_a_key_error_without_a_message_shows_nothing():
    assert str(MetricKeyError()) == ""


def test_an_early_stop_carries_its_metric():
    error = pickle.loads(pickle.dumps(EarlyStopException(0.25)))
    assert error.metric == 0.25
    assert "0.25" in str(error)


def test_an_early_stop_is_no_built_in_error():
    assert not issubclass(EarlyStopException, (ValueError, TypeError, RuntimeError, KeyError))
