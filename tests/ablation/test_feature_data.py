"""The registered data of a study, as its trials get them."""

import functools
import inspect
import json
import random

import numpy as np
import pandas as pd
import pytest

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO
from maggy.common.exceptions import AblationError, SignatureError
from maggy.common.seeding import TrainingSeed
from maggy.core.cluster import dumps, loads

BOTH = frozenset({"dataset_function", "model_function"})
DATA = frozenset({"dataset_function"})
MODEL = frozenset({"model_function"})
ROWS = 20
FRAME = pd.DataFrame(
    {
        "age": range(ROWS),
        "sex_female": 1,
        "Sex_male": 2,
        "deck1": 3,
        "deck10": 4,
        "survived": range(ROWS),
    }
)


def study_of(frame=FRAME, base=lambda: "base", **options):
    register_training_dataset(frame, "t")
    study = AblationStudy("t", label_name="survived", **options)
    study.model.set_base_model_generator(base)
    return study


def worker_of(study, names=BOTH):
    ablator = LOCO(study, [])
    ablator.prepare(names)
    worker = loads(dumps(ablator))
    worker.verify()
    return worker


def function_of(study, feature="None", **draw):
    params = {"ablated_feature": feature, "ablated_layer": "None", **draw}
    return worker_of(study).for_trial(params).get_dataset_generator(feature)


def row_of(study, feature):
    return function_of(study, feature).arrays()[0][0].tolist()


def labels_of(function, split):
    return function.arrays(split)[1].tolist()


# Groups of features


def test_groups_come_after_single_features_and_before_layers():
    study = study_of()
    study.model.layers.include("dense")
    study.features.include_groups(["b", "a"], regex="^c")
    study.features.include_groups(prefix="sex_")
    study.features.include("age")
    ablator = LOCO(study, [])
    ablator.initialize()
    labels = [tuple(trial.params.values()) for trial in iter(ablator.get_trial, None)]
    assert labels == [
        ("None", "None"),
        ("age", "None"),
        ("Features prefixed sex_", "None"),
        ("Features matching ^c", "None"),
        ("['a', 'b']", "None"),
        ("None", "dense"),
    ]


@pytest.mark.parametrize(
    ("label", "row"),
    [
        ("None", [0, 1, 2, 3, 4]),
        ("age", [1, 2, 3, 4]),
        ("['age', 'deck1']", [1, 2, 4]),
        ("Features prefixed sex_", [0, 3, 4]),
        ("Features prefixed deck1", [0, 1, 2, 4]),
        ("Features matching ^deck|male$", [0]),
        ("Features matching ex_m", [0, 1, 3, 4]),
    ],
)
def test_all_features_of_a_group_are_left_out_together(label, row):
    assert row_of(study_of(), label) == row


def test_the_name_of_a_feature_wins_over_the_form_of_a_group():
    study = study_of(FRAME.rename(columns={"age": "Features prefixed sex_"}))
    study.features.include("Features prefixed sex_")
    assert row_of(study, "Features prefixed sex_") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("groups", "error"),
    [
        (
            {"prefix": "sey"},
            "'Features prefixed sey' must name at least one feature, but fits none",
        ),
        ({"prefix": "survived"}, "fits none"),
        ({"regex": "^z"}, r"'Features matching \^z' must name at least one feature"),
        ({"regex": "."}, "A feature must remain, but without age, .* there is none"),
    ],
)
def test_a_group_that_cannot_be_left_out_is_an_error_before_any_trial(groups, error):
    study = study_of()
    study.features.include_groups(**groups)
    with pytest.raises(AblationError, match=error):
        LOCO(study, []).prepare(BOTH)


@pytest.mark.parametrize(
    ("group", "error"),
    [
        (["age", "agee"], r"no feature 'agee'. Did you mean 'age'\?"),
        (["age", "survived"], "'survived' is the label"),
    ],
)
def test_the_names_in_a_list_are_checked(group, error):
    study = study_of()
    study.features.include_groups(group)
    with pytest.raises(AblationError, match=error):
        LOCO(study, []).prepare(BOTH)


def test_all_features_can_be_left_out_if_their_columns_stay():
    study = study_of(feature_ablation="zero")
    study.features.include_groups(regex=".")
    assert row_of(study, "Features matching .") == [0] * 5


def test_ablating_groups_needs_a_training_function_that_takes_the_data():
    study = study_of()
    study.features.include_groups(["age", "deck1"])
    with pytest.raises(SignatureError, match="does not take dataset_function"):
        LOCO(study, []).prepare(MODEL)


# A data set generator of the user's


def own(generator=lambda num_epochs, batch_size, feature: feature, **options):
    study = AblationStudy(None, dataset_generator=generator, **options)
    study.model.set_base_model_generator(lambda: "base")
    return study


def test_a_group_reaches_a_data_set_generator_as_a_sorted_list():
    study = own()
    study.features.include_groups(["b", "a"])
    worker = worker_of(study)
    assert worker.get_dataset_generator("['a', 'b']")(1, 2) == ["a", "b"]
    assert worker.get_dataset_generator("a")(1, 2) == "a"
    assert worker.get_dataset_generator("None")(1, 2) is None


@pytest.mark.parametrize("group", [{"prefix": "a"}, {"regex": "a"}])
def test_a_prefix_and_a_regular_expression_need_a_registered_data_set(group):
    study = own()
    study.features.include_groups(**group)
    with pytest.raises(AblationError, match=r"needs a registered data set.*Include the list of"):
        LOCO(study, []).prepare(BOTH)


def test_a_data_set_generator_of_two_parameters_cannot_ablate_groups():
    study = own(lambda num_epochs, batch_size: None)
    study.features.include_groups(["b", "a"])
    with pytest.raises(
        SignatureError, match=r"ablates features \(\['a', 'b'\]\), but its data set"
    ):
        LOCO(study, []).prepare(BOTH)


@pytest.mark.parametrize(
    "options",
    [{"missing": "keep"}, {"test_fraction": 0.2}, {"folds": 2}, {"feature_ablation": "mean"}],
)
def test_options_for_the_data_need_a_registered_data_set(options):
    with pytest.raises(AblationError, match=f"{next(iter(options))} need a registered data set"):
        LOCO(own(**options), []).prepare(BOTH)


class Generators:
    """Generators may live in a class or in a module."""

    @staticmethod
    def static_data(num_epochs, batch_size, feature):
        return feature

    @classmethod
    def class_data(cls, num_epochs, batch_size, feature):
        return feature

    def data(self, num_epochs, batch_size, feature):
        return feature

    def __call__(self, num_epochs, batch_size, feature):
        return feature

    def model(self):
        return "base"


@pytest.mark.parametrize(
    "generator",
    [
        Generators.static_data,
        Generators.class_data,
        Generators().data,
        Generators(),
        functools.partial(Generators.static_data),
    ],
)
def test_generators_may_live_in_a_class_or_a_module(generator):
    study = own(generator)
    study.model.set_base_model_generator(Generators().model)
    study.model.add_custom_model_generator(json.JSONEncoder, "of a module")
    study.features.include("age")
    worker = worker_of(study)
    assert worker.get_dataset_generator("age")(1, 2) == "age"
    assert worker.get_model_generator()() == "base"
    assert isinstance(worker.get_model_generator("Custom model: of a module")(), json.JSONEncoder)


# What the training function gets


def test_the_dataset_function_has_arrays_and_batches():
    function = function_of(study_of(), "age")
    features, labels = function.arrays()
    assert features.shape == (ROWS, 4)
    assert labels.tolist() == list(range(ROWS))
    batches = function.batches(2, batch_size=15)
    assert inspect.isgenerator(batches)
    assert [len(labels) for _, labels in batches] == [15, 15, 10]


def test_without_tensorflow_the_dataset_function_gives_the_batches(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    batches = function_of(study_of())(1, 15)
    assert inspect.isgenerator(batches)
    assert [len(labels) for _, labels in batches] == [15, 5]


@pytest.mark.slow
def test_with_tensorflow_the_dataset_function_gives_a_tf_data_set():
    import tensorflow as tf

    function = function_of(study_of(test_fraction=0.2), data_seed=3)
    for split, count in (("train", 16), ("test", 4)):
        dataset = function(1, 256, split=split)
        assert isinstance(dataset, tf.data.Dataset)
        assert [len(labels) for _, labels in dataset] == [count]


@pytest.mark.parametrize("options", [{"test_fraction": 0.2}, {"folds": 5}])
def test_the_trials_of_a_repeat_share_their_split(options):
    study = study_of(**options)
    splits = [
        labels_of(function_of(study, feature, data_seed=3, fold=0), "test")
        for feature in ("None", "age", "['deck1', 'deck10']")
    ]
    assert splits[0] == splits[1] == splits[2]
    assert len(splits[0]) == 4
    assert labels_of(function_of(study, data_seed=4, fold=0), "test") != splits[0]


def test_the_fold_of_a_trial_is_held_out():
    study = study_of(folds=2)
    folds = [labels_of(function_of(study, data_seed=3, fold=fold), "test") for fold in (0, 1)]
    assert sorted(folds[0] + folds[1]) == list(range(ROWS))


def test_a_study_that_draws_nothing_has_one_ablator_for_all_trials():
    worker = worker_of(study_of(missing="mean"))
    assert worker.for_trial({"ablated_feature": "age"}) is worker


def test_the_functions_survive_the_wrapping_of_a_seed_and_draw_from_no_shared_generator():
    plain = function_of(study_of(test_fraction=0.2), data_seed=3)
    seed = TrainingSeed(1)
    with seed.training():
        expected = np.random.random(), random.random()
    with seed.training():
        function = seed.apart(plain)
        assert labels_of(function, "test") == labels_of(plain, "test")
        assert [len(labels) for _, labels in function.batches(1, 10)] == [10, 6]
        assert (np.random.random(), random.random()) == expected


# Missing values


GAPS = FRAME.assign(age=[np.nan, *range(1, ROWS)])


def test_missing_values_are_refused_unless_the_study_says_what_to_do():
    with pytest.raises(
        AblationError, match=r"has missing values \(age: 1\), so the study must say .*'keep'"
    ):
        LOCO(study_of(GAPS), []).prepare(BOTH)
    with pytest.raises(AblationError, match=r"\(survived: 1\)"):
        LOCO(study_of(FRAME.assign(survived=GAPS["age"])), []).prepare(BOTH)


@pytest.mark.parametrize(
    ("missing", "row"), [("mean", [10, 1]), ("median", [10, 1]), ("drop", [1, 1])]
)
def test_a_study_may_fill_or_drop_missing_values(missing, row):
    assert row_of(study_of(GAPS, missing=missing), "None")[:2] == row


@pytest.mark.parametrize("missing", ["keep", "mean"])
def test_only_missing_values_that_are_kept_may_explain_nan(missing):
    remark = worker_of(study_of(GAPS, missing=missing)).missing_remark()
    expected = "The training data set has missing values (age: 1)" if missing == "keep" else ""
    assert remark == expected
    assert worker_of(study_of(missing=missing)).missing_remark() == ""


@pytest.mark.parametrize("options", [{"test_fraction": 0.01}, {"folds": 21}])
def test_an_impossible_split_is_refused_before_any_trial(options):
    with pytest.raises(AblationError, match="20"):
        LOCO(study_of(**options), []).prepare(BOTH)


def test_a_column_without_values_has_no_mean_to_fill_it():
    study = study_of(FRAME.assign(age=np.nan), missing="mean")
    with pytest.raises(AblationError, match="Column 'age' needs a value"):
        LOCO(study, []).prepare(BOTH)


# The width of the input


def sized(num_features):
    return num_features


@pytest.mark.parametrize(
    ("options", "feature", "width"),
    [
        ({}, "None", 5),
        ({}, "age", 4),
        ({}, "Features prefixed sex", 3),
        ({"feature_ablation": "mean"}, "Features prefixed sex", 5),
        ({"missing": "indicator"}, "None", 6),
        ({"missing": "indicator"}, "age", 4),
    ],
)
def test_a_base_model_generator_gets_the_width_of_the_trial(options, feature, width):
    study = study_of(GAPS if "missing" in options else FRAME, sized, **options)
    study.features.include("age")
    study.features.include_groups(prefix="sex")
    ablator = worker_of(study).for_trial({"ablated_feature": feature, "ablated_layer": "None"})
    assert ablator.get_model_generator("None")() == width
    assert ablator.get_dataset_generator(feature).arrays()[0].shape[1] == width


def test_the_width_is_known_if_the_training_function_takes_only_the_model():
    worker = worker_of(study_of(base=sized), MODEL)
    assert worker.get_model_generator()() == 5


def test_a_custom_model_gets_the_width_too():
    study = study_of(base=sized)
    study.model.add_custom_model_generator(lambda num_features: -num_features, "mine")
    worker = worker_of(study)
    assert worker.probes()["Custom model: mine"]() is None
    assert worker.get_model_generator("Custom model: mine")() == -5


def test_the_width_needs_a_registered_data_set_or_a_default():
    study = own()
    study.model.set_base_model_generator(sized)
    with pytest.raises(SignatureError, match=r"num_features .* known only for a registered data"):
        LOCO(study, []).prepare(BOTH)
    study.model.set_base_model_generator(lambda num_features=7: num_features)
    assert worker_of(study).get_model_generator()() == 7


def test_any_other_parameter_of_a_model_generator_needs_a_default():
    with pytest.raises(SignatureError, match="called without arguments"):
        LOCO(study_of(base=lambda num_features, depth: None), []).prepare(BOTH)


def fixed(width=5):
    def base():
        import keras

        return keras.Sequential([keras.Input((width,)), keras.layers.Dense(1, name="last")])

    return base


@pytest.mark.slow
def test_a_fixed_width_and_dropped_columns_are_refused_before_any_trial():
    study = study_of(base=fixed())
    study.features.include_groups(prefix="sex")
    with pytest.raises(
        AblationError,
        match=r"fixed width of 5, but the trials without Features prefixed sex have fewer .*"
        r"'mean'.*, 'zero' or 'permute'. Or .* num_features",
    ):
        worker_of(study)


@pytest.mark.slow
@pytest.mark.parametrize("ablation", ["mean", "zero", "permute"])
def test_a_fixed_width_fits_what_keeps_the_columns(ablation):
    study = study_of(base=fixed(), feature_ablation=ablation)
    study.features.include("age")
    worker_of(study)


@pytest.mark.slow
def test_a_fixed_width_is_fine_if_no_feature_is_left_out_or_the_generator_takes_the_width():
    worker_of(study_of(base=fixed()))
    study = study_of(base=lambda num_features: fixed(num_features)())
    study.features.include("age")
    model = worker_of(study).for_trial({"ablated_feature": "age"}).get_model_generator()()
    assert model.input_shape == (None, 4)


@pytest.mark.slow
def test_a_model_that_takes_something_else_than_the_table_is_not_compared_with_it():
    def picture():
        import keras

        return keras.Sequential([keras.Input((5, 5)), keras.layers.Dense(5)])

    def any_width():
        import keras

        return keras.Sequential([keras.layers.Dense(1)])

    for base in (picture, any_width, fixed(8)):
        study = study_of(base=base)
        study.features.include("age")
        worker_of(study)
