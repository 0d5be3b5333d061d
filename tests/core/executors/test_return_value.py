"""What the value that a training function returned means."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from maggy.common.exceptions import (
    MetricKeyError,
    MetricTypeError,
    MetricValueError,
    ReturnTypeError,
)
from maggy.core.executors import return_value as module
from maggy.core.executors.return_value import metric_of
from maggy.core.executors.workload import SearchWorkload
from maggy.core.messages import REMARK, Final
from maggy.core.rpc.encoding import encode


class Tensor:
    """Has what a tensor of TensorFlow has: ``numpy`` but no ``item``."""

    def __init__(self, values):
        self.values = np.asarray(values)

    @property
    def shape(self):
        return self.values.shape

    def numpy(self):
        return self.values


def silent(text):
    raise AssertionError(f"warned: {text}")


def outcome(value, key="metric"):
    return metric_of(value, key, silent)


@pytest.mark.parametrize("value", [0, 0.0, -0.0, 3, -2.5, 1e300])
def test_a_number_is_the_metric_and_the_only_output(value):
    metric, outputs = outcome(value)
    assert metric == value
    assert math.copysign(1, metric) == math.copysign(1, value)
    assert type(metric) is type(value)
    assert outputs == {"metric": value}


def test_the_output_of_a_number_has_the_optimization_key():
    assert outcome(0.5, "val_acc") == (0.5, {"val_acc": 0.5})


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.array(0.5), np.int64(2)])
def test_numpy_scalars_become_python_numbers(value):
    for metric, outputs in (outcome(value), outcome({"metric": value})):
        assert metric == value
        assert type(metric) in (int, float)
        assert type(outputs["metric"]) is type(metric)


def test_a_dict_gives_its_metric_and_keeps_the_rest():
    value = {"metric": 0, "note": "a", "curve": [1, 2.5], "parts": {"a": None, "b": True}}
    assert outcome(value) == (0, value)


def test_values_of_a_dict_become_plain():
    _, outputs = outcome(
        {"metric": 1, "curve": np.arange(3), "pair": (1, np.float32(0.5)), "best": np.bool_(True)}
    )
    assert outputs == {"metric": 1, "curve": [0, 1, 2], "pair": [1, 0.5], "best": True}
    assert type(outputs["curve"][0]) is int


def test_a_nan_beside_the_metric_is_kept_as_none():
    assert outcome({"metric": 1, "other": math.nan})[1]["other"] is None


@pytest.mark.parametrize(
    "value", [None, True, False, np.bool_(True), "0.5", [1], (1,), object(), np.array([1, 2]), 1j]
)
def test_what_is_neither_number_nor_dict_is_refused(value):
    with pytest.raises(
        ReturnTypeError,
        match="must return a number or a dict with the key 'metric', but it returned",
    ):
        outcome(value)


@pytest.mark.parametrize("value", [None, True, "0.5", [1], {}])
def test_a_metric_in_a_dict_that_is_no_number_is_refused(value):
    with pytest.raises(MetricTypeError, match="'metric' must be a number, but it is"):
        outcome({"metric": value})


def test_a_dict_without_the_key_is_a_key_error_that_names_the_keys_that_are_there():
    with pytest.raises(KeyError) as caught:
        outcome({"accuracy": 1, "loss": 2}, "acuracy")
    assert isinstance(caught.value, MetricKeyError)
    text = str(caught.value)
    assert "must hold the optimization key 'acuracy', but it has the keys accuracy, loss." in text
    assert "Did you mean 'accuracy'?" in text


def test_an_empty_dict_is_told_that_it_has_no_keys():
    with pytest.raises(MetricKeyError, match=r"it has the keys \(none\)"):
        outcome({})


@pytest.mark.parametrize(
    ("value", "reason"),
    [(math.nan, "metric is NaN"), (math.inf, "metric is inf"), (-math.inf, "metric is -inf")],
)
def test_a_metric_that_is_not_finite_is_refused_with_the_reason(value, reason):
    for form in (value, {"metric": value}, np.float32(value)):
        with pytest.raises(MetricValueError) as caught:
            outcome(form)
        assert str(caught.value) == reason


def test_a_value_that_json_cannot_hold_is_kept_as_text_with_a_warning():
    warnings = []
    metric, outputs = metric_of(
        {"metric": 1, "model": {1, 2}, "raw": b"x"}, "metric", warnings.append
    )
    assert (metric, outputs) == (1, {"metric": 1, "model": "{1, 2}", "raw": "b'x'"})
    assert ["'model' is kept as text" in warnings[0], "'raw' is kept as text" in warnings[1]] == [
        True,
        True,
    ]


def test_text_that_is_kept_is_bounded():
    assert (
        len(metric_of({"metric": 1, "big": {"x" * 5000}}, "metric", lambda text: None)[1]["big"])
        == 1000
    )


def test_a_value_that_cannot_even_be_shown_does_not_cost_the_trial_its_metric():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no text")

    endless = []
    endless.append(endless)
    warnings = []
    metric, outputs = metric_of(
        {"metric": 1, "broken": Broken(), "endless": endless}, "metric", warnings.append
    )
    assert metric == 1
    assert "Broken" in outputs["broken"]
    assert outputs["endless"] == "[[...]]"
    assert len(warnings) == 2


def test_keys_that_are_no_strings_become_strings():
    assert outcome({"metric": 1, 2: 3})[1] == {"metric": 1, "2": 3}


def test_values_with_keys_that_are_no_strings_keep_their_structure():
    value = {
        "metric": 1,
        "steps": {3: {(1, 2): [{None: 4.5}]}},
        "both": {1: "a", "1": "b", "1_2": "c"},
    }
    assert outcome(value)[1] == {
        "metric": 1,
        "steps": {"3": {"(1, 2)": [{"None": 4.5}]}},
        "both": {"1": "a", "1_2": "b", "1_2_2": "c"},
    }


def test_no_other_key_takes_the_metric_s_name_or_is_lost_to_it():
    assert outcome({1: "a", "1": 0.5}, "1") == (0.5, {"1_2": "a", "1": 0.5})


@pytest.mark.parametrize(
    "value",
    [
        np.array([0.5]),
        np.array([[0.5]], dtype=np.float32),
        Decimal("0.5"),
        Fraction(1, 2),
        Tensor([0.5]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_number_in_another_form_is_a_metric(value):
    for form in (value, {"metric": value}):
        assert outcome(form) == (0.5, {"metric": 0.5})


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 10**5000, Fraction(10**400), Decimal("1e400"), Decimal("-1e999999")],
    ids=range(6),
)
def test_a_metric_beyond_every_float_is_refused_with_a_sentence(value):
    for form in (value, {"metric": value}):
        with pytest.raises(
            MetricValueError, match=r"must be a number that a float can hold, of at most 1\.8e\+308"
        ):
            outcome(form)


def test_a_dict_that_is_too_large_loses_its_largest_values_and_never_its_metric(monkeypatch):
    monkeypatch.setattr(module, "MAX_OUTPUTS_BYTES", 2**20)
    warnings = []
    value = {
        "large": "x" * 2**20,
        "metric": 0.5,
        "small": [1],
        "larger": "x" * 2**21,
        "half": "x" * 2**19,
    }
    metric, outputs = metric_of(value, "metric", warnings.append)
    assert (metric, outputs) == (0.5, {"metric": 0.5, "small": [1], "half": "x" * 2**19})
    assert warnings == [
        "The returned dict takes more than 1 MiB, so its largest values are left out: "
        "'larger' (2.0 MiB), 'large' (1.0 MiB). Save what is large to a file."
    ]


def test_a_dict_of_very_many_small_values_loses_some_with_one_short_line(monkeypatch):
    monkeypatch.setattr(module, "MAX_OUTPUTS_BYTES", 1000)
    warnings = []
    metric, outputs = metric_of(
        {"metric": 2**60, **dict.fromkeys(range(1000), 1)}, "metric", warnings.append
    )
    assert metric == outputs["metric"] == 2**60
    assert 100 < len(outputs) < 400
    assert len(warnings) == 1
    assert " and " in warnings[0]
    assert len(warnings[0]) < 500


def test_what_is_kept_fits_the_message_that_reports_it(monkeypatch):
    monkeypatch.setattr(module, "MAX_OUTPUTS_BYTES", 1000)
    value = {"metric": 0.5, **{f"v{number}": "x" * number for number in range(100)}}
    _, outputs = metric_of(value, "metric", lambda text: None)
    assert len(encode(Final(0, 0, [], 0, [], 0.5, outputs, False))) <= 1000 + 20


def read(value, key="Metric"):
    """What a lenient workload makes of a returned value: metric, outputs and what it says."""
    lines = []
    workload = SearchWorkload(max, key, lenient=True)
    metric, outputs = workload.metric_of(
        value, lambda line, jupyter=False: lines.append((jupyter, line))
    )
    return metric, outputs, lines


@pytest.mark.parametrize(
    ("value", "metric", "outputs", "remark"),
    [
        (0.5, 0.5, {"Metric": 0.5}, ""),
        ({"loss": 2, "Metric": 1}, 1, {"loss": 2, "Metric": 1}, "its 'Metric'"),
        ({"loss": 2, "metric": 1}, 1, {"Metric": 1, "loss": 2, "metric": 1}, "its 'metric'"),
        ({"loss": 2, "METRIC": 1}, 1, {"Metric": 1, "loss": 2, "METRIC": 1}, "its 'METRIC'"),
        ({"loss": 2, "acc": 1}, 2, {"Metric": 2, "loss": 2, "acc": 1}, "its first value, 'loss'"),
        ({3: 2, "acc": 1}, 2, {"Metric": 2, "3": 2, "acc": 1}, "its first value, '3'"),
        ([2, 1], 2, {"Metric": 2, "returned": [2, 1]}, "its first item"),
        ([np.float32(0.5)], 0.5, {"Metric": 0.5, "returned": [0.5]}, "its first item"),
    ],
)
def test_a_lenient_reading_takes_the_key_else_metric_in_any_case_else_the_first_value(
    value, metric, outputs, remark
):
    assert read(value)[:2] == (metric, outputs)
    lines = read(value)[2]
    assert len(lines) == bool(remark)
    for is_shown, line in lines:
        assert is_shown
        assert line.startswith(REMARK)
        assert remark in line


def test_a_lenient_reading_prefers_the_key_that_the_user_names():
    assert read({"loss": 2, "metric": 3, "acc": 1}, "acc")[0] == 1


@pytest.mark.parametrize("value", [{}, [], None, True, "0.5", (1,)])
def test_a_lenient_reading_refuses_what_holds_no_value(value):
    with pytest.raises((ReturnTypeError, MetricKeyError)):
        read(value)


@pytest.mark.parametrize("value", [{"model": "resnet"}, ["resnet"], {"metric": None}])
def test_a_lenient_reading_refuses_a_first_value_that_is_no_number(value):
    with pytest.raises(MetricTypeError, match="must be a number"):
        read(value)


def test_a_lenient_reading_refuses_nan():
    with pytest.raises(MetricValueError, match="metric is NaN"):
        read([math.nan])
