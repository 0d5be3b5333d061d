"""A search begins with the trials of another experiment, without Spark: threads as workers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.checkpoints import count_up
from helpers.loopback import Experiment, Given, one_after_another
from helpers.recorded import SPACE, record, record_ablation, record_search, record_single, tree
from helpers.results import ended_trial

from maggy import Searchspace, Trial, load
from maggy.common.exceptions import BadArgumentsError, ExperimentNotFoundError, ResumeError
from maggy.core.environment import LocalEnvironment
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.experiment_driver.warm_start import warm_start
from maggy.earlystop import AbstractEarlyStop, AbstractExperimentStop, Decision
from maggy.experiment_config import HyperparameterOptConfig, OptimizationConfig
from maggy.optimizer import (
    PBT,
    AbstractOptimizer,
    Asha,
    Hyperband,
    RandomSearch,
    resolve_optimizer,
)
from maggy.testing import run_on_threads

pytestmark = pytest.mark.loopback

ENVIRONMENT = LocalEnvironment()
KEY = {"optimization_key": "accuracy"}


def begin(source, *, config_type=OptimizationConfig, root=".", store=None, record=None, **options):
    """Return the policy of a search with a warm start, and the source."""
    options = {"optimizer": "tpe", "searchspace": SPACE, "num_trials": 3, **KEY, **options}
    config = config_type(warm_start=source, **options)
    policy = OptimizationPolicy(config)
    policy.parameters([])
    return policy, warm_start(ENVIRONMENT, str(root), config, policy, store, record or {})


def search(source, train=lambda params, reporter: params["lr"], **options):
    """Run a search on threads, and return its trials."""
    options = {"optimizer": "tpe", "searchspace": SPACE, "num_trials": 3, **KEY, **options}
    return run_on_threads(train, OptimizationConfig(warm_start=source, **options))


# What is refused


def test_an_experiment_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ExperimentNotFoundError, match="warm_start must be an experiment that is "):
        begin(tmp_path / "app_7")


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (record_search, {"direction": "min"}, "the same direction.*has 'max' and the config 'min'"),
        (
            record_search,
            {"optimization_key": "loss"},
            "the same optimization_key.*has 'accuracy' and the config 'loss'",
        ),
        (lambda root: record_ablation(root, {"None": [1.0]}), {}, "but .*app_1 is an ablation"),
        (record_single, {}, "app_1 is a function that ran once"),
        (lambda root: record_search(root, ()), {}, "with ended trials, but .*app_1 has none"),
    ],
)
def test_what_is_no_search_with_the_same_objective_is_refused(tmp_path, make, options, text):
    make(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(BadArgumentsError, match=text):
        begin(tmp_path / "app_1", **options)
    assert tree(tmp_path) == before


def test_an_experiment_whose_objective_is_not_recorded_is_refused(tmp_path):
    path = Path(record_search(tmp_path).path)
    (path / "maggy.json").write_text("{")
    with pytest.raises(BadArgumentsError, match=r"direction is recorded, but maggy\.json in"):
        begin(path)


def test_the_key_of_release_1_fits_that_of_release_2(tmp_path):
    path = record_search(tmp_path, identity={"optimization_key": "metric"}).path
    options = {"config_type": HyperparameterOptConfig, "optimization_key": "Metric"}
    assert len(begin(path, **options)[1].trials) == 3
    with pytest.raises(BadArgumentsError, match="same optimization_key"):
        begin(path, optimization_key="Metric")


# What the user reads


def test_a_line_names_the_trials_that_do_not_fit(tmp_path):
    path = record_search(tmp_path, (0.5, None, 0.75, 0.6, 0.7, 0.8)).path
    space = Searchspace(lr=("DOUBLE", [0.001, 1.0]), pool=("INTEGER", [3, 9]))
    policy, _ = begin(path, searchspace=space)
    assert policy.opening_remark == (
        "Warm start: TPE learns from 4 of the 6 ended trials of app_1. "
        "2 do not fit the search space: #1 (pool must be an integer from 3 to 9, but got 1); "
        "#2 (pool must be an integer from 3 to 9, but got 2)."
    )
    space = Searchspace(lr=("DOUBLE", [0.001, 1.0]))
    policy, _ = begin(path, searchspace=space)
    assert policy.opening_remark == (
        "Warm start: TPE learns nothing from the 6 ended trials of app_1. "
        "6 do not fit the search space: #1 (it has 'pool', which is not in the search space); "
        "#2 (it has 'pool', which is not in the search space); "
        "#3 (it has 'pool', which is not in the search space); also #4, #5, #6."
    )


def test_a_line_says_that_failed_trials_teach_nothing(tmp_path):
    policy, _ = begin(record_search(tmp_path).path)
    assert policy.opening_remark == (
        "Warm start: TPE learns from 2 of the 3 ended trials of app_1. "
        "It learns nothing from 1 that fit."
    )


@pytest.mark.parametrize("optimizer", ["randomsearch", "qmc"])
def test_an_optimizer_that_learns_nothing_says_so(tmp_path, optimizer):
    policy, _ = begin(record_search(tmp_path, (0.5,)).path, optimizer=optimizer)
    assert policy.opening_remark == (
        f"Warm start: {policy.name} learns nothing from the 1 ended trial of app_1."
    )


def test_a_running_experiment_gives_the_trials_that_have_ended(tmp_path):
    recorded = record_search(tmp_path, (0.5, 0.75), state=None)
    policy, source = begin(recorded.path)
    assert len(source.trials) == 2
    assert policy.opening_remark.endswith(
        "That experiment still runs; trials that end from now on are left out."
    )


def test_damaged_records_are_left_out_and_counted(tmp_path):
    path = Path(record_search(tmp_path, (0.5, 0.75)).path)
    next(path.glob("*/trial.json")).write_text("{")
    policy, source = begin(path)
    assert len(source.trials) == 1
    assert policy.opening_remark.endswith("Damaged records that were left out: 1.")


# What the search does


class Keeps(AbstractOptimizer):
    """Keep what it is told, and suggest two equal trials."""

    def initialize(self):
        self.restored, self.stores, self.ended = [], [], []

    def get_suggestion(self, trial=None):
        self.stores.append([final.final_metric for final in self.final_store])
        if len(self.stores) > 2:
            return None
        return Trial({"lr": 0.1, "pool": 1})

    def finalize_experiment(self, trials):
        self.ended = [trial.final_metric for trial in trials]


class TakesOver(Keeps):
    def restore(self, trials):
        self.restored += trials
        return True


@pytest.mark.parametrize("optimizer_type", [Keeps, TakesOver])
def test_an_own_optimizer_finds_the_trials_in_its_final_store(tmp_path, optimizer_type):
    optimizer = optimizer_type()
    path = record_search(tmp_path).path
    trials = search(path, lambda params, reporter: 0.25, optimizer=optimizer, num_trials=9)
    assert [trial.final_metric for trial in trials] == [0.25, 0.25]
    assert [store[:2] for store in optimizer.stores] == [[0.5, 0.75]] * len(optimizer.stores)
    if optimizer_type is TakesOver:
        assert [trial.final_metric for trial in optimizer.restored] == [0.5, None, 0.75]
        assert {trial.source_experiment for trial in optimizer.restored} == {"app_1"}


def test_at_its_end_an_optimizer_gets_the_trials_of_this_experiment(tmp_path):
    optimizer, finals = Keeps(), []
    policy, _ = begin(record_search(tmp_path).path, optimizer=optimizer)
    policy.start({}, finals, 1)
    assert not policy.restore([])
    for metric in (0.1, 0.2):
        trial = Trial({"lr": metric, "pool": 1})
        trial.final_metric = metric
        finals.append(trial)
        policy.suggest(trial)
        policy.suggest(None)
    policy.finish(finals)
    assert optimizer.ended == [0.1, 0.2]
    assert [final.final_metric for final in optimizer.final_store] == [0.5, 0.75, 0.1, 0.2]


def test_an_own_optimizer_without_restore_is_named(tmp_path):
    policy, _ = begin(record_search(tmp_path).path, optimizer=Keeps())
    assert policy.opening_remark.startswith(
        "Warm start: 2 of the 3 ended trials of app_1 are in the final_store of Keeps, which takes "
        "over no trials by restore()."
    )


def test_new_trials_have_ids_of_their_own_and_numbers_from_1(tmp_path):
    recorded = record_search(tmp_path)
    trials = search(recorded.path, optimizer=Keeps(), num_trials=9)
    first_id = load(recorded.path).trials[0]["trial_id"]
    assert sorted(trial.trial_id for trial in trials) == [f"{first_id}_2", f"{first_id}_3"]
    assert sorted(trial.number for trial in trials) == [1, 2]


@pytest.mark.parametrize(
    "optimizer", ["randomsearch", "tpe", "cmaes", "nsgaii", "qmc", "gridsearch", "none"]
)
def test_the_trials_of_the_other_experiment_do_not_count(tmp_path, optimizer):
    path = record_search(tmp_path, [0.1 * number for number in range(8)]).path
    space = Searchspace(lr=("DOUBLE", [0.001, 1.0], {"step": 0.001}), pool=("INTEGER", [1, 9]))
    if optimizer == "gridsearch":
        space = Searchspace(lr=("DISCRETE", [0.1, 0.2, 0.3]), pool=("DISCRETE", [1]))
    if optimizer == "none":
        with pytest.raises(BadArgumentsError, match="warm_start needs a search space"):
            search(path, optimizer=optimizer, searchspace=None)
        return
    trials = search(path, optimizer=optimizer, searchspace=space, seed=3)
    assert len(trials) == 3
    assert {trial.source_experiment for trial in trials} == {None}


class DoesNotCount(RandomSearch):
    """Take everything over, and count nothing."""

    def restore(self, trials):
        return True


def test_an_optimizer_that_does_not_count_runs_no_more_than_num_trials(tmp_path):
    path = record_search(tmp_path).path
    assert len(search(path, optimizer=DoesNotCount(), num_trials=4)) == 4


def test_initial_trials_come_first_and_count(tmp_path):
    path = record_search(tmp_path).path
    first = {"lr": 0.5, "pool": 7}
    trials = search(path, initial_trials=[first], num_trials=2)
    assert len(trials) == 2
    (initial,) = [trial for trial in trials if trial.initial_number == 0]
    assert (initial.params, initial.number) == (first, 1)


def test_stop_rules_compare_the_trials_of_this_experiment_only(tmp_path):
    seen = []

    class Rule(AbstractEarlyStop):
        def decide(self, trial, finalized_trials, running_trials, direction):
            seen.extend(finalized_trials)
            return Decision.CONTINUE

    class End(AbstractExperimentStop):
        def experiment_check(self, finalized_trials, direction):
            seen.extend(finalized_trials)
            return

    def train(params, reporter):
        reporter.broadcast(0.5, step=0)
        return 0.5

    path = record_search(tmp_path).path
    trials = search(path, train, es_policy=[Rule(), End()], es_min=0, num_trials=4)
    assert seen
    assert {trial.trial_id for trial in seen} <= {trial.trial_id for trial in trials}


# What a resumed search is told


def test_a_resumed_search_is_told_the_same_trials_again(tmp_path):
    path = record_search(tmp_path).path
    _, source = begin(path)
    record = {"warm_start": json.loads(json.dumps(source.record()))}
    assert record["warm_start"]["directory"] == path
    for wish in (None, path):
        _, again = begin(wish, record=record)
        assert [trial.trial_id for trial in again.trials] == [
            trial.trial_id for trial in source.trials
        ]


def test_trials_that_ended_after_the_beginning_are_left_out_on_resume(tmp_path):
    recorded = record_search(tmp_path, (0.5, 0.75), state=None)
    _, source = begin(recorded.path)
    late = Trial({"lr": 0.9, "pool": 9})
    late.status, late.final_metric = Trial.FINALIZED, 0.9
    recorded.store.end_trial(late)
    _, again = begin(None, record={"warm_start": source.record()})
    assert [trial.final_metric for trial in again.trials] == [0.5, 0.75]


def test_on_resume_a_directory_that_is_gone_is_named_and_a_new_place_may_be_passed(tmp_path):
    path = record_search(tmp_path).path
    record = {"warm_start": begin(path)[1].record()}
    shutil.move(path, tmp_path / "moved")
    with pytest.raises(ResumeError, match=r"there is no '.*app_1'.*pass its new place"):
        begin(None, record=record)
    assert len(begin(tmp_path / "moved", record=record)[1].trials) == 3


def test_on_resume_other_trials_are_refused(tmp_path):
    record = {"warm_start": begin(record_search(tmp_path).path)[1].record()}
    other = record_search(tmp_path, (0.1, 0.2, 0.3)).path
    with pytest.raises(ResumeError, match="are not the 3 trials of its beginning"):
        begin(other, record=record)


def test_on_resume_a_warm_start_that_there_was_not_is_refused(tmp_path):
    recorded = record_search(tmp_path)
    with pytest.raises(ResumeError, match="it was not warm-started"):
        begin(recorded.path, record={"identity": {}})
    record = {"warm_start": begin(recorded.path)[1].record()}
    with pytest.raises(ResumeError, match="another experiment than the one that is resumed"):
        begin(recorded.path, record=record, store=recorded.store)


def test_on_resume_a_url_needs_its_credentials_again(tmp_path):
    entry = {"directory": "s3://***@bucket/app_1", "num_trials": 1, "digest": "0"}
    with pytest.raises(ResumeError, match=r"must have its credentials.*s3://\*\*\*@bucket/app_1"):
        begin(None, record={"warm_start": entry})


def name_of(optimizer):
    return resolve_optimizer(optimizer).name()


BUDGETS = {"optimization_key": "metric", "optimizer": "Asha", "kind": "optimization"}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "optimizer",
    [
        "randomsearch",
        "gridsearch",
        "qmc",
        "tpe",
        Keeps(),
        Asha(2, 1, 4),
        PBT(population=2),
        Hyperband(2, 1, 4),
        Hyperband(2, 1, 4, sampler="tpe"),
    ],
    ids=lambda optimizer: name_of(optimizer),
)
def test_a_resumed_search_runs_only_what_is_missing(tmp_path, optimizer, workers):
    space = Searchspace(x=("DISCRETE", [1, 2, 3, 4, 5, 6]), y=("DISCRETE", [1, 2, 3]))
    more = {} if isinstance(optimizer, (str, Keeps)) else {"budget": 1}
    source_trials = [
        ended_trial({"x": x, "y": 1, **more}, 0.1 * x, member=x % 2, rung=0, configuration=x)
        for x in range(1, 6)
    ]
    path = record(tmp_path, source_trials, {**BUDGETS, "direction": "max"}).path
    options = {"optimizer": optimizer, "searchspace": space, "num_trials": 8, "seed": 3}

    def run(earlier):
        policy, _ = begin(path, optimization_key="metric", **options)
        experiment = Experiment(
            tmp_path,
            policy,
            lambda params, reporter, interrupted: params["x"] * 0.1 + params.get("budget", 0),
            before=earlier,
            workers=workers,
        )
        outcome = experiment.run()
        assert outcome.error is None
        return outcome.trials

    optimizer_trials = 2 if isinstance(optimizer, Keeps) else 8
    whole = run([])
    assert len(whole) == optimizer_trials
    records = [Trial.from_json(trial.to_json()) for trial in whole[: optimizer_trials // 2]]
    resumed = run(records)
    assert resumed[: len(records)] == records
    assert len({trial.trial_id for trial in resumed}) == len(resumed) == optimizer_trials
    if workers == 1 and "TPE" not in name_of(optimizer):  # it draws with another seed
        assert [trial.params for trial in resumed] == [trial.params for trial in whole]


# Checkpoints


class Child(AbstractOptimizer):
    """Continue one trial of the other experiment, whatever its configuration."""

    parent = ""

    def initialize(self):
        self.is_asked = False

    def get_suggestion(self, trial=None):
        if self.is_asked:
            return None
        self.is_asked = True
        child = Trial({"x": 100})
        child.parent = self.parent
        return child


@pytest.fixture
def parent(tmp_path):
    """Return the directory of an experiment, and the id of its one trial with checkpoints."""
    policy = Given(one_after_another([Trial({"x": 5})]))
    experiment = Experiment(
        tmp_path,
        policy,
        lambda params, reporter, interrupted: count_up(params, reporter, epochs=2),
        workers=1,
    )
    (trial,) = experiment.run().trials
    record = {
        "identity": {"kind": "optimization", "direction": "max", "optimization_key": "metric"},
        "state": "FINISHED",
    }
    Path(experiment.store.directory, "maggy.json").write_text(json.dumps(record))
    return experiment.store.directory, trial.trial_id


def continue_parent(directory, parent_id):
    optimizer = Child()
    optimizer.parent = parent_id
    # The parent's configuration does not fit this space.
    config = OptimizationConfig(
        1, optimizer, Searchspace(x=("INTEGER", [50, 100])), warm_start=directory
    )
    trained = []
    (trial,) = run_on_threads(
        lambda params, reporter: count_up(params, reporter, trained=trained), config
    )
    return trial, trained


def test_a_trial_of_the_other_experiment_can_be_continued(parent):
    directory, parent_id = parent
    before = tree(Path(directory))
    trial, trained = continue_parent(directory, parent_id)
    # Epochs 0 and 1 are the parent's: 5 + 6; then 102 and 103.
    assert trained == [(100, 2), (100, 3)]
    assert (trial.metric_history, trial.final_metric) == ([5, 11, 113, 216], 216)
    assert tree(Path(directory)) == before


def test_a_parent_without_a_checkpoint_costs_nothing(parent):
    directory, parent_id = parent
    shutil.rmtree(Path(directory, parent_id, "checkpoints"))
    trial, trained = continue_parent(directory, parent_id)
    assert [epoch for _, epoch in trained] == [0, 1, 2, 3]
    Path(directory, parent_id, "checkpoints.json").unlink()
    assert continue_parent(directory, parent_id)[0].metric_history == trial.metric_history
