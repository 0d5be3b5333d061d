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
