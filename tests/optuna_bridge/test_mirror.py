"""A study of Optuna in memory that follows an experiment."""

from datetime import datetime

import pytest
from helpers.results import ended_trial

from maggy.optuna_bridge.mirror import MirrorWasDeleted, StudyMirror
from maggy.result.rows import make_row
from maggy.searchspace import Searchspace
from maggy.trial import Trial

pytestmark = pytest.mark.slow

SPECS = Searchspace(lr=("DOUBLE", [0.001, 1.0], "log"), kind=("CATEGORICAL", ["a", "b"])).to_dict()
START = 1.7e9


@pytest.fixture
def mirror():
    return StudyMirror("app_1", SPECS, "max", "accuracy")


def trials(mirror):
    (study,) = mirror.storage.get_all_studies()
    return mirror.storage.get_all_trials(study._study_id)


def ended(params, metric=0.5, points=(), **others):
    trial = ended_trial(params, metric, start=START, duration=2500, **others)
    for step, value in points:
        trial.append_metric({"step": step, "value": value})
    return make_row(trial, "accuracy")


def running(params, points=()):
    trial = Trial(params)
    trial.status = Trial.RUNNING
    for step, value in points:
        trial.append_metric({"step": step, "value": value})
    return make_row(trial, "accuracy")


def test_a_trial_runs_and_ends_with_its_points_and_its_true_times(mirror):
    params = {"lr": 0.1, "kind": "a"}
    mirror.update([], [running(params, [(0, 0.1)])])
    assert [trial.state.name for trial in trials(mirror)] == ["RUNNING"]
    mirror.update([], [running(params, [(0, 0.1), (1, 0.2)])])
    assert trials(mirror)[0].intermediate_values == {0: 0.1, 1: 0.2}
    mirror.update([ended(params, 0.9, [(0, 0.1), (1, 0.2), (2, 0.9)], number=7)], [])
    (trial,) = trials(mirror)
    assert (trial.state.name, trial.value, trial.params) == ("COMPLETE", 0.9, params)
    assert trial.intermediate_values == {0: 0.1, 1: 0.2, 2: 0.9}
    assert trial.datetime_start == datetime.fromtimestamp(START)
    assert trial.duration.total_seconds() == 2.5
    assert trial.user_attrs["number"] == 7
    assert mirror.storage.get_best_trial(0).value == 0.9


def test_points_of_a_run_that_was_lost_are_taken_back(mirror):
    params = {"lr": 0.1, "kind": "a"}
    mirror.update([], [running(params, [(0, 0.1), (1, 0.2)])])
    mirror.update([], [running(params, [(0, 0.3)])])
    assert trials(mirror)[0].intermediate_values == {0: 0.3}


def test_what_has_ended_is_added_once_in_its_state(mirror):
    rows = [
        ended({"lr": 0.1, "kind": "a"}, 0.5),
        ended({"lr": 0.2, "kind": "b"}, 0.4, early_stop=True, stop_reason="it is slow"),
        ended({"lr": 0.3, "kind": "b"}, None, error="boom"),
    ]
    for _ in range(2):
        mirror.update(rows, [])
    assert [trial.state.name for trial in trials(mirror)] == ["COMPLETE", "PRUNED", "FAIL"]
    assert trials(mirror)[1].user_attrs["stop_reason"] == "it is slow"
    assert trials(mirror)[2].user_attrs["error"] == "boom"


def test_a_parameter_outside_the_space_has_one_distribution_for_all_its_values(mirror):
    mirror.update([ended({"lr": 0.1, "kind": "a", "budget": 1, "layer": "x"})], [])
    mirror.update([ended({"lr": 0.2, "kind": "a", "budget": 9, "layer": "y"})], [])
    mirror.update([ended({"lr": 0.3, "kind": "a", "budget": 3, "layer": "x"})], [])
    for trial in trials(mirror):
        assert (trial.distributions["budget"].low, trial.distributions["budget"].high) == (1, 9)
        assert trial.distributions["layer"].choices == ("x", "y")
        assert trial.distributions["lr"].log


def test_a_value_outside_the_space_becomes_an_attribute(mirror):
    mirror.update([ended({"lr": 5.0, "kind": "a"}), ended({"lr": None, "kind": "z"})], [])
    assert [trial.params for trial in trials(mirror)] == [{}, {}]
    assert trials(mirror)[0].user_attrs["params"] == '{"lr": 5.0, "kind": "a"}'


def test_a_time_beyond_calendars_is_unknown(mirror):
    row = ended({"lr": 0.1, "kind": "a"})
    mirror.update([{**row, "start": 1e300}], [])
    assert trials(mirror)[0].state.name == "COMPLETE"


def test_what_the_dashboard_has_ended_stays_so(mirror):
    params = {"lr": 0.1, "kind": "a"}
    mirror.update([], [running(params)])
    from optuna.trial import TrialState

    mirror.storage.set_trial_state_values(0, TrialState.FAIL)
    mirror.update([ended(params)], [])
    assert trials(mirror)[0].state.name == "FAIL"


def test_a_study_that_was_deleted_is_not_made_again(mirror):
    mirror.storage.delete_study(0)
    with pytest.raises(MirrorWasDeleted):
        mirror.update([ended({"lr": 0.1, "kind": "a"})], [])
    with pytest.raises(MirrorWasDeleted):
        mirror.describe({"state": "FINISHED"})
