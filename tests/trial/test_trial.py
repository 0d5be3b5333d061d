"""A trial: its parameters, its attempts, its JSON and the records of other releases."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.trial import Trial

any_value = st.floats(width=32) | st.integers(-5, 5)
points = st.lists(st.tuples(st.integers(0, 8), any_value), max_size=12)


def reported(*values):
    trial = Trial({"x": 1})
    for step, value in enumerate(values):
        trial.append_metric({"step": step, "value": value})
    return trial


def test_numpy_parameters_become_plain_ones():
    trial = Trial({"a": np.int64(5), "b": np.float64(0.5), "c": (1, 2)})
    assert trial.params == {"a": 5, "b": 0.5, "c": [1, 2]}
    assert type(trial.params["a"]) is int
    assert trial.trial_id == Trial({"a": 5, "b": 0.5, "c": [1, 2]}).trial_id


def test_changing_the_users_dict_does_not_change_the_trial():
    params, notes = {"a": [1]}, {"n": 1}
    trial = Trial(params, info_dict=notes)
    params["a"].append(2)
    notes["n"] = 2
    assert trial.params == {"a": [1]}
    assert trial.info_dict == {"n": 1}


@pytest.mark.parametrize("params", [None, "a", 5, [("a", 1)], {1: 2}, {None: 2}, {"a": {1: 2}}])
def test_parameters_are_a_dict_with_strings_as_keys(params):
    with pytest.raises(ValueError, match="must be a dict"):
        Trial(params)


@pytest.mark.parametrize("value", [math.nan, math.inf, print, {1, 2}, b"x"])
def test_parameters_are_values_that_json_can_hold(value):
    with pytest.raises(BadArgumentsError, match="finite JSON values"):
        Trial({"a": value})


def test_there_are_two_types_of_trials():
    with pytest.raises(BadArgumentsError, match="'optimization' or 'ablation', but got 'search'"):
        Trial({}, trial_type="search")


def test_a_new_trial_is_pending_and_empty():
    trial = Trial({})
    assert (trial.status, trial.trial_type, trial.early_stop, trial.attempts) == (
        "PENDING",
        "optimization",
        False,
        0,
    )
    assert (trial.metric_history, trial.step_history, trial.info_dict) == ([], [], {})
    assert (trial.final_metric, trial.start, trial.duration, trial.outputs, trial.error) == (
        None,
    ) * 5


def test_the_status_constants_are_their_names():
    for name in ("PENDING", "SCHEDULED", "RUNNING", "ERROR", "FINALIZED"):
        assert getattr(Trial, name) == name


def test_reset_forgets_the_attempt_and_keeps_the_identity():
    trial = Trial({"x": 1}, info_dict={"rung": 2})
    fresh = vars(Trial({"x": 1}, info_dict={"rung": 2})).copy()
    trial.append_metric({"step": 3, "value": 9.0})
    trial.append_metric({"step": 4, "value": 1.0})
    trial.trial_id, trial.attempts, trial.status, trial.early_stop = "abc_2", 1, Trial.ERROR, True
    trial.final_metric, trial.start, trial.duration = 9.0, 1.5, 20
    trial.outputs, trial.error = {"metric": 9.0}, "boom"
    trial.reset()
    assert vars(trial) == {**fresh, "trial_id": "abc_2", "attempts": 1}
    trial.append_metric({"step": 0, "value": 2.0})
    assert trial.best("max") == trial.mean_until(0) == 2.0


# JSON


@given(points)
def test_a_trial_comes_back_from_its_json(history):
    trial = Trial({"x": 1}, info_dict={"rung": 2})
    for step, value in history:
        trial.append_metric({"step": step, "value": value if math.isfinite(value) else math.nan})
    trial.trial_id, trial.attempts, trial.status, trial.early_stop = (
        "abc_2",
        2,
        Trial.FINALIZED,
        True,
    )
    trial.final_metric, trial.start, trial.duration = 0.0, 1.5, 20
    trial.outputs, trial.error = {"metric": 0.0, "note": [1]}, None
    again = Trial.from_json(trial.to_json())
    assert repr(vars(again)) == repr(vars(trial))


def test_an_ablation_comes_back_from_its_json():
    trial = Trial({"ablated_feature": "None", "ablated_layer": "None"}, "ablation")
    again = Trial.from_json(trial.to_json())
    assert (again.trial_type, again.trial_id) == ("ablation", "5b254f8048b3784d")


def test_nan_is_null_in_json_and_nan_again():
    trial = reported(math.nan, 1.0)
    trial.outputs = {"loss": math.inf}
    record = json.loads(trial.to_json(), parse_constant=pytest.fail)
    assert record["metric_history"] == [None, 1.0]
    assert record["outputs"] == {"loss": None}
    again = Trial.from_json(trial.to_json())
    assert math.isnan(again.metric_history[0])
    assert again.best("max") == 1.0


@pytest.mark.parametrize("text", ["", "5", "[]", "{}", "null", '{"params": 3}', "{", None])
def test_a_text_that_is_not_a_trial_is_refused(text):
    with pytest.raises(BadArgumentsError, match=r"Trial\.to_json"):
        Trial.from_json(text)


def test_a_trial_can_be_pickled():
    trial = reported(0.5, math.inf, 0.7)
    again = pickle.loads(pickle.dumps(trial))
    assert repr(vars(again)) == repr(vars(trial))
    assert again.append_metric({"step": 3, "value": 0.9}) == 3


def test_the_repr_says_which_trial_it_is():
    assert repr(Trial({"x": 1})) == f"Trial({Trial({'x': 1}).trial_id}, PENDING, {{'x': 1}})"


# Records of other releases


def record(**changes):
    trial = Trial({"x": 1}, info_dict={"note": 1})
    trial.append_metric({"step": 0, "value": 0.25})
    trial.status, trial.final_metric, trial.outputs, trial.attempts = (
        Trial.FINALIZED,
        0.5,
        {"metric": 0.5},
        2,
    )
    return {**json.loads(trial.to_json()), **changes}


DEFAULTS = {
    "trial_type": "optimization",
    "metric_history": [],
    "step_history": [],
    "early_stop": False,
    "start": None,
    "duration": None,
    "outputs": None,
    "error": None,
    "attempts": 0,
    "info_dict": {},
}


@pytest.mark.parametrize("field", sorted(DEFAULTS))
def test_a_field_that_is_missing_takes_its_default(field):
    text = record(metric_history=[], step_history=[])
    del text[field]
    assert getattr(Trial.from_json(json.dumps(text)), field) == DEFAULTS[field]


def test_the_first_format_had_no_number_and_the_id_follows_from_the_parameters():
    text = record()
    assert text.pop("format") == 1
    del text["trial_id"]
    assert Trial.from_json(json.dumps(text)).trial_id == Trial({"x": 1}).trial_id


@pytest.mark.parametrize("field", ["params", "status", "final_metric"])
def test_a_record_without_a_required_field_is_refused(field):
    text = record()
    del text[field]
    with pytest.raises(BadArgumentsError, match=f"has .*no {field}"):
        Trial.from_json(json.dumps(text))


def test_a_field_that_is_unknown_is_kept():
    later = record(format=7, machine={"gpus": [1, 2]}, cost=None)
    back = json.loads(Trial.from_json(json.dumps(later)).to_json())
    assert (back["machine"], back["cost"]) == ({"gpus": [1, 2]}, None)
    assert back["format"] == 1  # this release writes its own format


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("final_metric", "0.5"),
        ("final_metric", True),
        ("final_metric", [0.5]),
        ("final_metric", math.nan),
        ("final_metric", math.inf),
        ("final_metric", 10**400),
        ("status", "DONE"),
        ("status", ["FINALIZED"]),
        ("trial_id", 5),
        ("trial_type", "search"),
        ("early_stop", "no"),
        ("start", "yesterday"),
        ("duration", "1 s"),
        ("outputs", [1]),
        ("error", 5),
        ("attempts", "2"),
        ("info_dict", [1]),
        ("params", [1]),
        ("metric_history", 5),
        ("metric_history", ["0.5"]),
        ("step_history", [0, 1]),
        ("step_history", [None]),
        ("step_history", [10**400]),
        ("step_history", [-1e300]),
    ],
)
def test_a_field_of_a_wrong_type_makes_the_record_unreadable(field, value):
    with pytest.raises(BadArgumentsError, match="A trial is read from the text that"):
        Trial.from_json(json.dumps(record(**{field: value})))


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"params": ' * 200_000, '{"params": {"x": ' + "[" * 900 + "]" * 900 + "}}"],
)
def test_a_record_that_is_nested_too_deeply_is_unreadable(text):
    with pytest.raises(BadArgumentsError, match="A trial is read from the text that"):
        Trial.from_json(text)


def test_the_functions_of_an_ablation_are_not_part_of_its_trial():
    labels = {"ablated_feature": "None", "ablated_layer": "None"}
    functions = {"dataset_function": lambda num_epochs, batch_size: 0, "model_function": None}
    trial = Trial({**functions, **labels}, trial_type="ablation")
    assert (trial.params, trial.trial_id) == (labels, "5b254f8048b3784d")
    assert trial.not_sent == ("dataset_function", "model_function")
    assert Trial.from_json(trial.to_json()).params == labels
    assert Trial(labels, trial_type="ablation").not_sent == ()


def test_a_search_cannot_have_functions_as_parameters():
    with pytest.raises(BadArgumentsError, match="JSON values"):
        Trial({"model_function": lambda: 0})


# Names of release 1


def test_a_trial_has_a_lock_of_its_own_and_can_be_pickled_and_copied_all_the_same():
    one, other = Trial({"x": 1}), Trial({"x": 1})
    with one.lock, one.lock:
        assert one.lock is one.lock is not other.lock
    for twin in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert twin.to_json() == one.to_json()
        assert twin.lock is not one.lock


def test_methods_get_and_set_the_early_stop_too():
    trial = Trial({"x": 1})
    assert not trial.get_early_stop()
    trial.set_early_stop()
    assert trial.get_early_stop()
    assert trial.early_stop


def test_a_trial_as_a_dict_holds_the_content_of_its_json():
    trial = Trial({"x": (1, 2)}, info_dict={"sample_type": "random"})
    trial.append_metric({"step": 1, "value": math.nan})
    record = trial.to_dict()
    assert record["__class__"] == "Trial"
    assert record["params"] == {"x": [1, 2]}
    assert {
        "trial_id",
        "status",
        "early_stop",
        "final_metric",
        "metric_history",
        "info_dict",
    } <= set(record)
    assert record["metric_dict"] == {1: None}
    assert Trial.from_json(json.dumps(record)).params == trial.params


def test_the_reason_of_an_early_stop_is_read_back():
    trial = Trial({"x": 1})
    trial.stop_reason = "stopped at step 3"
    assert Trial.from_json(trial.to_json()).stop_reason == "stopped at step 3"
