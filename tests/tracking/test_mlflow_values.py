"""Trials in MLflow's terms."""

import math

import pytest
from helpers.listeners import INFO
from helpers.results import ended_trial

from maggy.result.rows import make_row
from maggy.tracking.mlflow_values import (
    experiment_tags,
    final_metrics,
    named,
    run_name,
    trial_params,
    trial_points,
    trial_status,
    trial_tags,
)


def row_of(metric=0.5, params=None, **fields):
    trial = ended_trial(params or {"x": 1}, metric, **fields)
    return make_row(trial, "accuracy")


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("lr", "lr"),
        ("a b-c.d:e/f", "a b-c.d:e/f"),
        ("größe(1)", "gr__e_1_"),
        ("a//b", "a__b"),
        ("../up", "__up"),
        ("..", "_"),
        ("", "_"),
        ("n" * 300, "n" * 250),
    ],
)
def test_names_become_those_that_mlflow_accepts(name, accepted):
    assert list(named({name: 1})) == [accepted]


def test_names_that_become_equal_are_numbered():
    assert named({"a(": 1, "a)": 2, "a_": 3}) == {"a_": 1, "a__2": 2, "a__3": 3}


def test_parameters_become_texts():
    params = {"x": 1, "rate": 0.5, "name": "adam", "layers": [1, {"a": None}], "flag": True}
    assert trial_params(row_of(params=params)) == {
        "x": "1",
        "rate": "0.5",
        "name": "adam",
        "layers": '[1, {"a": null}]',
        "flag": "True",
    }


def test_a_run_is_called_by_the_number_of_its_trial():
    row = row_of()
    assert run_name({**row, "number": 12}) == "trial 12"
    assert run_name({**row, "number": None}) == row["trial_id"]


def test_only_points_that_are_not_written_are_left_with_times_inside_the_trial():
    row = row_of(
        start=1000.0,
        duration=400,
        step_history=[0, 1, 2, 3],
        metric_history=[0.1, 0.2, math.nan, 0.4],
    )
    points = trial_points(row, "accuracy", {0: 0.1, 1: 0.9, 2: None}, now=0.0)
    assert [(point.step, point.value, point.time) for point in points] == [
        (1, 0.2, 1000200),
        (3, 0.4, 1000400),
    ]
    assert {point.name for point in points} == {"accuracy"}


def test_steps_are_rounded_down_and_nan_stays():
    row = row_of(step_history=[0.5, 1e300], metric_history=[math.nan, 1.0])
    first, second = trial_points(row, "accuracy", {}, now=0.0)
    assert (first.step, second.step) == (0, 2**63 - 1)
    assert math.isnan(first.value)


def test_the_final_metric_does_not_hide_the_curve():
    row = row_of(
        0.5,
        step_history=[0],
        metric_history=[0.7],
        outputs={"accuracy": 0.5, "loss": 2, "final_accuracy": 9, "ok": True, "text": "a"},
    )
    points = final_metrics(row, "accuracy", 7)
    assert {point.name: point.value for point in points} == {"final_accuracy": 0.5, "loss": 2.0}


def test_without_reports_the_final_metric_is_the_curve():
    points = final_metrics(row_of(0.5), "accuracy", 7)
    assert {point.name: point.value for point in points} == {"final_accuracy": 0.5, "accuracy": 0.5}


def test_a_failed_trial_has_no_final_metric():
    assert final_metrics(row_of(None), "accuracy", 7) == []


@pytest.mark.parametrize(
    ("row", "status", "early"),
    [
        (row_of(0.5), "FINISHED", "false"),
        (row_of(0.5, early_stop=True), "FINISHED", "true"),
        (row_of(None, error="Traceback"), "FAILED", "false"),
        (row_of(0.5) | {"status": "RUNNING"}, "KILLED", "false"),
    ],
)
def test_the_status_and_the_tag_say_how_a_trial_ended(row, status, early):
    assert trial_status(row) == status
    assert trial_tags(row)["maggy.early_stopped"] == early


def test_the_end_of_a_long_error_is_kept():
    assert trial_tags(row_of(None, error="x" * 9000 + "KeyError"))["maggy.error"].endswith(
        "KeyError"
    )


def test_the_parent_run_says_what_the_experiment_is():
    tags = experiment_tags({**INFO, "description": "why"})
    assert tags["mlflow.note.content"] == "why"
    assert tags["maggy.experiment_id"] == "app_1"
    assert all(isinstance(text, str) for text in tags.values())
