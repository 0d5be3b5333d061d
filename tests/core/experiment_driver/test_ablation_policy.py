"""The policy of an ablation study, as the driver sees it."""

import json

import pandas as pd
import pytest
from helpers.ablators import PlainAblator

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO, Pairs, Shapley
from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis
from maggy.common.extras import install_command
from maggy.common.seeding import derive_seed
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.earlystop import AbstractEarlyStop, Decision, Threshold
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


def seeded_policy(study, **options):
    ablator = LOCO(study, [])
    policy = AblationPolicy(AblationConfig(study, ablator, **options), ablator)
    policy.start({}, [], 7)
    return policy


def all_trials(policy):
    return list(iter(lambda: policy.suggest(None), None))


def test_every_repeat_has_all_components(study):
    policy = seeded_policy(study, repeats=3)
    trials = all_trials(policy)
    assert policy.total == len(trials) == 3 * 6
    assert [trial.repeat for trial in trials] == [0] * 6 + [1] * 6 + [2] * 6
    extra = [policy.extra_params(trial) for trial in trials]
    assert [sorted(params) for params in extra] == [["repeat", "seed"]] * 18
    assert len({params["seed"] for params in extra}) == 3


def test_a_seed_alone_seeds_single_runs_and_nothing_seeds_others(study):
    seeded = all_trials(seeded_policy(study, seed=7))
    assert {trial.repeat for trial in seeded} == {0}
    assert len({trial.seed for trial in seeded}) == 1
    policy = seeded_policy(study)
    trials = all_trials(policy)
    assert all(trial.info_dict == {} and policy.extra_params(trial) == {} for trial in trials)


def test_a_component_that_cannot_be_built_is_withdrawn_in_all_repeats(study):
    policy = seeded_policy(study, repeats=2)
    withdrawn = policy.withdraw("Custom model: mine")
    assert [trial.repeat for trial in withdrawn] == [0, 1]
    assert len(all_trials(policy)) == 2 * 5
    assert policy.withdraw("Custom model: mine") == []


def test_without_scipy_the_study_says_so_before_its_first_trial(study, monkeypatch):
    monkeypatch.setattr("maggy.core.experiment_driver.ablation_policy.can_test", lambda: False)
    remarks = []
    ablator = LOCO(study, [])
    policy = AblationPolicy(AblationConfig(study, ablator, repeats=2), ablator)
    policy.remark = remarks.append
    policy.start({}, [], 7)
    assert len(remarks) == 1
    assert install_command("stats") in remarks[0]


def test_replacements_are_part_of_the_identity_where_there_are_some(study):
    assert "replacements" not in seeded_policy(study).identity()["components"]
    study.model.layers.replace("dense", dict, label="small")
    components = seeded_policy(study).identity()["components"]
    assert components["replacements"] == ["dense replaced by small"]


def recorded_identity(study, **options):
    return json.loads(json.dumps(seeded_policy(study, **options).identity()))


def test_a_study_may_be_extended_by_components_and_repeats(study):
    recorded = recorded_identity(study, repeats=2)
    study.features.include("age")
    study.model.layers.include_groups(prefix="other")
    study.model.layers.replace("dense", dict, label="small")
    study.features.include_groups(["b", "a"], prefix="sex_", regex="^c")
    study.choices.include(augment=False)
    study.include_combination(feature=["fare", "age"])
    assert seeded_policy(study, repeats=5).mismatch(recorded) is None
    later = recorded_identity(study, repeats=5)
    for kind in ("choices", "combinations", "replacements", "feature_groups"):
        smaller = {**later["components"], kind: [*later["components"][kind], "another"]}
        record = {**later, "components": smaller}
        assert seeded_policy(study, repeats=5).mismatch(record)[0] == "components"


def test_what_is_recorded_must_be_part_of_the_extended_study(study):
    recorded = recorded_identity(study, repeats=2)
    assert seeded_policy(study, repeats=2).mismatch(recorded) is None
    # An experiment with fewer repeats, or without seeds, has other trials.
    assert seeded_policy(study, seed=7).mismatch(recorded) == ("repeats", 2, 1)
    assert seeded_policy(study).mismatch(recorded) == ("repeats", 2, None)
    study.features.exclude("fare")
    name, _, current = seeded_policy(study, repeats=2).mismatch(recorded)
    assert (name, current["included_features"]) == ("components", [])


def test_single_runs_without_seeds_cannot_become_repeats(study):
    recorded = recorded_identity(study)
    assert seeded_policy(study).mismatch(recorded) is None
    assert seeded_policy(study, repeats=3).mismatch(recorded) == ("repeats", None, 3)


def test_another_data_set_or_direction_is_another_study(study):
    recorded = recorded_identity(study)
    assert seeded_policy(study, direction="min").mismatch(recorded)[0] == "direction"
    other = AblationStudy("crew", label_name="survived")
    assert seeded_policy(other).mismatch({**recorded, "components": {}})[0] == "training_dataset"


def test_other_numbers_in_the_data_set_are_another_study(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGGY_DATASET_DIR", str(tmp_path))
    frame = pd.DataFrame({"fare": [1.0, 2.0, 3.0], "survived": [0, 1, 1]})

    def policy_on(frame, **options):
        register_training_dataset(frame, "passengers")
        study = AblationStudy("passengers", label_name="survived")
        ablator = LOCO(study, [])
        ablator.prepare(frozenset({"dataset_function"}))
        return AblationPolicy(AblationConfig(study, ablator, **options), ablator)

    recorded = policy_on(frame, repeats=2).identity()
    assert policy_on(frame, repeats=2).mismatch(recorded) is None  # registered again
    other = policy_on(frame.assign(fare=[1.0, 2.0, 4.0]), repeats=2)
    assert other.mismatch(recorded)[0] == "training_data"
    del recorded["training_data"]  # as an earlier release recorded it
    assert other.mismatch(recorded) is None
    assert "training_data" not in policy_on(frame).identity()


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


class OddSteps(AbstractEarlyStop):
    """Stops trials whose last step is odd; forgets nothing."""

    starts = 0

    def start(self):
        self.starts += 1

    def decide(self, trial, finalized_trials, running_trials, direction):
        assert (list(running_trials), direction) == (["running"], "max")
        return Decision.STOP if trial.step_history[-1] % 2 else Decision.CONTINUE


def test_a_study_stops_no_trial_early_unless_its_config_says_so(study):
    trial = Trial(Component.feature("fare").params(), "ablation")
    trial.append_metric({"step": 3, "value": 0.5})
    policy = policy_of(study, LOCO(study, []))
    policy.start({}, [], 1)
    assert not policy.should_stop(trial, [trial] * 20)
    assert policy.should_end([trial] * 20) is None
    rules = [OddSteps(), Threshold(0.5)]
    config = AblationConfig(study, es_policy=rules, es_interval=3, es_min=2)
    policy = AblationPolicy(config, LOCO(study, []))
    policy.start({"x": "running"}, [], 1)
    assert rules[0].starts == 1
    assert [policy.is_check_due(trial, [step]) for step in (2, 3, 4, 6)] == [0, 1, 0, 1]
    assert [policy.should_stop(trial, [trial] * count) for count in (2, 3)] == [False, True]
    trial.append_metric({"step": 4, "value": 0.5})
    assert not policy.should_stop(trial, [trial] * 3)
    trial.final_metric = 0.6
    assert "0.5" in policy.should_end([trial])


def test_a_rule_never_stops_the_base_and_judges_a_trial_by_its_own_repeat(study):
    class Counts(OddSteps):
        def decide(self, trial, finalized_trials, running_trials, direction):
            self.peers = list(finalized_trials)
            return Decision.STOP

    rule = Counts()
    policy = AblationPolicy(
        AblationConfig(study, repeats=2, es_policy=rule, es_min=0), LOCO(study, [])
    )
    policy.start({}, [], 1)
    finals = [Trial(Component.feature("fare").params(), "ablation") for _ in range(3)]
    for number, trial in enumerate(finals):
        trial.repeat = number % 2
    running = Trial(Component.layer("dense").params(), "ablation")
    running.repeat = 1
    assert policy.should_stop(running, finals)
    assert rule.peers == [finals[1]]
    base = Trial(Component.base().params(), "ablation")
    base.repeat = 1
    assert not policy.should_stop(base, finals)


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
