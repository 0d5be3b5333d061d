"""Objects among the choices of a space have labels in trials, and come back as they were."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from maggy import Searchspace
from maggy.common.exceptions import BadArgumentsError
from maggy.sklearn.object_choices import ObjectChoices


def choices_of(*values):
    return ObjectChoices({"it": ("CATEGORICAL", list(values))})


def test_plain_choices_stay_as_they_are():
    for space in (Searchspace(C=("DOUBLE", [1, 2])), {"C": ("DOUBLE", [1, 2])}):
        choices = ObjectChoices(space)
        assert choices.space == Searchspace(C=("DOUBLE", [1, 2]))
        assert choices.restore({"C": 1.5}) == {"C": 1.5}


def test_an_estimator_has_its_text_as_label_and_comes_back():
    scaler = StandardScaler(with_mean=False)
    choices = choices_of(scaler, "passthrough", None)
    assert choices.space.get("it") == ["StandardScaler(with_mean=False)", "passthrough", None]
    assert choices.restore({"it": "StandardScaler(with_mean=False)"})["it"] is scaler
    assert choices.restore({"it": "passthrough"}) == {"it": "passthrough"}


def test_a_tuple_comes_back_as_a_tuple():
    choices = choices_of((50,), (100, 50))
    assert choices.restore({"it": [100, 50]}) == {"it": (100, 50)}


def test_equal_texts_get_different_labels():
    one, other = StandardScaler(), StandardScaler()
    choices = choices_of(one, other, "StandardScaler()")
    first, second, _ = choices.space.get("it")
    assert choices.restore({"it": first})["it"] is one
    assert choices.restore({"it": second})["it"] is other
    assert choices.restore({"it": "StandardScaler()"}) == {"it": "StandardScaler()"}


def test_a_label_has_no_address_of_memory():
    labels = choices_of(np.log1p, object(), MinMaxScaler).space.get("it")
    assert not [label for label in labels if " at 0x" in label]
    assert "sklearn.preprocessing._data.MinMaxScaler" in labels


def test_dicts_with_other_keys_and_nan_are_objects():
    choices = choices_of({0: 1, 1: 5}, float("nan"))
    assert choices.space.get("it") == ["{0: 1, 1: 5}", "nan"]
    assert choices.restore({"it": "{0: 1, 1: 5}"}) == {"it": {0: 1, 1: 5}}


def test_a_long_text_is_cut():
    (label,) = choices_of({0: "x" * 200}).space.get("it")
    assert len(label) == 80


def test_parameters_that_a_user_writes_get_labels():
    scaler = StandardScaler()
    choices = choices_of(scaler, {0: 1}, "passthrough")
    assert choices.label({"it": scaler}) == {"it": "StandardScaler()"}
    assert choices.label({"it": {0: 1}}) == {"it": "{0: 1}"}
    assert choices.label({"it": "passthrough"}) == {"it": "passthrough"}


@pytest.mark.parametrize("spec", [("CATEGORICAL",), "CATEGORICAL", ("CATEGORY", [1]), {"a": 1}])
def test_a_malformed_space_gets_the_error_of_a_search_space(spec):
    with pytest.raises(BadArgumentsError, match="it"):
        ObjectChoices({"it": spec})


def test_a_condition_may_hold_objects():
    scaler = StandardScaler()
    space = {
        "it": ("CATEGORICAL", [scaler, MinMaxScaler(), None]),
        "it__copy": ("CATEGORICAL", [True, False], {"when": {"it": MinMaxScaler()}}),
        "it__with_mean": ("CATEGORICAL", [True, False], {"when": {"it": [scaler, None]}}),
    }
    choices = ObjectChoices(space).space.to_dict()
    assert choices["it__copy"][2] == {"when": {"it": ["MinMaxScaler()"]}}
    assert choices["it__with_mean"][2] == {"when": {"it": ["StandardScaler()", None]}}


def test_an_equal_object_gets_the_label_if_only_one_choice_is_like_it():
    choices = choices_of(StandardScaler(), MinMaxScaler())
    assert choices.label({"it": StandardScaler()}) == {"it": "StandardScaler()"}
    other = StandardScaler(with_mean=False)
    assert choices.label({"it": other}) == {"it": other}
    first = StandardScaler()
    alike = choices_of(first, StandardScaler())
    assert alike.label({"it": first}) == {"it": "StandardScaler()"}
    third = StandardScaler()
    assert alike.label({"it": third}) == {"it": third}
