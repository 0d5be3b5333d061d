"""How the callbacks choose a metric and count steps; the tests with real frameworks are slow."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from maggy.callbacks.round_report import RoundReport
from maggy.common.exceptions import BadArgumentsError, BroadcastMetricTypeError, MetricKeyError
from maggy.core.reporter import Reporter

VALUES = {("train", "auc"): 1, ("valid", "auc"): 2, ("valid", "log-loss"): 3}


class Base:
    """A framework's own class."""


class Rounds(RoundReport):
    """Report what a framework without a package has evaluated."""

    _place, _remedy = "the evaluations", "Evaluate it."

    @classmethod
    def _framework_classes(cls):
        return (Base,)

    def choose(self, values):
        return self._choose(values)

    def report(self, value, step=0):
        self._report(value, step)


@pytest.mark.parametrize(
    ("metric", "value"), [("valid-log-loss", 3), (("valid", "log-loss"), 3), (["train", "auc"], 1)]
)
def test_a_text_or_a_pair_names_a_metric_of_a_data_set(metric, value):
    assert Rounds(Reporter(), metric).choose(VALUES) == value


def test_no_name_stands_for_the_only_metric_of_the_last_data_set():
    assert Rounds(Reporter()).choose({("train", "auc"): 1, ("valid", "auc"): 2}) == 2
    with pytest.raises(MetricKeyError, match=r"got None. There are train-auc, valid-auc, valid-l"):
        Rounds(Reporter()).choose(VALUES)


def test_the_error_for_a_missing_metric_lists_those_that_are_there():
    with pytest.raises(MetricKeyError) as caught:
        Rounds(Reporter(), "valid-acu").choose(VALUES)
    assert str(caught.value) == (
        "The metric to report must be one of those in the evaluations, but 'valid-acu' is not "
        "among them: train-auc, valid-auc, valid-log-loss. Did you mean 'valid-auc'? Evaluate it."
    )


def test_without_any_metric_the_error_says_so():
    with pytest.raises(MetricKeyError, match=r"a metric in the evaluations, but there is none\. E"):
        Rounds(Reporter()).choose({})
    with pytest.raises(MetricKeyError, match="'auc' is not among them: there are none"):
        Rounds(Reporter(), "auc").choose({})


@pytest.mark.parametrize("metric", [1, (), ("valid",), ("valid", 1), {"valid": "auc"}], ids=str)
def test_a_metric_is_a_text_or_a_pair_of_texts(metric):
    with pytest.raises(BadArgumentsError, match="metric must be a text such as"):
        Rounds(Reporter(), metric)


@pytest.mark.parametrize("value", [np.float32(0.5), np.array([0.5]), 0.5])
def test_a_value_becomes_a_float(value):
    points = []
    reporter = SimpleNamespace(broadcast=lambda metric, step: points.append((step, metric)))
    Rounds(reporter).report(value)
    assert (points, type(points[0][1])) == ([(0, 0.5)], float)
    with pytest.raises(BroadcastMetricTypeError):
        Rounds(reporter).report("0.5")


def test_steps_are_those_of_the_framework_and_never_repeat():
    reporter = Reporter()
    report = Rounds(reporter)
    for step in (0, 3, 3, 0):
        report.report(0.5, step)
    reporter.broadcast(0.5)
    Rounds(reporter).report(0.5, 0)
    assert [step for step, _ in reporter.waiting()[1]] == [0, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda callback: pickle.loads(pickle.dumps(callback))]
)
def test_a_copy_is_of_the_frameworks_class_and_has_the_same_reporter(again):
    report = Rounds(Reporter(), "valid-auc")
    twin = again(report)
    assert type(twin) is type(report)
    assert isinstance(twin, Base)
    assert isinstance(twin, Rounds)
    assert (twin._reporter, twin._metric) == (report._reporter, "valid-auc")
