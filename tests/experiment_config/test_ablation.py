"""The config of an ablation study."""

import pytest

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config import AblationConfig


@pytest.fixture
def study():
    return AblationStudy("titanic", 1, "survived")


def test_the_defaults_are_those_of_release_1(study):
    config = AblationConfig(study)
    assert (config.ablator, config.direction, config.name) == ("loco", "max", "ablationStudy")
    assert (config.description, config.hb_interval, config.optimization_key) == ("", 1, "metric")
    assert (config.repeats, config.seed, config.confidence) == (1, None, 0.95)
    assert config.ablator_options is None


def test_the_positions_are_those_of_release_1_1(study):
    config = AblationConfig(
        study, "loco", "min", "n", "d", 2, "the model", ["the data"], optimization_key="acc"
    )
    assert (config.hb_interval, config.model, config.dataset, config.optimization_key) == (
        2,
        "the model",
        ["the data"],
        "acc",
    )


def test_the_direction_may_be_written_in_any_case(study):
    assert AblationConfig(study, direction="Min").direction is Direction.MIN


def test_the_ablator_may_be_an_instance_or_a_name_in_any_case(study):
    AblationConfig(study, ablator="LOCO")
    AblationConfig(study, ablator=LOCO(study, []))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ablation_study": None}, "ablation_study must be a maggy.ablation.AblationStudy"),
        ({"ablation_study": "titanic"}, "ablation_study must be a maggy.ablation.AblationStudy"),
        ({"ablator": "loko"}, "Did you mean 'loco'?"),
        ({"direction": "up"}, "direction must be 'max' or 'min'"),
        ({"optimization_key": ""}, "optimization_key must be a string"),
        ({"repeats": 0}, "repeats must be at least 1, but got 0."),
        ({"repeats": 2.5}, "repeats must be a whole number, but got float"),
        ({"confidence": 95}, "confidence must be above 0 and below 1, but got 95."),
        ({"confidence": "0.95"}, "confidence must be above 0 and below 1"),
        ({"es_policy": "medain"}, "Did you mean 'median'?"),
        ({"es_interval": 0}, "es_interval must be at least 1, but got 0."),
        ({"es_min": -1}, "es_min must be at least 0, but got -1."),
    ],
)
def test_a_bad_argument_is_refused_with_its_rule(study, options, text):
    with pytest.raises(BadArgumentsError) as caught:
        AblationConfig(**{"ablation_study": study, **options})
    assert text in str(caught.value)


def test_an_ablators_class_in_place_of_an_instance_is_a_type_error(study):
    with pytest.raises(TypeError, match="ablator must be an instance, but got the class LOCO"):
        AblationConfig(study, LOCO)


def test_the_study_must_be_given():
    with pytest.raises(TypeError, match="ablation_study"):
        AblationConfig()


def test_options_are_for_the_ablator_of_a_name(study):
    config = AblationConfig(study, "Shapley", ablator_options={"samples": 3})
    assert config.ablator_options == {"samples": 3}
    with pytest.raises(TypeError, match="positional"):
        AblationConfig(study, "loco", "max", "n", "d", 1, None, None, {"samples": 3})


@pytest.mark.parametrize(
    ("ablator", "options", "text"),
    [
        ("shapley", {"sample": 3}, "Shapley has no option 'sample'. Did you mean 'samples'?"),
        ("shapley", {"final_store": []}, "Its options are: samples, seed."),
        ("shapley", {"samples": 0}, "samples must be an integer of at least 1"),
        ("backward", {"stop_at": -1}, "stop_at must be None or a number of at least 0"),
        ("loco", {"samples": 3}, "Its options are: none."),
        ("shapley", ["samples"], "ablator_options must be a dict"),
    ],
)
def test_options_that_the_ablator_does_not_take_are_refused(study, ablator, options, text):
    with pytest.raises(BadArgumentsError) as caught:
        AblationConfig(study, ablator, ablator_options=options)
    assert text in str(caught.value)


def test_an_instance_belongs_to_the_study_of_the_config(study):
    other = AblationStudy("titanic", 1, "survived")
    with pytest.raises(BadArgumentsError, match=r"LOCO must be made with the study of the config"):
        AblationConfig(study, LOCO(other, []))


def test_an_instance_takes_no_options(study):
    with pytest.raises(BadArgumentsError, match="Give them to the instance itself"):
        AblationConfig(study, LOCO(study, []), ablator_options={"samples": 3})
    AblationConfig(study, LOCO(study, []), ablator_options={})
