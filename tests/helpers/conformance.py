"""Contract tests that every optimizer, stop rule and ablator must pass; your own class inherits them too.

Derive a test class, named ``Test...``, and say how to make yours::

    from helpers.conformance import OptimizerContract

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

from maggy.earlystop import Decision
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


def conditional_space(seed=7):
    """A space in which parameters exist only sometimes, one of them two levels deep, with a constant and steps."""
    return Searchspace(
        epochs=("CONSTANT", [5]),
        algorithm=("CATEGORICAL", ["sgd", "adam", "none"]),
        momentum=("DOUBLE", [0.0, 0.9], {"when": {"algorithm": "sgd"}}),
        decay=("DOUBLE", [0.1, 0.9], {"step": 0.1, "when": {"algorithm": ["sgd", "adam"]}}),
        nesterov=("DISCRETE", [0, 1], {"when": {"algorithm": "sgd"}}),
        units=("INTEGER", [8, 64], {"step": 8}),
        lookahead=("INTEGER", [1, 1000], {"log": True, "when": {"nesterov": 1}}),
    ).seeded(seed)


def objective(params):
    """A metric that depends on every parameter, in a way that repeats exactly."""
    return sum(
        (len(str(value)) + float(ord(str(value)[-1]))) * (index + 1)
        for index, value in enumerate(params.values())
    )


LOST = "lost"
"""A score that means: the worker was lost, and the trial runs again."""


class Stopped(float):
    """A score that means: the trial was stopped early, at this metric."""


class Drive:
    """Runs an optimizer or ablator as the driver would, with so many trials in flight.

    ``score`` gives a trial's metric, a ``Stopped``, ``LOST``, or None to let it fail. The oldest trial ends first, or
    one that ``rng`` draws. ``recorded`` are the trials that ended before, when an experiment is resumed. After
    ``crash_after`` ends, the drive breaks off.

    ``suggested`` holds the trials that ran, in order of suggestion; ``ended`` all that ended, in that order. The stores
    may hold the trials of an experiment that is going on.
    """

    def __init__(
        self,
        policy,
        ask,
        score,
        in_flight=1,
        final_store=None,
        trial_store=None,
        rng=None,
        recorded=(),
        crash_after=math.inf,
    ):
        self.policy = policy
        self.suggested = []
        self.ended = list(recorded)
        self.final_store = [] if final_store is None else final_store
        self._running = {} if trial_store is None else trial_store
        self._ask_policy = ask
        self._score = score
        self._rng = rng
        self._given = {}
        self._recorded = {trial.trial_id: trial for trial in recorded}
        self._finished = []
        for trial in [
            *self.final_store,
            *self._running.values(),
        ]:  # of an experiment that is going on
            self._count(trial.trial_id)
        if recorded and policy.restore(list(recorded)):
            for trial_id in self._recorded:
                self._count(trial_id)
            self._recorded = {}
            self.final_store.extend(trial for trial in recorded if trial.final_metric is not None)
        free, exhausted = in_flight, False
        for _ in range(MANY_CALLS):
            waiting = 0
            for _ in range(free):
                trial = None if exhausted else self._ask()
                if trial == "IDLE":
                    waiting += 1
                elif trial is None:
                    exhausted = True
            free = waiting
            if exhausted and not self._running:
                policy.finalize_experiment(self.final_store)
                return
            if self._running and self._end():
                free += 1
            if len(self.ended) >= crash_after:
                return
        raise AssertionError(
            f"The policy did not end: {len(self.suggested)} trials after {MANY_CALLS} rounds."
        )

    def _count(self, trial_id):
        base, _, suffix = trial_id.partition("_")
        self._given[base] = max(self._given.get(base, 0), int(suffix or 1))

    def _ask(self):
        while True:
            trial = self._ask_policy(self._finished.pop(0) if self._finished else None)
            if trial is None or trial == "IDLE":
                return trial
            assert isinstance(trial, Trial), (
                f"A suggestion must be a Trial, 'IDLE' or None, but got {trial!r}."
            )
            self._given[trial.trial_id] = same = self._given.get(trial.trial_id, 0) + 1
            if same > 1:
                trial.trial_id = f"{trial.trial_id}_{same}"
            assert trial.trial_id not in {other.trial_id for other in self.suggested}
            recorded = self._recorded.get(trial.trial_id)
            if recorded is None:
                trial.status = Trial.RUNNING
                self._running[trial.trial_id] = trial
                self.suggested.append(trial)
                return trial
            if recorded.final_metric is not None:
                self.final_store.append(recorded)
                self._finished.append(recorded)

    def _end(self):
        """Whether a worker is free."""
        chosen = (
            next(iter(self._running))
            if self._rng is None
            else self._rng.choice(list(self._running))
        )
        trial = self._running.pop(chosen)
        score = self._score(trial)
        if score == LOST:
            trial.reset()
            self._running[trial.trial_id] = trial
            return False
        self.ended.append(trial)
        if score is None:
            trial.status, trial.error = (
                Trial.ERROR,
                "boom",
            )  # the driver hands on only what has a metric
            return True
        trial.append_metric({"step": 0, "value": float(score)})
        trial.status, trial.final_metric = Trial.FINALIZED, float(score)
        trial.early_stop = isinstance(score, Stopped)
        self.final_store.append(trial)
        self._finished.append(trial)
        return True

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
    conditions = True  # whether it can search a space with conditional parameters

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

    def drive(
        self, optimizer=None, score=lambda trial: objective(trial.params), in_flight=1, **options
    ):
        optimizer = self.start() if optimizer is None else optimizer
        return Drive(
            optimizer,
            optimizer.get_suggestion,
            score,
            in_flight,
            optimizer.final_store,
            optimizer.trial_store,
            **options,
        )

    def without_extra(self, trial):
        """The parameters that are the space's."""
        return {
            name: value for name, value in trial.params.items() if name not in self.extra_params
        }

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_suggestions_lie_inside_the_space(self, in_flight):
        space = self.make_space()
        for trial in self.drive(in_flight=in_flight).suggested:
            assert set(self.extra_params) <= set(trial.params)
            params = self.without_extra(trial)
            assert params == (space.checked(params) if self.uses_space else {})

    @pytest.mark.parametrize("in_flight", [1, 5])
    def test_conditional_parameters_exist_only_when_they_should(self, in_flight):
        if not (self.conditions and self.uses_space):
            return
        space = conditional_space()
        suggested = self.drive(self.start(space), in_flight=in_flight).suggested
        for trial in suggested:
            params = self.without_extra(trial)
            assert params == space.checked(params)
        assert len({tuple(trial.params) for trial in suggested}) > 1

    def test_it_knows_how_many_trials_there_will_be_or_says_so(self):
        assert self.start().total_trials() in (None, len(self.drive().suggested))

    def test_it_knows_its_parameters_or_says_so(self):
        names = self.start().parameters([])
        assert names is None or all(
            set(trial.params) == set(names) for trial in self.drive().suggested
        )

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

    @pytest.mark.parametrize("in_flight", [1, 7])
    def test_what_is_said_to_depend_on_no_result_does_not(self, in_flight):
        if not self.make().independent:
            return
        noise = random.Random(5)
        scores = (
            objective,
            lambda params: -objective(params),
            lambda params: noise.choice([None, 1.0, Stopped(0.0)]),
        )
        one, *others = (
            self.drive(score=lambda trial, s=s: s(trial.params), in_flight=in_flight)
            for s in scores
        )
        assert all(other.params == one.params for other in others)
        assert self.drive(in_flight=50).params == one.params

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

    @pytest.mark.parametrize("in_flight", [1, 7])
    def test_it_survives_lost_and_stopped_trials_in_any_order(self, in_flight):
        noise = random.Random(5)

        def score(trial):
            metric = objective(trial.params)
            return noise.choice([LOST, None, Stopped(metric), metric, metric])

        suggested = self.drive(score=score, in_flight=in_flight, rng=random.Random(6)).suggested
        assert 1 <= len(suggested) <= (self.num_trials if self.exact else MANY_CALLS)

    def test_extreme_metrics_do_not_upset_it(self):
        metrics = iter([1e308, -1e308, 0.0, -0.0, 5e-324] * MANY_CALLS)
        self.drive(score=lambda trial: next(metrics))

    def test_initial_trials_are_in_the_space_and_count(self):
        if not self.uses_space:
            return
        optimizer = self.start()
        wanted = self.make_space(99).get_random_parameter_values(2)
        initial = [optimizer.initial_trial(dict(params)) for params in wanted]
        assert [self.without_extra(trial) for trial in initial] == wanted
        # They run as any other trial.
        queue = list(initial)
        ask = optimizer.get_suggestion
        drive = Drive(
            optimizer,
            lambda trial: queue.pop(0) if queue else ask(trial),
            lambda trial: objective(trial.params),
            2,
            optimizer.final_store,
            optimizer.trial_store,
        )
        if self.exact and self.start().parameters([]) is not None:
            assert len(drive.suggested) == self.num_trials

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_a_resumed_experiment_runs_what_is_missing_and_nothing_twice(self, in_flight):
        half = self.drive(in_flight=in_flight, crash_after=self.num_trials // 2)
        records = [Trial.from_json(trial.to_json()) for trial in half.ended]
        resumed = self.drive(in_flight=in_flight, recorded=records)
        ids = [trial.trial_id for trial in resumed.ended]
        assert len(set(ids)) == len(ids)
        assert ids[: len(records)] == [trial.trial_id for trial in records]
        if self.exact:
            assert len(ids) == self.num_trials

    def test_an_experiment_that_is_resumed_at_its_end_runs_nothing(self):
        whole = self.drive()
        assert (
            self.drive(
                recorded=[Trial.from_json(trial.to_json()) for trial in whole.ended]
            ).suggested
            == []
        )

    def test_it_survives_equal_suggestions_and_equal_metrics(self):
        space = Searchspace(only=("DISCRETE", [1])).seeded(7)
        suggested = self.drive(self.start(space), score=lambda trial: 0.0).suggested
        assert len({trial.trial_id for trial in suggested}) == len(suggested)

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_min_mirrors_max(self, in_flight):
        up = self.drive(self.start(direction="max"), in_flight=in_flight)
        down = self.drive(
            self.start(direction="min"),
            score=lambda trial: -objective(trial.params),
            in_flight=in_flight,
        )
        assert up.params == down.params

    @pytest.mark.parametrize("in_flight", [1, 7])
    def test_min_mirrors_max_also_where_trials_fail_get_lost_or_are_stopped(self, in_flight):
        def drive(direction, sign):
            noise = random.Random(5)

            def score(trial):
                metric = sign * objective(trial.params)
                return noise.choice([LOST, None, Stopped(metric), metric, metric])

            return self.drive(
                self.start(direction=direction), score, in_flight, rng=random.Random(6)
            )

        up, down = drive("max", 1), drive("min", -1)
        assert up.params == down.params
        assert [trial.trial_id for trial in up.ended] == [trial.trial_id for trial in down.ended]

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
        # Halfway, with trials in flight.
        whole = len(self.drive().suggested)
        for in_flight in (1, 7):
            half = self.drive(in_flight=in_flight, crash_after=whole // 2)
            copy = pickle.loads(pickle.dumps(half.policy))
            assert list(copy.trial_store) == list(half.policy.trial_store)
            rest = self.drive(half.policy).params
            assert self.drive(copy).params == rest
            if self.exact:
                assert len(half.suggested) + len(rest) == whole

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
        odd = [
            [],
            [0.0],
            [math.nan],
            [math.nan, 1.0],
            [1.0, math.nan],
            [math.inf, -math.inf],
            [1e308, 1e308, -1e308],
        ]
        return odd + drawn

    def check(self, running, finals, direction="max"):
        trial = trial_with(running)
        stopped = self.make().earlystop_check(
            trial, [final_with(f, str(i)) for i, f in enumerate(finals)], direction
        )
        assert stopped in (None, trial.trial_id), (
            f"A rule returns the trial's id or None, but got {stopped!r}."
        )
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
            assert self.check(running, self.histories(), "max") == self.check(
                opposite, mirrored, "min"
            )
            assert self.check(running, self.histories(), "min") == self.check(
                opposite, mirrored, "max"
            )

    def answers(self, direction, sign=1, rule=None):
        """What the rule says of 50 running trials, some of which end, fail, get lost or are stopped."""
        rule, noise, finals, answers = rule or self.make(), random.Random(4), [], []
        rule.start()
        running = [trial_with([], f"running {number}") for number in range(50)]
        for step in range(8):
            for trial in list(running):
                trial.append_metric(
                    {"step": step, "value": sign * noise.choice([noise.uniform(-1, 1), math.nan])}
                )
                answers.append(rule.decide(trial, finals, running, direction))
                assert isinstance(answers[-1], Decision)
                fate = noise.random()
                if fate < 0.1:  # its worker is lost, and it starts again
                    trial.reset()
                    trial.attempts += 1
                elif fate < 0.2:  # it fails, and is in neither list from now on
                    running.remove(trial)
                elif fate < 0.3:
                    running.remove(trial)
                    trial.status, trial.final_metric, trial.early_stop = (
                        Trial.FINALIZED,
                        sign * step / 8,
                        fate < 0.25,
                    )
                    finals.append(trial)
        assert running
        assert finals
        return answers

    @pytest.mark.parametrize("direction", ["max", "min"])
    def test_it_copes_with_many_running_trials_that_end_fail_get_lost_or_are_stopped(
        self, direction
    ):
        self.answers(direction)

    def test_min_mirrors_max_also_with_many_running_trials(self):
        assert self.answers("max") == self.answers("min", -1)
        assert self.answers("min") == self.answers("max", -1)

    def test_the_same_question_gets_the_same_answer(self):
        rule, finals = self.make(), [final_with(f, str(i)) for i, f in enumerate(self.histories())]
        for running in self.histories():
            trial = trial_with(running)
            answers = {rule.earlystop_check(trial, finals, "max") for _ in range(3)}
            assert len(answers) == 1

    def test_its_decision_agrees_with_the_check_of_earlier_releases(self):
        finals = [final_with(history, str(i)) for i, history in enumerate(self.histories())]
        for running in self.histories():
            trial = trial_with(running)
            decision = self.make().decide(trial, finals, [trial], "max")
            trial_id = self.make().earlystop_check(trial, finals, "max")
            assert (decision is Decision.STOP) == (trial_id is not None)

    def test_it_decides_a_second_experiment_like_the_first(self):
        rule = self.make()
        assert self.answers("max", rule=rule) == self.answers("max", rule=rule)

    def test_it_leaves_the_trials_as_they_were(self):
        trial, finals = (
            trial_with([0.1, 0.2]),
            [final_with([0.5, 0.9], "a"), final_with([0.4], "b")],
        )
        before = [trial.to_json(), *(final.to_json() for final in finals)]
        self.make().earlystop_check(trial, finals, "max")
        assert [trial.to_json(), *(final.to_json() for final in finals)] == before

    def test_it_can_be_pickled(self):
        copy = pickle.loads(pickle.dumps(self.make()))
        trial, finals = trial_with([0.1, 0.2]), [final_with([0.5, 0.9])]
        assert copy.earlystop_check(trial, finals, "max") == self.make().earlystop_check(
            trial, finals, "max"
        )


class ExperimentStopContract:
    """What the driver relies on in a rule that ends an experiment."""

    def make(self):
        """A new rule, as a user would construct it."""
        raise NotImplementedError

    def make_mirrored(self):
        """The rule that does for the negative of the metric and the other direction what this one does."""
        return self.make()

    def finals(self, metrics):
        return [final_with([metric], str(index)) for index, metric in enumerate(metrics)]

    def ends(self, metrics, direction="max", rule=None):
        reason = (rule or self.make()).experiment_check(self.finals(metrics), direction)
        assert reason is None or (isinstance(reason, str) and reason and reason.isprintable())
        return reason is not None

    def test_it_answers_with_a_reason_or_none(self):
        noise = random.Random(3)
        for length in (0, 1, 2, 50):
            for direction in ("max", "min"):
                self.ends([noise.uniform(-1, 1) for _ in range(length)], direction)
        self.ends([1e308, -1e308, 0.0, 0.0])

    def test_min_mirrors_max(self):
        noise = random.Random(4)
        for length in (1, 2, 3, 5, 50):
            for _ in range(5):
                metrics = [round(noise.uniform(-1, 1), 1) for _ in range(length)]
                mirrored = [-metric for metric in metrics]
                for one, other in (("max", "min"), ("min", "max")):
                    assert self.ends(metrics, one) == self.ends(
                        mirrored, other, self.make_mirrored()
                    )

    def test_nothing_ended_ends_nothing(self):
        assert not self.ends([])

    def test_the_same_question_gets_the_same_answer(self):
        rule, finals = self.make(), self.finals([0.5] * 50)
        assert len({rule.experiment_check(finals, "max") for _ in range(3)}) == 1

    def test_it_can_be_pickled(self):
        finals = self.finals([0.5] * 50)
        copy = pickle.loads(pickle.dumps(self.make()))
        assert copy.experiment_check(finals, "max") == self.make().experiment_check(finals, "max")


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

    def test_components_are_those_of_its_trials_if_it_names_any(self):
        ablator = self.start()
        components = ablator.components()
        assert [component.params() for component in components] in ([], self.drive().params)

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
