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
