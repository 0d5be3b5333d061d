"""The policy of an ablation study, as the driver sees it."""

import pytest
from helpers.ablators import PlainAblator

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO, Pairs, Shapley
from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.experiment_config import AblationConfig
from maggy.trial import Trial


class WithList(PlainAblator):
    """An ablator with a list of its own under the name ``components``."""

    def __init__(self, ablation_study, final_store):
        super().__init__(ablation_study, final_store)
        self.components = ["first", "second"]


class WithMethod(PlainAblator):
    """An ablator with another method under the name ``components``."""

    def components(self, kind):
        return [kind]


class WithTexts(PlainAblator):
    """An ablator whose components are texts."""

    def components(self):
        return ["first", "second"]


class WithComponents(PlainAblator):
    """An ablator that names its components but is not LOCO."""

    def components(self):
        return [Component.base(), Component.feature("fare"), Component.group(["a", "b"])]


@pytest.fixture
def study():
    study = AblationStudy("passengers", label_name="survived")
    study.features.include("fare")
    study.model.layers.include("dense")
    study.model.layers.include_groups(["b", "a"], prefix="my")
    study.model.add_custom_model_generator(dict, "mine")
    return study


def policy_of(study, ablator):
    return AblationPolicy(AblationConfig(study, ablator), ablator)


def values_of(policy):
    return {parameter["name"]: parameter["values"] for parameter in policy.hparams()}


def test_tensorboard_gets_the_labels_of_all_components(study):
    policy = policy_of(study, LOCO(study, []))
    assert policy.hparams() == [
        {"name": "ablated_feature", "type": "CATEGORICAL", "values": ["None", "fare"]},
        {
            "name": "ablated_layer",
            "type": "CATEGORICAL",
            "values": ["None", "dense", "Layers prefixed my", "['a', 'b']", "Custom model: mine"],
        },
    ]


def test_every_ablator_may_name_its_components(study):
    assert values_of(policy_of(study, WithComponents(study, []))) == {
        "ablated_feature": ["None", "fare"],
        "ablated_layer": ["None", "['a', 'b']"],
    }


@pytest.mark.parametrize("cls", [PlainAblator, WithList, WithMethod, WithTexts])
def test_an_ablator_that_names_no_components_goes_on_as_before(study, cls):
    ablator = cls(study, [])
    assert values_of(policy_of(study, ablator)) == {"ablated_feature": [], "ablated_layer": []}


def test_the_identity_of_a_study_is_that_of_its_records(study):
    assert policy_of(study, LOCO(study, [])).identity() == {
        "kind": "ablation",
        "training_dataset": "passengers_1",
        "label": "survived",
        "components": {
            "included_features": ["fare"],
            "included_layers": ["dense"],
            "included_groups": ["my", ["a", "b"]],
            "custom_models": ["mine"],
        },
        "ablator": "LOCO",
        "direction": "max",
        "optimization_key": "metric",
    }


def test_choices_are_a_third_parameter_of_tensorboard(study):
    study.choices.include(augment=False)
    policy = policy_of(study, LOCO(study, []))
    assert values_of(policy)["ablated_choice"] == ["None", "augment=False"]
    assert policy.hparams()[:2] == policy_of(study, LOCO(study, [])).hparams()[:2]


def test_the_identity_records_later_components_and_options_where_they_are_used(study):
    plain = policy_of(study, LOCO(study, [])).identity()
    study.choices.include(augment=False)
    study.include_combination(feature=["fare", "age"], choice={"rate": 1})
    identity = policy_of(study, LOCO(study, [])).identity()
    assert identity == {
        **plain,
        "components": {
            **plain["components"],
            "choices": ["augment=False"],
            "combinations": ["fare + age + rate=1"],
        },
    }
    identity = policy_of(study, Shapley(study, [], samples=3)).identity()
    assert identity["ablator"] == "Shapley"
    assert identity["ablator_options"] == {"samples": 3, "seed": 0}


class Waiting(PlainAblator):
    """An ablator whose trials depend on results."""

    waits_for_results = True


def test_an_ablator_that_waits_gets_the_running_trials_and_the_direction(study):
    ablator = Waiting(study, [])
    policy = AblationPolicy(AblationConfig(study, ablator, direction="min"), ablator)
    running, final = {}, []
    policy.start(running, final, 1)
    assert ablator.trial_store is running
    assert ablator.final_store is final
    assert (ablator.direction, policy.total) == ("min", None)


def test_an_ablator_that_does_not_wait_keeps_its_own_attributes(study):
    ablator = PlainAblator(study, [])
    ablator.direction, ablator.trial_store = "left", "mine"
    policy = AblationPolicy(AblationConfig(study, ablator, direction="min"), ablator)
    policy.start({}, [], 1)
    assert (ablator.direction, ablator.trial_store, policy.total) == ("left", "mine", 1)


def test_the_result_gets_what_the_ablator_concludes(study):
    trials = [Trial(Component.base().params(), "ablation")]
    assert policy_of(study, LOCO(study, [])).analyze(trials) == Analysis()
    study = AblationStudy("passengers", label_name="survived")
    study.features.include("fare", "age")
    (entry,) = policy_of(study, Pairs(study, [])).analyze(trials).result["interactions"]
    assert entry["components"] == ["fare", "age"]
