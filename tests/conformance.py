"""Contract tests that every optimizer, early stopping rule and ablator must pass; your own class inherits them too.

Derive a test class, named ``Test...``, and say how to make yours::

    from conformance import OptimizerContract

    class TestMyOptimizer(OptimizerContract):
        def make(self):
            return MyOptimizer()

Needs nothing but Maggy and pytest; starts neither Spark nor a worker.
"""

from __future__ import annotations

import math
import pickle
import random

import pytest

from maggy.searchspace import Searchspace
from maggy.trial import Trial

MANY_CALLS = 2_000


def experiment_space(seed=7):
    """A space with every type and a log scale, seeded as the driver does it."""
    return Searchspace(
        kernel=("INTEGER", [2, 8]),
        rate=("DOUBLE", [1e-4, 1e-1], "log"),
        dropout=("DOUBLE", [0.0, 0.9]),
        pool=("DISCRETE", [1, 2, 4]),
        activation=("CATEGORICAL", ["relu", "gelu"]),
    ).seeded(seed)


def objective(params):
    """A metric that depends on every parameter, in a way that repeats exactly."""
    return sum(
        (len(str(value)) + float(ord(str(value)[-1]))) * (index + 1) for index, value in enumerate(params.values())
    )


class Drive:
    """Runs an optimizer or ablator as the driver would, with so many trials in flight; oldest ends first.

    ``suggested`` holds the trials in order of suggestion. ``score`` gives a trial's metric, or None to let it fail.
    """

    def __init__(self, policy, ask, score, in_flight=1, final_store=None, trial_store=None):
        self.policy = policy
        self.suggested = []
        self.final_store = [] if final_store is None else final_store
        running = {} if trial_store is None else trial_store
        freed = [None] * in_flight
        exhausted = False
        for _ in range(MANY_CALLS):
            waiting = []
            for ended in freed:
                trial = None if exhausted else ask(ended)
                if trial == "IDLE":
                    waiting.append(None)  # each trial that has ended is shown once
                elif trial is None:
                    exhausted = True
                else:
                    self._start(trial, running)
            freed = waiting
            if exhausted and not running:
                policy.finalize_experiment(self.final_store)
                return
            if running:
                freed.append(self._end(running, score))
        raise AssertionError(f"The policy did not end: {len(self.suggested)} trials after {MANY_CALLS} rounds.")

    def _start(self, trial, running):
        assert isinstance(trial, Trial), f"A suggestion must be a Trial, 'IDLE' or None, but got {trial!r}."
        same = sum(1 for other in self.suggested if other.params == trial.params)
        if same:
            trial.trial_id = f"{trial.trial_id}_{same + 1}"
        assert trial.trial_id not in {other.trial_id for other in self.suggested}
        trial.status = Trial.RUNNING
        running[trial.trial_id] = trial
        self.suggested.append(trial)

    def _end(self, running, score):
        trial = running.pop(next(iter(running)))
        metric = score(trial)
        if metric is None:
            trial.status, trial.error = Trial.ERROR, "boom"
            return None  # the driver hands on only what has a metric
        trial.append_metric({"step": 0, "value": metric})
        trial.status, trial.final_metric = Trial.FINALIZED, metric
        self.final_store.append(trial)
        return trial

    @property
    def params(self):
        return [trial.params for trial in self.suggested]


class OptimizerContract:
    """What the driver relies on in an optimizer."""

    num_trials = 20
    exact = True  # whether it suggests num_trials trials, neither more nor fewer
    random = True  # whether another seed gives another sequence
    uses_space = True  # whether a suggestion holds every parameter of the space
    extra_params = ()  # names of parameters that it adds

    def make(self):
        """A new optimizer, as a user would construct it."""
        raise NotImplementedError

    def make_space(self, seed=7):
        """A space that it can search."""
        return experiment_space(seed)

    def start(self, space=None, direction="max", optimizer=None):
        """An optimizer as the driver prepares it."""
        optimizer = self.make() if optimizer is None else optimizer
        optimizer.num_trials = self.num_trials
        optimizer.searchspace = self.make_space() if space is None else space
        optimizer.trial_store, optimizer.final_store = {}, []
        optimizer.direction = direction
        optimizer.initialize()
        return optimizer

    def drive(self, optimizer=None, score=lambda trial: objective(trial.params), in_flight=1):
        optimizer = self.start() if optimizer is None else optimizer
        return Drive(
            optimizer, optimizer.get_suggestion, score, in_flight, optimizer.final_store, optimizer.trial_store
        )

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_suggestions_lie_inside_the_space(self, in_flight):
        space = self.make_space()
        for trial in self.drive(in_flight=in_flight).suggested:
            names = set(trial.params) - set(self.extra_params)
            assert names == (set(space.keys()) if self.uses_space else set())
            if self.uses_space:
                space.transform({name: trial.params[name] for name in space.names()})  # refuses what is outside

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_it_ends(self, in_flight):
        suggested = self.drive(in_flight=in_flight).suggested
        assert suggested
        if self.exact:
            assert len(suggested) == self.num_trials

    def test_after_the_end_there_is_nothing_more(self):
        optimizer = self.drive().policy
        assert [optimizer.get_suggestion() for _ in range(3)] == [None, None, None]

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_a_seed_fixes_the_sequence(self, in_flight):
        random.seed(1)
        first = self.drive(in_flight=in_flight).params
        random.seed(2)
        assert self.drive(in_flight=in_flight).params == first

    def test_another_seed_gives_another_sequence(self):
        first = self.drive(self.start(self.make_space(7))).params
        second = self.drive(self.start(self.make_space(8))).params
        assert (first != second) == self.random

    def test_initializing_twice_starts_afresh(self):
        optimizer = self.drive().policy
        assert self.drive(self.start(optimizer=optimizer)).params == self.drive().params

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_it_survives_failed_trials(self, in_flight):
        failing = iter(range(MANY_CALLS))
        self.drive(score=lambda trial: None if next(failing) % 2 else 1.0, in_flight=in_flight)
        self.drive(score=lambda trial: None, in_flight=in_flight)

    def test_it_survives_equal_suggestions_and_equal_metrics(self):
        space = Searchspace(only=("DISCRETE", [1])).seeded(7)
        suggested = self.drive(self.start(space), score=lambda trial: 0.0).suggested
        assert len({trial.trial_id for trial in suggested}) == len(suggested)

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_min_mirrors_max(self, in_flight):
        up = self.drive(self.start(direction="max"), in_flight=in_flight)
        down = self.drive(
            self.start(direction="min"), score=lambda trial: -objective(trial.params), in_flight=in_flight
        )
        assert up.params == down.params

    def test_it_leaves_the_space_as_it_was(self):
        optimizer = self.drive().policy
        assert optimizer.searchspace == self.make_space()

    def test_it_can_be_pickled_at_any_time(self):
        fresh = pickle.loads(pickle.dumps(self.make()))
        optimizer = self.start(optimizer=fresh)
        first = optimizer.get_suggestion()
        copy = pickle.loads(pickle.dumps(optimizer))
        assert first.params == self.drive().params[0]
        assert self.drive(copy).params == self.drive(optimizer).params

    def test_its_name_is_one_line_of_text(self):
        name = self.make().name()
        assert isinstance(name, str)
        assert name
        assert name.isprintable()


def trial_with(values, name="running", steps=None):
    """A trial that has reported these values."""
    trial = Trial({"name": name})
    for step, value in zip(range(len(values)) if steps is None else steps, values, strict=True):
        trial.append_metric({"step": step, "value": value})
    return trial


def final_with(values, name="final", steps=None):
    """A trial that has ended with the last of these values."""
    trial = trial_with(values, name, steps)
    trial.status, trial.final_metric = Trial.FINALIZED, values[-1] if values else 0.0
    return trial


class EarlyStopContract:
    """What the driver relies on in an early stopping rule."""

    def make(self):
        """A new rule, as a user would construct it."""
        raise NotImplementedError

    def histories(self):
        """Histories that every rule must cope with, for running and for final trials."""
        noise = random.Random(3)
        drawn = [[noise.uniform(-1, 1) for _ in range(noise.randint(1, 12))] for _ in range(12)]
        odd = [[], [0.0], [math.nan], [math.nan, 1.0], [1.0, math.nan], [math.inf, -math.inf], [1e308, 1e308, -1e308]]
        return odd + drawn

    def check(self, running, finals, direction="max"):
        trial = trial_with(running)
        stopped = self.make().earlystop_check(trial, [final_with(f, str(i)) for i, f in enumerate(finals)], direction)
        assert stopped in (None, trial.trial_id), f"A rule returns the trial's id or None, but got {stopped!r}."
        return stopped is not None

    def test_it_answers_with_the_id_or_none(self):
        for direction in ("max", "min"):
            for running in self.histories():
                assert self.check(running, self.histories(), direction) in (True, False)
                for final in self.histories():
                    self.check(running, [final], direction)

    def test_it_copes_with_nothing_to_compare_to(self):
        for running in self.histories():
            self.check(running, [])

    def test_min_mirrors_max(self):
        mirrored = [[-value for value in history] for history in self.histories()]
        for running, opposite in zip(self.histories(), mirrored, strict=True):
            assert self.check(running, self.histories(), "max") == self.check(opposite, mirrored, "min")
            assert self.check(running, self.histories(), "min") == self.check(opposite, mirrored, "max")

    def test_the_same_question_gets_the_same_answer(self):
        rule, finals = self.make(), [final_with(f, str(i)) for i, f in enumerate(self.histories())]
        for running in self.histories():
            trial = trial_with(running)
            answers = {rule.earlystop_check(trial, finals, "max") for _ in range(3)}
            assert len(answers) == 1

    def test_it_leaves_the_trials_as_they_were(self):
        trial, finals = trial_with([0.1, 0.2]), [final_with([0.5, 0.9], "a"), final_with([0.4], "b")]
        before = [trial.to_json(), *(final.to_json() for final in finals)]
        self.make().earlystop_check(trial, finals, "max")
        assert [trial.to_json(), *(final.to_json() for final in finals)] == before

    def test_it_can_be_pickled(self):
        copy = pickle.loads(pickle.dumps(self.make()))
        trial, finals = trial_with([0.1, 0.2]), [final_with([0.5, 0.9])]
        assert copy.earlystop_check(trial, finals, "max") == self.make().earlystop_check(trial, finals, "max")


class AblatorContract:
    """What the driver relies on in an ablator."""

    def make_study(self):
        """A study with at least one component to leave out; the same one each time."""
        raise NotImplementedError

    def make(self, study, final_store):
        """A new ablator for this study."""
        raise NotImplementedError

    def start(self):
        ablator = self.make(self.make_study(), [])
        ablator.initialize()
        return ablator

    def drive(self, ablator=None, score=lambda trial: objective(trial.params), in_flight=1):
        ablator = self.start() if ablator is None else ablator
        return Drive(ablator, ablator.get_trial, score, in_flight)

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_it_gives_as_many_trials_as_it_says(self, in_flight):
        expected = self.start().get_number_of_trials()
        assert expected >= 1
        assert len(self.drive(in_flight=in_flight).suggested) == expected

    def test_the_base_comes_first_and_once(self):
        base = {"ablated_feature": "None", "ablated_layer": "None"}
        params = self.drive().params
        assert params[0] == base
        assert params.count(base) == 1

    def test_a_trial_carries_labels_only(self):
        for trial in self.drive().suggested:
            assert trial.trial_type == "ablation"
            assert sorted(trial.params) == ["ablated_feature", "ablated_layer"]
            assert all(isinstance(label, str) and label for label in trial.params.values())

    def test_no_two_trials_are_the_same(self):
        params = [tuple(sorted(labels.items())) for labels in self.drive().params]
        assert len(set(params)) == len(params)

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_the_order_is_fixed(self, in_flight):
        assert self.drive(in_flight=in_flight).params == self.drive().params

    def test_it_survives_failed_trials(self):
        assert self.drive(score=lambda trial: None).params == self.drive().params

    def test_after_the_end_there_is_nothing_more(self):
        ablator = self.drive().policy
        assert [ablator.get_trial() for _ in range(3)] == [None, None, None]

    def test_its_pickled_form_holds_no_trials(self):
        from pyspark import cloudpickle

        marker = Trial({"marker": "a trial that must stay on the driver"})
        ablator = self.make(self.make_study(), [marker])
        ablator.initialize()
        pickled = cloudpickle.dumps(ablator)
        assert b"must stay on the driver" not in pickled
        copy = pickle.loads(pickled)
        assert callable(copy.get_dataset_generator)
        assert callable(copy.get_model_generator)

    def test_its_name_is_one_line_of_text(self):
        name = self.start().name()
        assert isinstance(name, str)
        assert name
        assert name.isprintable()
