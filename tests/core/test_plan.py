"""A config becomes a workload and the reading of its results, or an error before Spark starts."""

import pytest

from maggy import Searchspace
from maggy.ablation import AblationStudy
from maggy.common.exceptions import AblationError, SignatureError
from maggy.core.environment import find_environment
from maggy.core.plan import plan
from maggy.experiment_config import (
    AblationConfig,
    BaseConfig,
    HyperparameterOptConfig,
    LagomConfig,
    OptimizationConfig,
)


class Net:
    pass


def all_four(model, dataset, hparams, reporter):
    return 1


def space():
    return Searchspace(x=("DOUBLE", [0, 1]))


def study_of(**options):
    return AblationStudy("unregistered", label_name="y", **options)


def workload_of(config, train=all_four):
    return plan(train, config, find_environment())[1]


def search(**options):
    return OptimizationConfig(1, "randomsearch", space(), **options)


@pytest.fixture(autouse=True)
def nothing_registered(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGGY_DATASET_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("config", "lenient"),
    [
        (search(), False),
        (search(model=Net), True),
        (search(dataset=[]), True),
        (HyperparameterOptConfig(1, "randomsearch", space()), True),
        (AblationConfig(study_of()), False),
        (AblationConfig(study_of(), model=Net), True),
        (AblationConfig(study_of(), dataset=["train.csv"]), True),
    ],
)
def test_the_reading_of_release_1_1_goes_with_its_config_or_with_a_model_or_dataset(
    config, lenient
):
    assert workload_of(config).lenient is lenient


@pytest.mark.parametrize(
    "config",
    [
        search(),
        LagomConfig(),
        BaseConfig(),
        AblationConfig(study_of()),
        HyperparameterOptConfig(1, None, None),
    ],
)
def test_a_function_may_ask_for_all_four_names_of_release_1_1_under_every_config(config):
    assert workload_of(config).values == {"model": None, "dataset": None}


@pytest.mark.parametrize(
    "make", [search, LagomConfig, BaseConfig, lambda **o: AblationConfig(study_of(), **o)]
)
def test_model_and_dataset_go_into_the_workload_once(make):
    assert workload_of(make(model=Net, dataset=["d"])).values == {"model": Net, "dataset": ["d"]}


def test_a_hyperparameter_may_have_the_name_model():
    config = OptimizationConfig(
        1, "randomsearch", Searchspace(model=("CATEGORICAL", ["a", "b"])), model=Net
    )
    assert workload_of(config, lambda model: 1).call({"model": "a"}, None) == 1
    with pytest.raises(SignatureError, match="lacks the parameters model"):
        workload_of(config, lambda x: 1)


def test_another_parameter_that_nothing_gives_is_refused_still():
    with pytest.raises(SignatureError, match="nothing gives its parameters modell"):
        workload_of(search(), lambda x, modell: 1)


def test_an_ablation_that_gets_its_functions_in_hparams_needs_no_base_model_that_it_does_not_use():
    assert workload_of(AblationConfig(study_of(dataset_generator=lambda num_epochs, batch_size: 0)))


def test_an_ablation_that_gets_its_functions_in_hparams_is_refused_for_a_component_that_cannot_be():
    study = study_of()
    study.features.include("age")
    with pytest.raises(AblationError, match="unregistered"):
        workload_of(AblationConfig(study))


def study_with(**choices):
    study = study_of()
    study.choices.include(**choices)
    return study


def test_a_choice_may_be_made_by_any_parameter_with_a_default():
    study = study_with(augment=False, optimizer="sgd", model="large")
    workload = workload_of(AblationConfig(study), lambda augment=1, optimizer=2, model=3: augment)
    assert workload.call({"ablated_choice": "augment=False"}, None) is False


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (
            {"augmnt": False},
            r"no parameter 'augmnt'. Did you mean 'augment'\? Those with",
        ),
        ({"others": False}, "no parameter 'others'"),
        ({"seed": 3}, "'seed' is given by Maggy"),
        ({"reporter": None}, "'reporter' is given by Maggy"),
    ],
)
def test_a_choice_that_the_function_cannot_make_is_refused(choice, words):
    def train(augment=True, seed=1, reporter=None, **others):
        return 1

    with pytest.raises(SignatureError, match=words):
        workload_of(AblationConfig(study_with(**choice)), train)


def test_a_choice_without_a_default_is_refused():
    study = study_of()
    study.include_combination(choice={"hparams": 1, "model": 2})
    with pytest.raises(SignatureError, match="'hparams' is given by Maggy"):
        workload_of(AblationConfig(study), lambda hparams=None, model=1: 1)
    with pytest.raises(SignatureError, match=r"parameter augment .* must have a default"):
        workload_of(AblationConfig(study_with(augment=2)), lambda augment: 1)


def test_a_choice_of_what_the_config_gives_is_refused():
    config = AblationConfig(study_with(model="large"), model="small")
    with pytest.raises(SignatureError, match="'model' is given by Maggy or by the config"):
        workload_of(config, lambda model="tiny": 1)


def test_the_options_reach_the_ablator():
    study = study_with(augment=False, optimizer="sgd")
    config = AblationConfig(study, "shapley", ablator_options={"samples": 1})
    policy, _ = plan(lambda augment=1, optimizer=2: 1, config, find_environment())
    assert policy.identity()["ablator_options"] == {"samples": 1, "seed": 0}
