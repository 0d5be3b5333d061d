"""A trial: its id, the points it records, and its JSON."""

from __future__ import annotations

import copy
import json
import math
import pickle
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy.common.exceptions import BadArgumentsError
from maggy.trial import Trial, is_directory_name

any_value = st.floats(width=32) | st.integers(-5, 5)
points = st.lists(st.tuples(st.integers(0, 8), any_value), max_size=12)


def reported(*values):
    trial = Trial({"x": 1})
    for step, value in enumerate(values):
        trial.append_metric({"step": step, "value": value})
    return trial


# Its id and parameters


def test_the_id_is_a_hash_of_the_parameters():
    assert Trial({"param1": 5, "param2": "ada"}).trial_id == "3d1cc9fdb1d4d001"


def test_the_id_of_an_ablations_base():
    base = {"ablated_feature": "None", "ablated_layer": "None"}
    assert Trial(base, trial_type="ablation").trial_id == "5b254f8048b3784d"


def test_only_the_labels_count_in_the_id_of_an_ablation():
    base = {"ablated_feature": "None", "ablated_layer": "None"}
    assert Trial({**base, "note": 1}, trial_type="ablation").trial_id == "5b254f8048b3784d"
    assert Trial({**base, "note": 1}).trial_id != "5b254f8048b3784d"


def test_the_id_does_not_depend_on_the_order_of_the_parameters():
    assert Trial({"a": 1, "b": 2}).trial_id == Trial({"b": 2, "a": 1}).trial_id


def test_equal_parameters_have_equal_ids():
    assert Trial({"a": 1}).trial_id == Trial({"a": 1}).trial_id != Trial({"a": 2}).trial_id


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
def test_parameters_are_what_json_can_hold(value):
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


# Its points


def test_a_new_step_is_returned():
    trial = Trial({})
    assert trial.append_metric({"step": 0, "value": 0.1}) == 0
    assert trial.append_metric({"step": 5, "value": 0.2}) == 5
    assert (trial.step_history, trial.metric_history) == ([0, 5], [0.1, 0.2])


def test_an_equal_step_replaces_the_value():
    trial = reported(0.1, 0.9)
    assert trial.append_metric({"step": 1, "value": 0.5}) is None
    assert (trial.step_history, trial.metric_history) == ([0, 1], [0.1, 0.5])
    assert trial.best("max") == 0.5
    assert trial.mean_until(1) == pytest.approx(0.3)


def test_a_lower_step_is_ignored():
    trial = reported(0.1, 0.9)
    assert trial.append_metric({"step": 0, "value": 5.0}) is None
    assert (trial.step_history, trial.metric_history) == ([0, 1], [0.1, 0.9])


@given(points)
def test_a_point_that_is_known_to_be_one_is_recorded_the_same(values):
    checked, quick = Trial({}), Trial({})
    for step, value in values:
        assert quick.append_point(float(step), float(value)) == checked.append_metric(
            {"step": step, "value": value}
        )
    assert str((quick.step_history, quick.metric_history)) == str(
        (checked.step_history, checked.metric_history)
    )
    for direction in ("max", "min"):
        assert quick.best(direction) == checked.best(direction)


def test_values_are_plain_floats_and_whole_steps_plain_integers():
    trial = Trial({})
    trial.append_metric({"step": np.float64(2.0), "value": np.float32(0.5)})
    trial.append_metric({"step": 3, "value": 1})
    assert [type(value) for value in trial.metric_history] == [float, float]
    assert [type(step) for step in trial.step_history] == [int, int]


def test_an_integer_beyond_every_float_is_infinite():
    assert reported(10**400, -(10**400)).metric_history == [math.inf, -math.inf]


@pytest.mark.parametrize(
    "point",
    [
        None,
        5,
        {},
        {"step": 1},
        {"value": 1},
        {"step": "1", "value": 1},
        {"step": 1, "value": "1"},
        {"step": True, "value": 1},
        {"step": 1, "value": None},
        {"step": math.nan, "value": 1},
        {"step": math.inf, "value": 1},
    ],
)
def test_a_point_has_a_step_and_a_value(point):
    trial = Trial({})
    with pytest.raises(BadArgumentsError, match="point"):
        trial.append_metric(point)
    assert trial.step_history == []


def test_the_best_value_follows_the_direction():
    trial = reported(0.5, 0.9, 0.1, 0.3)
    assert trial.best("max") == 0.9
    assert trial.best("min") == 0.1


def test_nan_is_never_the_best():
    assert reported(math.nan).best("max") is None
    assert reported(math.nan, 0.5, math.nan).best("min") == 0.5
    assert Trial({}).best("max") is None


@pytest.mark.parametrize("direction", ["MAX", "", None])
def test_there_are_two_directions(direction):
    with pytest.raises(BadArgumentsError, match="direction must be 'max' or 'min'"):
        reported(1.0).best(direction)


def test_the_mean_covers_the_steps_up_to_the_one_asked_for():
    trial = Trial({})
    for step, value in [(2, 1.0), (4, 3.0), (6, 8.0)]:
        trial.append_metric({"step": step, "value": value})
    assert [trial.mean_until(step) for step in (1, 2, 3, 4, 6, 99)] == [
        None,
        1.0,
        1.0,
        2.0,
        4.0,
        4.0,
    ]


def test_the_mean_leaves_out_what_is_not_finite():
    trial = reported(math.nan, 1.0, math.inf, 3.0, -math.inf)
    assert [trial.mean_until(step) for step in range(5)] == [None, 1.0, 1.0, 2.0, 2.0]


def test_the_mean_of_equal_values_is_exactly_that_value():
    trial = reported(*[0.1] * 1000)
    assert trial.mean_until(999) == 0.1


def test_the_mean_of_huge_values_is_finite():
    assert reported(1.7e308, 1.7e308).mean_until(1) == 1.7e308
    assert reported(1.7e308, -1.7e308).mean_until(1) == 0.0


@given(points)
def test_best_and_mean_agree_with_the_histories(given_points):
    trial = Trial({})
    for step, value in given_points:
        trial.append_metric({"step": step, "value": value})
    assert trial.step_history == sorted(set(trial.step_history))
    assert len(trial.step_history) == len(trial.metric_history)
    known = [value for value in trial.metric_history if not math.isnan(value)]
    assert trial.best("max") == max(known, default=None)
    assert trial.best("min") == min(known, default=None)
    for step in range(10):
        seen = [
            v for s, v in zip(trial.step_history, trial.metric_history, strict=True) if s <= step
        ]
        finite = [value for value in seen if math.isfinite(value)]
        if not finite:
            assert trial.mean_until(step) is None
        else:
            expected = pytest.approx(fmean(finite), rel=1e-6, abs=1e-6 * max(map(abs, finite)))
            assert trial.mean_until(step) == expected


@given(st.lists(any_value, min_size=1))
def test_a_mirrored_history_has_the_mirrored_best_and_mean(values):
    up, down = reported(*values), reported(*[-value for value in values])
    for one, other in [
        (up.best("max"), down.best("min")),
        (up.best("min"), down.best("max")),
        (up.mean_until(99), down.mean_until(99)),
    ]:
        assert one == (None if other is None else -other)


def test_reset_gives_a_clean_attempt_and_keeps_what_identifies_the_trial():
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


# Its JSON


@given(points)
def test_a_trial_comes_back_from_its_json(given_points):
    trial = Trial({"x": 1}, info_dict={"rung": 2})
    for step, value in given_points:
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


def test_notes_of_any_kind_do_not_cost_a_trial_its_record():
    trial = Trial({}, info_dict={"object": print, "array": np.arange(2)})
    assert json.loads(trial.to_json())["info_dict"] == {
        "object": "<built-in function print>",
        "array": [0, 1],
    }


@pytest.mark.parametrize("text", ["", "5", "[]", "{}", "null", '{"params": 3}', "{", None])
def test_what_is_no_trial_is_refused(text):
    with pytest.raises(BadArgumentsError, match=r"Trial\.to_json"):
        Trial.from_json(text)


def test_a_trial_can_be_pickled():
    trial = reported(0.5, math.inf, 0.7)
    again = pickle.loads(pickle.dumps(trial))
    assert repr(vars(again)) == repr(vars(trial))
    assert again.append_metric({"step": 3, "value": 0.9}) == 3


def test_the_repr_says_which_trial_it_is():
    assert repr(Trial({"x": 1})) == f"Trial({Trial({'x': 1}).trial_id}, PENDING, {{'x': 1}})"


# Its directory


@pytest.mark.parametrize(
    "trial_id", ["3d1cc9fdb1d4d001", "a_2", "my trial", "größe-0.5", "x" * 200, "run,3=4"]
)
def test_a_plain_name_can_be_that_of_a_trial_s_directory(trial_id):
    assert is_directory_name(trial_id)


@pytest.mark.parametrize(
    "trial_id",
    [
        "../../evil",
        "/etc/x",
        "a/b",
        "a\\b",
        "C:x",
        "..",
        ".",
        ".hidden",
        "",
        " x",
        "x ",
        "x.",
        "x" * 300,
        "é" * 101,
        "a\nb",
        "a\0b",
        "\udc80",
        "maggy.json",
        "owner-1.json",
        "maggy.log",
        "x.damaged-1",
        "s3://x",
        5,
        None,
    ],
)
def test_any_other_name_cannot(trial_id):
    assert not is_directory_name(trial_id)


def test_a_point_may_be_an_array_of_one_number():
    assert reported(np.array([0.5])).metric_history == [0.5]


def test_notes_with_keys_that_are_no_strings_are_kept():
    trial = Trial({"x": 1}, info_dict={1: {2: 3}, "1": "b"})
    assert Trial.from_json(trial.to_json()).info_dict == {"1": {"2": 3}, "1_2": "b"}


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
def test_a_record_without_what_it_is_about_is_none(field):
    text = record()
    del text[field]
    with pytest.raises(BadArgumentsError, match=f"has .*no {field}"):
        Trial.from_json(json.dumps(text))


def test_a_field_that_is_unknown_is_kept():
    later = record(format=7, machine={"gpus": [1, 2]}, cost=None)
    back = json.loads(Trial.from_json(json.dumps(later)).to_json())
    assert (back["machine"], back["cost"]) == ({"gpus": [1, 2]}, None)
    assert back["format"] == 1  # what is written is written as this release does


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
    ],
)
def test_a_field_that_is_not_what_it_must_be_makes_the_record_unreadable(field, value):
    with pytest.raises(BadArgumentsError, match="A trial is read from the text that"):
        Trial.from_json(json.dumps(record(**{field: value})))


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"params": ' * 200_000, '{"params": {"x": ' + "[" * 900 + "]" * 900 + "}}"],
)
def test_a_record_that_is_nested_too_deeply_is_unreadable(text):
    with pytest.raises(BadArgumentsError, match="A trial is read from the text that"):
        Trial.from_json(text)


def test_the_functions_of_an_ablation_are_no_part_of_its_trial():
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


# What release 1 had


def test_the_values_are_also_given_by_their_steps():
    trial = Trial({"x": 1})
    assert trial.metric_dict == {}
    for step, value in ((0, 0.5), (2, 0.7), (2, 0.8)):
        trial.append_metric({"step": step, "value": value})
    assert trial.metric_dict == {0: 0.5, 2: 0.8}


def test_a_trial_has_a_lock_of_its_own_and_can_be_pickled_and_copied_all_the_same():
    one, other = Trial({"x": 1}), Trial({"x": 1})
    with one.lock, one.lock:
        assert one.lock is one.lock is not other.lock
    for twin in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert twin.to_json() == one.to_json()
        assert twin.lock is not one.lock


def test_the_early_stop_is_asked_and_set_by_methods_too():
    trial = Trial({"x": 1})
    assert not trial.get_early_stop()
    trial.set_early_stop()
    assert trial.get_early_stop()
    assert trial.early_stop


def test_a_trial_as_a_dict_holds_what_its_json_does():
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
