"""The policy of an ablation study, as the driver sees it."""

import pytest
from helpers.ablators import PlainAblator

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.ablation.component import Component
from maggy.common.seeding import derive_seed
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.experiment_config import AblationConfig


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


def test_what_a_study_uses_of_its_data_is_part_of_its_identity():
    study = AblationStudy("passengers", label_name="survived", missing="mean", folds=3)
    study.features.include_groups(["b", "a"], prefix="sex_", regex="^c")
    identity = policy_of(study, LOCO(study, [])).identity()
    assert identity["data"] == {"missing": "mean", "folds": 3}
    assert identity["components"] == {
        "included_features": [],
        "included_layers": [],
        "included_groups": [],
        "custom_models": [],
        "feature_prefixes": ["sex_"],
        "feature_regexes": ["^c"],
        "feature_groups": [["a", "b"]],
    }


def trials_of(seed=5, config_options=None, **options):
    """Return the trials of two components, and what a worker gets beside their labels."""
    study = AblationStudy("passengers", label_name="survived", **options)
    study.features.include("fare")
    ablator = LOCO(study, [])
    policy = AblationPolicy(AblationConfig(study, ablator, **(config_options or {})), ablator)
    policy.start({}, [], seed)
    trials = list(iter(lambda: policy.suggest(None), None))
    return trials, [policy.extra_params(trial) for trial in trials]


def test_a_study_that_draws_nothing_sends_labels_only():
    trials, extras = trials_of(missing="mean", feature_ablation="mean")
    assert extras == [{}, {}]
    assert [trial.info_dict for trial in trials] == [{}, {}]


@pytest.mark.parametrize("options", [{"test_fraction": 0.2}, {"feature_ablation": "permute"}])
def test_what_is_drawn_follows_the_seed_of_the_experiment_and_is_noted(options):
    trials, extras = trials_of(**options)
    assert extras[0] == extras[1] == {"data_seed": derive_seed(5, 0)}
    assert [trial.info_dict for trial in trials] == extras
    assert trials_of(seed=6, **options)[1][0] != extras[0]
    assert trials[0].trial_id == "5b254f8048b3784d"


def test_each_repeat_holds_out_rows_of_its_own():
    trials, extras = trials_of(config_options={"repeats": 2, "seed": 5}, test_fraction=0.2)
    assert [extra["data_seed"] for extra in extras] == [trial.seed for trial in trials]
    assert len({extra["data_seed"] for extra in extras}) == 2


def test_folds_have_their_turns_and_then_the_rows_are_divided_anew():
    _, extras = trials_of(config_options={"repeats": 5}, folds=2)
    assert [extra["fold"] for extra in extras] == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]
    seeds = [extra["data_seed"] for extra in extras]
    assert seeds == [derive_seed(5, number) for number in (0, 0, 0, 0, 1, 1, 1, 1, 2, 2)]
