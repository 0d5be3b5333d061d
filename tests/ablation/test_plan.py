"""The plan of a study: what its trials leave out of the model, without training."""

import pandas as pd
import pytest

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.component import Component
from maggy.ablation.plan import ComponentPlan, StudyPlan
from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.experiment_config import AblationConfig


def branches():
    import keras

    numbers = keras.Input((6,))
    first = keras.layers.Dense(64, name="first")(numbers)
    branch = keras.layers.Dense(64, name="branch")(first)
    both = keras.layers.Add(name="add")([first, branch])
    narrow = keras.layers.Dense(32, name="narrow")(both)
    return keras.Model(numbers, keras.layers.Dense(1, name="last")(narrow))


def smaller():
    import keras

    return keras.layers.Dense(16)


def small_model():
    import keras

    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])


def sized(num_features):
    import keras

    return keras.Sequential([keras.Input((num_features,)), keras.layers.Dense(1)])


def plans_of(plan):
    return {part.component.label: part for part in plan.components}


@pytest.mark.slow
def test_a_plan_says_which_layers_really_go_and_which_weights_start_anew():
    study = AblationStudy(None)
    study.model.set_base_model_generator(branches)
    study.model.layers.include("branch", "narrow", "nothing")
    study.model.layers.replace("narrow", smaller)
    study.model.add_custom_model_generator(small_model, "small")
    study.include_combination(layer=["branch", "narrow"])
    plan = study.plan()
    parts = plans_of(plan)
    base = 7 * 64 + 65 * 64 + 65 * 32 + 33
    assert parts["None"].parameters == base
    assert parts["branch"].layers == ("branch", "add")
    assert parts["branch"].parameters == base - 65 * 64
    assert (parts["narrow"].layers, parts["narrow"].restarts) == (("narrow",), ("last",))
    assert parts["narrow replaced by smaller"].parameters == 7 * 64 + 65 * 64 + 65 * 16 + 17
    assert parts["Custom model: small"].parameters == 7
    assert "no layer 'nothing'" in parts["nothing"].problem
    text = str(plan)
    assert "7 trials; combinations, which the plan does not build: 1." in text
    assert "layer nothing cannot be built: The base model has no layer 'nothing'" in text
    assert "-4,160" in text
    assert "<td>branch, add</td>" in plan._repr_html_()
    assert plan.to_latex().startswith("\\begin{tabular}")


def test_a_plan_counts_trials_of_repeats_and_of_ablators_that_combine():
    study = AblationStudy(None)
    study.choices.include(a=1, b=2, c=3)
    assert study.plan().num_trials == 4
    plan = study.plan(AblationConfig(study, repeats=5))
    assert plan.caption() == "20 trials in 5 repeats."
    plan = study.plan(AblationConfig(study, ablator="pairs"))
    assert (plan.num_trials, plan.num_combinations) == (7, 3)
    plan = study.plan(AblationConfig(study, ablator="backward"))
    assert plan.caption() == "The ablator decides from results how many trials there are."


def test_the_table_of_a_plan_names_four_layers_and_counts_the_others():
    layers = tuple("abcdef")
    component = Component.group(layers)
    row = StudyPlan([ComponentPlan(component, layers, restarts=layers[:4])], 1).table().rows[0]
    assert (row[1], row[-1]) == ("a, b, c and 3 more", "a, b, c, d")


def test_a_plan_takes_a_config_of_the_same_study():
    with pytest.raises(BadArgumentsError, match="a config of the same study"):
        AblationStudy(None).plan(AblationConfig(AblationStudy(None)))


def test_a_base_model_that_cannot_be_built_has_no_plan():
    def broken():
        raise ValueError("no data")

    study = AblationStudy(None)
    study.model.set_base_model_generator(broken)
    with pytest.raises(AblationError, match=r"base model cannot be built.*no data"):
        study.plan()


@pytest.mark.slow
def test_models_that_take_the_number_of_features_get_it_in_a_plan():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "y": [0, 1]})
    register_training_dataset(frame, "sized")
    study = AblationStudy("sized", label_name="y")
    study.model.add_custom_model_generator(sized, "custom")
    assert plans_of(study.plan())["Custom model: custom"].parameters == 3
    study.model.set_base_model_generator(sized)
    study.features.include("a", "c")
    parts = plans_of(study.plan())
    assert (parts["None"].parameters, parts["a"].parameters) == (3, 2)
    assert "no feature 'c'" in parts["c"].problem


@pytest.mark.slow
def test_a_plan_counts_the_columns_that_say_where_values_are_missing():
    frame = pd.DataFrame({"a": [1.0, None], "b": [3.0, 4.0], "y": [0, 1]})
    register_training_dataset(frame, "gaps")
    study = AblationStudy("gaps", label_name="y", missing="indicator")
    study.model.set_base_model_generator(sized)
    study.features.include("a")
    parts = plans_of(study.plan())
    assert (parts["None"].parameters, parts["a"].parameters) == (4, 2)
