"""The features and keywords of an ablation study."""

import subprocess
import sys

import pytest

from maggy.ablation import AblationStudy
from maggy.core.cluster import dumps, loads


def make():
    return AblationStudy("titanic_train_dataset", training_dataset_version=1, label_name="survived")


def test_features_are_listed_one_a_line_in_the_order_of_inclusion(capsys):
    study = make()
    study.features.include("pclass")
    study.features.include(["fare", "sibsp"], "pclass", "fare")
    study.features.list_all()
    assert capsys.readouterr().out == "pclass\nfare\nsibsp\n"


def test_features_can_be_excluded_by_name_and_by_list():
    study = make()
    study.features.include("a", "b", "c", "d")
    study.features.exclude("d", ["a", "c"])
    assert study.to_dict()["included_features"] == ["b"]


def test_excluding_what_is_not_included_changes_nothing_and_is_logged(caplog):
    study = make()
    study.features.include("pclass")
    study.features.exclude("pclas")
    assert study.to_dict()["included_features"] == ["pclass"]
    assert "Did you mean 'pclass'?" in caplog.text


@pytest.mark.parametrize(
    "wrong", [1, None, ("a", "b"), {"a"}, [1], ["a", ["b"]], "", [""], b"a", 0.5]
)
def test_features_are_strings_or_lists_of_strings(wrong):
    study = make()
    for change in (study.features.include, study.features.exclude):
        with pytest.raises(ValueError, match="Feature"):
            change("good", wrong)
    assert study.to_dict()["included_features"] == []


def test_the_label_of_the_base_is_no_feature_name():
    with pytest.raises(ValueError, match="label of the base trial"):
        make().features.include("None")


def test_including_nothing_is_allowed():
    study = make()
    study.features.include([])
    study.features.include()
    assert study.to_dict()["included_features"] == []


def test_groups_of_features_are_sorted_inside_and_count_once():
    features = make().features
    features.include_groups(["b", "a"], ["a", "b", "a"], prefix="sex_", regex="^c")
    features.include_groups(["d", "c"], prefix="sex_", regex="^c")
    assert features.included_groups == [["a", "b"], ["c", "d"]]
    assert (features.included_prefixes, features.included_regexes) == (["sex_"], ["^c"])


def test_groups_of_features_can_be_excluded(caplog):
    features = make().features
    features.include_groups(["b", "a"], prefix="sex_", regex="^c")
    features.exclude_groups(["a", "c"], prefix="sex")
    assert "Prefix 'sex' is not included, so it cannot be excluded. Did you mean" in caplog.text
    features.exclude_groups(["a", "b"], prefix="sex_", regex="^c")
    assert features.included_groups == []
    assert (features.included_prefixes, features.included_regexes) == ([], [])


@pytest.mark.parametrize(
    ("groups", "options", "error"),
    [
        (["a"], {}, "feature group must be a list of two or more names, but got str"),
        ([["a"]], {}, r"two or more features, but got \['a'\]. For a single feature use include"),
        ([["a", 1]], {}, "A feature in a group must be a string"),
        ([], {}, r"list of two or more names, prefix='...' or regex='...', but got none"),
        ([], {"prefix": ""}, "A prefix must be a string that is not empty"),
        ([], {"prefix": 3}, "A prefix must be a string that is not empty"),
        ([], {"regex": 3}, "A regular expression must be a string"),
        ([], {"regex": "("}, r"must be a regular expression of Python, but got '\('"),
    ],
)
def test_a_wrong_group_of_features_changes_nothing(groups, options, error):
    features = make().features
    for change in (features.include_groups, features.exclude_groups):
        with pytest.raises(ValueError, match=error):
            change(["good", "better"], *groups, **options) if groups or options else change()
    assert features.included_groups == []


def test_groups_of_features_do_not_change_the_dict_of_a_study():
    study = make()
    study.features.include_groups(["a", "b"])
    assert study.to_dict() == make().to_dict()


def test_the_options_of_the_data_are_those_that_were_written():
    study = AblationStudy("x", feature_ablation="mean", missing="median", test_fraction=0.25)
    assert study.data_options.changes() == {
        "feature_ablation": "mean",
        "missing": "median",
        "test_fraction": 0.25,
    }
    assert AblationStudy("x", folds=3).data_options.changes() == {"folds": 3}
    assert make().data_options.changes() == {}


@pytest.mark.parametrize(
    "options",
    [{"feature_ablation": "x"}, {"missing": "x"}, {"test_fraction": 1}, {"folds": 1}],
)
def test_a_wrong_option_of_the_data_is_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        AblationStudy("x", **options)


@pytest.mark.parametrize("name", ["feature_ablation", "missing", "test_fraction", "folds"])
def test_an_option_with_a_spelling_mistake_names_the_closest(name):
    with pytest.raises(TypeError, match=rf"Did you mean '{name}'\?"):
        AblationStudy("x", **{name + "s": 1})


def test_to_dict_has_the_keys_of_the_contract():
    study = AblationStudy("titanic_train_dataset", label_name="survived")
    study.features.include("fare")
    study.model.layers.include("two")
    study.model.layers.include_groups(["two", "four"], prefix="my")
    study.model.add_custom_model_generator(dict, "custom")
    assert study.to_dict() == {
        "training_dataset_name": "titanic_train_dataset",
        "training_dataset_version": 1,
        "label_name": "survived",
        "included_features": ["fare"],
        "included_layers": ["two"],
        "included_groups": ["my", ["four", "two"]],
        "custom_models": ["custom"],
        "custom_dataset_generator": None,
    }


def test_a_data_set_generator_is_given_as_keyword_or_set_later():
    def generator(num_epochs, batch_size):
        return None

    assert (
        AblationStudy(None, dataset_generator=generator).to_dict()["custom_dataset_generator"]
        is generator
    )
    study = make()
    study.set_dataset_generator(generator)
    assert study.to_dict()["custom_dataset_generator"] is generator
    assert AblationStudy("x", dataset_generator=None).to_dict()["custom_dataset_generator"] is None


def test_a_data_set_generator_must_be_a_function():
    with pytest.raises(ValueError, match="must be a function, but got int"):
        make().set_dataset_generator(3)
    with pytest.raises(ValueError, match="must be a function, but got str"):
        AblationStudy("x", dataset_generator="f")


def test_an_unknown_keyword_is_named_with_the_closest_one():
    with pytest.raises(TypeError, match=r"'dataset_genrator'. Did you mean 'dataset_generator'\?"):
        AblationStudy("x", dataset_genrator=dict)


@pytest.mark.parametrize(
    "arguments",
    [
        (1,),
        ("",),
        ("x", 0),
        ("x", -1),
        ("x", "1"),
        ("x", 1.0),
        ("x", True),
        ("x", 1, 5),
        ("x", 1, ""),
    ],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        AblationStudy(*arguments)


def test_a_study_travels_with_functions_that_only_the_driver_has():
    study = make()
    width = 5
    study.model.set_base_model_generator(lambda: ["base", width])
    study.model.add_custom_model_generator(lambda: ["custom", width], "c")
    study.set_dataset_generator(lambda num_epochs, batch_size: num_epochs * batch_size)
    study.model.layers.include_groups(prefix="p")
    copy = loads(dumps(study))
    assert copy.model.base_model_generator() == ["base", 5]
    assert copy.model.custom_model_generators[0][0]() == ["custom", 5]
    assert copy.custom_dataset_generator(2, 3) == 6
    assert copy.to_dict()["included_groups"] == ["p"]


def test_importing_loads_neither_tensorflow_nor_pandas_nor_pyspark():
    code = (
        "import sys, maggy.ablation, maggy.ablation.ablator.loco\n"
        "names = ('tensorflow', 'keras', 'pandas', 'pyspark')\n"
        "print([name for name in names if name in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )
