"""The notes about a trial: those of optimizers, and the fields that are stored among them."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from maggy.trial import Trial

FIELDS = [
    ("failure_reason", "reason", "no data"),
    ("initial_number", "initial", 0),
    ("worker", "worker", 0),
]


def test_notes_of_any_kind_do_not_cost_a_trial_its_record():
    trial = Trial({}, info_dict={"object": print, "array": np.arange(2)})
    assert json.loads(trial.to_json())["info_dict"] == {
        "object": "<built-in function print>",
        "array": [0, 1],
    }


def test_notes_with_keys_that_are_no_strings_are_kept():
    trial = Trial({"x": 1}, info_dict={1: {2: 3}, "1": "b"})
    assert Trial.from_json(trial.to_json()).info_dict == {"1": {"2": 3}, "1_2": "b"}


@pytest.mark.parametrize(
    ("field", "note", "value"),
    [*FIELDS, ("rung", "rung", 0), ("configuration", "configuration", 3)],
)
def test_a_field_is_stored_as_a_note_and_recorded_as_one(field, note, value):
    trial = Trial({"x": 1}, info_dict={"sample_type": "random"})
    setattr(trial, field, value)
    assert trial.info_dict == {"sample_type": "random", note: value}
    assert json.loads(trial.to_json())["info_dict"] == trial.info_dict
    for twin in (Trial.from_json(trial.to_json()), pickle.loads(pickle.dumps(trial))):
        assert getattr(twin, field) == value


@pytest.mark.parametrize(("field", "note", "value"), FIELDS)
def test_an_optional_field_that_is_none_is_no_note(field, note, value):
    trial = Trial({"x": 1})
    assert getattr(trial, field) is None
    setattr(trial, field, value)
    setattr(trial, field, None)
    setattr(trial, field, None)
    assert trial.info_dict == {}


@pytest.mark.parametrize("field", ["rung", "configuration"])
def test_a_field_without_its_note_is_an_attribute_error_that_shows_the_notes(field):
    trial = Trial({"x": 1}, info_dict={"sample_type": "random"})
    with pytest.raises(AttributeError, match=f"no note '{field}': .*sample_type"):
        getattr(trial, field)


def test_a_note_of_another_type_is_not_the_field():
    trial = Trial({"x": 1}, info_dict={"reason": 5, "initial": "first", "rung": None})
    assert (trial.failure_reason, trial.initial_number) == (None, None)
    assert not hasattr(trial, "rung")
