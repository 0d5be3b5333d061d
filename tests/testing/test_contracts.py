"""A contract finds the faults for which it is made."""

import random

import pytest

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.core.environment import LocalEnvironment
from maggy.earlystop import AbstractEarlyStop, AbstractExperimentStop, Decision
from maggy.optimizer import RandomSearch
from maggy.testing import (
    AblatorContract,
    EarlyStopContract,
    EnvironmentContract,
    ExperimentStopContract,
    OptimizerContract,
)
from maggy.trial import Trial


def contract_tests(contract, tmp_path):
    """Yield the name of every test of a contract, and a function that runs it."""
    for name in dir(contract):
        if not name.startswith("test_"):
            continue
        test = getattr(contract(), name)
        marks = getattr(test, "pytestmark", [])
        if not marks:
            needs_folder = "tmp_path" in test.__code__.co_varnames[: test.__code__.co_argcount]
            yield name, lambda test=test, args=(tmp_path / name,) * needs_folder: test(*args)
        for mark in marks:
            for value in mark.args[1]:
                yield name, lambda test=test, value=value: test(value)


def broken_tests(contract, tmp_path):
    """Return the names of the tests that fail."""
    names = set()
    for name, run in contract_tests(contract, tmp_path):
        try:
            run()
        except Exception:
            names.add(name)
    return names


def of_optimizer(optimizer):
    return type("Contract", (OptimizerContract,), {"make": lambda self: optimizer()})


def of_rule(contract, rule):
    return type("Contract", (contract,), {"make": lambda self: rule()})


class Search(RandomSearch):
    """A search without a fault, from which those with a fault derive."""


class Outside(Search):
    def get_suggestion(self, trial=None):
        trial = super().get_suggestion(trial)
        return trial and Trial({**trial.params, "kernel": 9})


class Endless(Search):
    def get_suggestion(self, trial=None):
        return Trial(self.searchspace.get_random_parameter_values(1)[0])


class GlobalRandom(Search):
    def get_suggestion(self, trial=None):
        trial = super().get_suggestion(trial)
        return trial and Trial({**trial.params, "kernel": random.randint(2, 8)})


class Biased(Search):
    """Prefers high metrics, whatever the direction is."""

    def get_suggestion(self, trial=None):
        suggestion = super().get_suggestion(trial)
        if suggestion is None or not self.final_store:
            return suggestion
        best = max(self.final_store, key=lambda final: final.final_metric)
        return Trial({**suggestion.params, "kernel": best.params.get("kernel", 2)})


class Liar(Search):
    """Says that it ignores results, and does not."""

    independent = True

    def get_suggestion(self, trial=None):
        trial = super().get_suggestion(trial)
        low = self.final_store and self.final_store[-1].final_metric < 0
        return trial and (Trial({**trial.params, "kernel": 2}) if low else trial)


class Unpicklable(Search):
    def __init__(self):
        super().__init__()
        self.function = lambda: None


class TwoLines(Search):
    def name(self):
        return "two\nlines"


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        (Outside, "test_suggestions_lie_inside_the_space"),
        (Endless, "test_it_ends"),
        (GlobalRandom, "test_a_seed_fixes_the_sequence"),
        (Biased, "test_min_mirrors_max"),
        (Liar, "test_an_independent_optimizer_ignores_the_results"),
        (Unpicklable, "test_it_can_be_pickled_at_any_time"),
        (TwoLines, "test_its_name_is_one_line_of_text"),
    ],
)
def test_the_contract_of_an_optimizer_finds_a_fault(optimizer, name, tmp_path):
    assert name in broken_tests(of_optimizer(optimizer), tmp_path)


def test_an_optimizer_without_a_fault_keeps_the_contract(tmp_path):
    assert broken_tests(of_optimizer(Search), tmp_path) == set()


class BelowZero(AbstractEarlyStop):
    def decide(self, trial, finalized_trials, running_trials, direction):
        sign = 1 if direction == "max" else -1
        history = trial.metric_history
        return Decision.STOP if history and sign * history[-1] < 0 else Decision.CONTINUE


class OneDirection(AbstractEarlyStop):
    def decide(self, trial, finalized_trials, running_trials, direction):
        history = trial.metric_history
        return Decision.STOP if history and history[-1] < 0 else Decision.CONTINUE


class FirstMetric(AbstractEarlyStop):
    def decide(self, trial, finalized_trials, running_trials, direction):
        return Decision.STOP if trial.metric_history[0] < 0 else Decision.CONTINUE


class Undecided(AbstractEarlyStop):
    def decide(self, trial, finalized_trials, running_trials, direction):
        return trial.trial_id


class Remembers(BelowZero):
    """Stops nothing in its first hundred checks, and forgets them never."""

    def __init__(self):
        self.count = 0

    def decide(self, trial, finalized_trials, running_trials, direction):
        self.count += 1
        if self.count <= 100:
            return Decision.CONTINUE
        return super().decide(trial, finalized_trials, running_trials, direction)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (OneDirection, "test_min_mirrors_max"),
        (FirstMetric, "test_it_copes_with_nothing_to_compare_to"),
        (
            Undecided,
            "test_it_copes_with_many_running_trials_that_end_fail_get_lost_or_are_stopped",
        ),
        (Remembers, "test_it_decides_a_second_experiment_like_the_first"),
    ],
)
def test_the_contract_of_a_stop_rule_finds_a_fault(rule, name, tmp_path):
    assert name in broken_tests(of_rule(EarlyStopContract, rule), tmp_path)


def test_a_stop_rule_without_a_fault_keeps_the_contract(tmp_path):
    assert broken_tests(of_rule(EarlyStopContract, BelowZero), tmp_path) == set()


class High(AbstractExperimentStop):
    """Ends with the first positive metric, whatever the direction is."""

    def experiment_check(self, finalized_trials, direction):
        is_high = any(trial.final_metric > 0 for trial in finalized_trials)
        return "it is high" if is_high else None


class Always(AbstractExperimentStop):
    def experiment_check(self, finalized_trials, direction):
        return "now"


class Silent(AbstractExperimentStop):
    def experiment_check(self, finalized_trials, direction):
        return "" if finalized_trials else None


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (High, "test_min_mirrors_max"),
        (Always, "test_nothing_ended_ends_nothing"),
        (Silent, "test_it_answers_with_a_reason_or_none"),
    ],
)
def test_the_contract_of_an_experiment_rule_finds_a_fault(rule, name, tmp_path):
    assert name in broken_tests(of_rule(ExperimentStopContract, rule), tmp_path)


class OneTooMany(LOCO):
    def get_number_of_trials(self):
        return super().get_number_of_trials() + 1


class BaseLast(LOCO):
    def initialize(self):
        super().initialize()
        self._queue.reverse()


class Talkative(LOCO):
    def __getstate__(self):
        return self.__dict__


@pytest.mark.parametrize(
    ("ablator", "names"),
    [
        (LOCO, set()),
        (OneTooMany, {"test_it_gives_as_many_trials_as_it_says"}),
        (
            BaseLast,
            {
                "test_the_base_comes_first_and_once",
                "test_components_are_those_of_its_trials_if_it_names_any",
            },
        ),
        (Talkative, {"test_its_pickled_form_holds_no_trials"}),
    ],
)
def test_the_contract_of_an_ablator_finds_a_fault(ablator, names, tmp_path):
    class Contract(AblatorContract):
        def make_study(self):
            study = AblationStudy("titanic", label_name="survived")
            study.features.include("age", "fare")
            study.model.set_base_model_generator(lambda: "base")
            return study

        def make(self, study, final_store):
            return ablator(study, final_store)

    assert broken_tests(Contract, tmp_path) == names


class Shouting(LocalEnvironment):
    name = "Local"


class Forgetful(LocalEnvironment):
    def experiments(self, root):
        return []


class Stubborn(LocalEnvironment):
    def root(self, log_dir=None):
        return super().root()


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        (LocalEnvironment, set()),
        (Shouting, {"test_its_name_can_be_written_in_a_variable"}),
        (Forgetful, {"test_a_new_experiment_gets_a_name_of_its_own"}),
        (
            Stubborn,  # its tests write in the same directory
            {"test_the_user_chooses_the_directory", "test_it_reads_what_it_has_written"},
        ),
    ],
)
def test_the_contract_of_an_environment_finds_a_fault(environment, names, tmp_path, experiments):
    assert broken_tests(of_rule(EnvironmentContract, environment), tmp_path) == names
