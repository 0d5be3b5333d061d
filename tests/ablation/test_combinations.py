"""Combinations of a study: several things that one trial leaves out together."""

import pandas as pd
import pytest

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO
from maggy.ablation.component import Component
from maggy.common.exceptions import AblationError, BadArgumentsError, SignatureError
from maggy.datasets.options import DataOptions

DATA, MODEL = frozenset({"dataset_function"}), frozenset({"model_function"})


def base_model():
    import keras

    names = ("first", "hidden", "wide", "last")
    return keras.Sequential(
        [keras.Input((3,)), *(keras.layers.Dense(2, name=name) for name in names)]
    )


def other():
    import keras

    return keras.layers.Dense(5, name="other")


@pytest.fixture
def study():
    frame = pd.DataFrame({"age": [1.0], "fare": [2.0], "pclass": [3], "survived": [1]})
    register_training_dataset(frame, "t")
    study = AblationStudy("t", label_name="survived")
    study.model.set_base_model_generator(base_model)
    return study


def last_params(study):
    return LOCO(study, []).components()[-1].params()


def test_a_combination_of_all_kinds_has_one_label_in_each_parameter(study):
    study.include_combination(feature="age", layer="hidden", choice={"augment": False})
    assert last_params(study) == {
        "ablated_feature": "age",
        "ablated_layer": "hidden",
        "ablated_choice": "augment=False",
    }


def test_labels_of_one_parameter_are_joined_in_the_order_of_inclusion(study):
    study.include_combination(feature=["fare", "age"], layer=["wide", "hidden"])
    assert last_params(study) == {
        "ablated_feature": "fare + age",
        "ablated_layer": "wide + hidden",
    }


def test_the_same_parts_again_change_nothing(study):
    study.include_combination(feature=["fare", "age"])
    study.include_combination(feature=["age", "fare"])
    assert [part.label for part in LOCO(study, []).components()] == ["None", "fare + age"]


def test_combinations_come_last(study):
    study.include_combination(feature=["fare", "age"])
    study.features.include("pclass")
    study.choices.include(augment=False)
    kinds = [component.kind for component in LOCO(study, []).components()]
    assert kinds == ["base", "feature", "choice", "combination"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "two or more parts, but got 0"),
        ({"feature": "age"}, "two or more parts, but got 1"),
        ({"feature": ["age", "age"]}, "two or more parts, but got 1"),
        ({"feature": "age", "layer": 3}, "Layers are given as strings or lists"),
        ({"feature": "age", "choice": "augment"}, "choice must be a dict"),
        ({"feature": "age", "layer": "None"}, "cannot be called 'None'"),
        ({"feature": "age", "choice": {"loss": object()}}, "the same in every run"),
    ],
)
def test_what_is_no_combination_is_refused(study, arguments, words):
    with pytest.raises(BadArgumentsError, match=words):
        study.include_combination(**arguments)
    assert study.combinations == []


def test_several_features_are_missing_in_one_data_set(study):
    study.include_combination(feature=["age", "pclass"])
    ablator = LOCO(study, [])
    ablator.prepare(DATA)
    ((features, _),) = ablator.get_dataset_generator("age + pclass")(1, 1).as_numpy_iterator()
    assert features.tolist() == [[2.0]]


def test_a_users_generator_gets_several_features_as_a_sorted_list(study):
    study.set_dataset_generator(lambda epochs, batch, ablated: ablated)
    study.include_combination(feature=["pclass", "age"])
    ablator = LOCO(study, [])
    assert ablator.get_dataset_generator("pclass + age")(1, 1) == ["age", "pclass"]
    assert ablator.get_dataset_generator("age")(1, 1) == "age"
    assert ablator.get_dataset_generator("None")(1, 1) is None


def test_a_feature_whose_own_name_looks_like_a_combination_stays_one_feature(study):
    study.set_dataset_generator(lambda epochs, batch, ablated: ablated)
    study.features.include("a + b")
    assert LOCO(study, []).get_dataset_generator("a + b")(1, 1) == "a + b"


def test_a_generator_that_takes_no_feature_is_refused(study):
    study.set_dataset_generator(lambda epochs, batch: None)
    study.include_combination(feature="age", layer="hidden")
    with pytest.raises(SignatureError, match=r"ablates features \(age\)"):
        LOCO(study, []).prepare(DATA | MODEL)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"feature": "age", "choice": {"augment": False}}, "dataset_function"),
        ({"layer": "hidden", "choice": {"augment": False}}, "model_function"),
    ],
)
def test_the_training_function_must_take_what_a_combination_changes(study, arguments, parameter):
    study.include_combination(**arguments)
    with pytest.raises(SignatureError, match=f"does not take {parameter}"):
        LOCO(study, []).prepare(frozenset())


def test_an_unknown_feature_in_a_combination_is_an_error_before_any_trial(study):
    study.include_combination(feature=["agee", "fare"])
    with pytest.raises(AblationError, match=r"no feature 'agee'. Did you mean 'age'"):
        LOCO(study, []).prepare(DATA)


def test_a_combination_without_any_feature_is_an_error_before_any_trial(study):
    study.include_combination(feature=["age", "fare", "pclass"])
    with pytest.raises(AblationError, match=r"without age, fare, pclass there is none"):
        LOCO(study, []).prepare(DATA)


def test_without_any_feature_it_is_allowed_if_features_are_not_dropped(study):
    study.data_options = DataOptions(feature_ablation="mean")
    study.include_combination(feature=["age", "fare", "pclass"])
    LOCO(study, []).prepare(DATA)


def layers_of(study, label):
    return [layer.name for layer in LOCO(study, []).get_model_generator(label)().layers]


def test_several_layers_are_taken_out_together(study):
    study.include_combination(layer=["first", "wide"])
    assert layers_of(study, "first + wide") == ["hidden", "last"]


def test_a_replacement_is_combined_by_its_label(study):
    study.model.layers.replace("hidden", other)
    study.include_combination(layer=["wide", "hidden replaced by other"])
    assert layers_of(study, "wide + hidden replaced by other") == ["first", "other", "last"]


def test_a_layer_that_is_both_taken_out_and_replaced_is_refused(study):
    study.model.layers.replace("hidden", other)
    study.include_combination(layer=["hidden", "hidden replaced by other"])
    with pytest.raises(AblationError, match=r"one way only.*layer 'hidden' twice"):
        layers_of(study, "hidden + hidden replaced by other")


def test_the_check_tries_the_names_of_a_combination_and_not_the_combination(study):
    study.model.layers.replace("hidden", other)
    study.include_combination(layer=["hidden", "hidden replaced by other"])
    ablator = LOCO(study, [])
    ablator.prepare(MODEL)
    ablator.verify()
    study.include_combination(layer=["hiden", "wide"])
    with pytest.raises(AblationError, match=r"no layer 'hiden'. Did you mean 'hidden'"):
        ablator.verify()


def folding_model():
    import keras

    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(4, name="first"),
            keras.layers.Reshape((2, 2), name="fold"),
            keras.layers.Conv1D(3, 1, name="convolution"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(1, name="last"),
        ]
    )


def test_what_is_left_out_in_a_combination_only_need_not_be_removable_alone(study):
    study.model.set_base_model_generator(folding_model)
    study.include_combination(layer=["fold", "convolution"])
    ablator = LOCO(study, [])
    ablator.prepare(MODEL)
    ablator.verify()
    assert layers_of(study, "fold + convolution") == ["first", "flat", "last"]
    study.model.layers.include("fold")
    with pytest.raises(AblationError, match="Without layer 'fold'"):
        ablator.verify()


def test_a_label_that_can_be_read_in_two_ways_is_refused_before_any_trial(study):
    study.set_dataset_generator(lambda epochs, batch, ablated: ablated)
    study.features.include("a", "b", "c")
    study.include_combination(feature=["a + b", "c"])
    ablator = LOCO(study, [])
    with pytest.raises(AblationError, match=r"can be read in two ways.* contains ' \+ '"):
        ablator.prepare(DATA)
    study.features.exclude("a")
    ablator.prepare(DATA)
    assert ablator.get_dataset_generator("a + b + c")(1, 1) == ["a + b", "c"]


def test_a_custom_model_is_no_part_of_a_combination(study):
    study.model.add_custom_model_generator(base_model, "mine")
    study.include_combination(feature="age", layer="Custom model: mine")
    with pytest.raises(AblationError, match=r"nothing else can be left out of it"):
        LOCO(study, []).prepare(DATA | MODEL)


def test_a_combination_is_read_from_its_labels():
    component = Component.combination(
        [Component.choice("augment", False), Component.layer("hidden"), Component.feature("age")]
    )
    assert Component.from_params(component.params()) == component
    assert component.describe() == "feature age, layer hidden, choice augment=False"
