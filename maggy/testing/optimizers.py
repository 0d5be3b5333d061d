"""Test what the driver relies on in an optimizer. A test class inherits the tests."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import ClassVar

import pytest

from maggy.common.types import Params
from maggy.optimizer import AbstractOptimizer
from maggy.optimizer.source_trials import SourceTrials, num_trials_with, tell
from maggy.searchspace import Searchspace
from maggy.testing.copies import pickled_copy
from maggy.testing.simulated_driver import MAX_ROUNDS, Score, SimulatedDriver, Stopped, noisy_score
from maggy.testing.spaces import conditional_space, experiment_space, objective
from maggy.trial import Trial

__all__ = ["OptimizerContract"]

Driver = SimulatedDriver[AbstractOptimizer]


class OptimizerContract:
    """Test an optimizer. Derive a class whose name begins with ``Test``, and say how to make yours.

    The tests run whole experiments in one thread, without Spark and without training. Attributes of
    the class say what your optimizer does not do.

    Example:
        >>> from maggy import RandomSearch
        >>> class TestRandomSearch(OptimizerContract):
        ...     def make(self):
        ...         return RandomSearch()
        >>> len(TestRandomSearch().drive(in_flight=4).suggestions)
        20
    """

    num_trials: ClassVar[int | None] = 20
    """The number of trials of an experiment."""

    runs_num_trials: ClassVar[bool] = True
    """Whether the optimizer suggests ``num_trials`` trials, neither more nor fewer."""

    uses_seed: ClassVar[bool] = True
    """Whether another seed of the experiment leads to other suggestions."""

    uses_space: ClassVar[bool] = True
    """Whether a suggestion holds every parameter of the space."""

    supports_conditions: ClassVar[bool] = True
    """Whether the optimizer can search a space with conditional parameters."""

    extra_params: ClassVar[Sequence[str]] = ()
    """The names of the parameters that the optimizer adds."""

    def make(self) -> AbstractOptimizer:
        """Return a new optimizer, as a user would construct it."""
        raise NotImplementedError

    def make_space(self, seed: int = 7) -> Searchspace:
        """Return a space that the optimizer can search, with this seed."""
        return experiment_space(seed)

    def start(
        self,
        space: Searchspace | None = None,
        direction: str = "max",
        optimizer: AbstractOptimizer | None = None,
    ) -> AbstractOptimizer:
        """Return an optimizer that the driver has prepared.

        Args:
            space: The search space; None for :meth:`make_space`.
            direction: ``"max"`` or ``"min"``.
            optimizer: The optimizer; None for a new one.
        """
        optimizer = self.make() if optimizer is None else optimizer
        # The driver sets None, too, where the user leaves the number to the optimizer.
        optimizer.num_trials = self.num_trials  # type: ignore[assignment]
        optimizer.searchspace = self.make_space() if space is None else space
        optimizer.trial_store, optimizer.final_store = {}, []
        optimizer.direction = direction
        optimizer.initialize()
        return optimizer

    def drive(
        self,
        optimizer: AbstractOptimizer | None = None,
        score: Score = lambda trial: objective(trial.params),
        in_flight: int = 1,
        rng: random.Random | None = None,
        earlier: Sequence[Trial] = (),
        crash_after: float = math.inf,
    ) -> Driver:
        """Run a whole experiment without training.

        Args:
            optimizer: The optimizer, started; None for a new one.
            score: Returns the metric of a trial; see :class:`SimulatedDriver`.
            in_flight: Number of trials that run at once.
            rng: Draws which running trial ends next; None for the oldest one.
            earlier: The trials that ended before the experiment was resumed.
            crash_after: Number of ended trials after which the experiment breaks off.
        """
        optimizer = self.start() if optimizer is None else optimizer
        return SimulatedDriver(
            optimizer,
            optimizer.get_suggestion,
            score,
            in_flight,
            optimizer.final_store,
            optimizer.trial_store,
            rng,
            earlier,
            crash_after,
        )

    def without_extra(self, trial: Trial) -> Params:
        """Return the parameters of a trial that are the space's."""
        return {
            name: value for name, value in trial.params.items() if name not in self.extra_params
        }

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_suggestions_lie_inside_the_space(self, in_flight: int) -> None:
        """Suggest every parameter of the space, with a value of the space."""
        space = self.make_space()
        for trial in self.drive(in_flight=in_flight).suggestions:
            assert set(self.extra_params) <= set(trial.params)
            params = self.without_extra(trial)
            assert params == (space.checked(params) if self.uses_space else {})

    @pytest.mark.parametrize("in_flight", [1, 5])
    def test_conditional_parameters_exist_only_when_they_should(self, in_flight: int) -> None:
        """Suggest a conditional parameter only where its condition holds."""
        if not (self.supports_conditions and self.uses_space):
            return
        space = conditional_space()
        suggestions = self.drive(self.start(space), in_flight=in_flight).suggestions
        for trial in suggestions:
            params = self.without_extra(trial)
            assert params == space.checked(params)
        assert len({tuple(trial.params) for trial in suggestions}) > 1

    def test_it_knows_how_many_trials_there_will_be_or_says_so(self) -> None:
        """Return the number of trials from ``total_trials``, or None."""
        assert self.start().total_trials() in (None, len(self.drive().suggestions))

    def test_it_knows_its_parameters_or_says_so(self) -> None:
        """Return the names of the parameters of every trial from ``parameters``, or None."""
        names = self.start().parameters([])
        assert names is None or all(
            set(trial.params) == set(names) for trial in self.drive().suggestions
        )

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_it_ends(self, in_flight: int) -> None:
        """Suggest at least one trial, and return None after the last one."""
        suggestions = self.drive(in_flight=in_flight).suggestions
        assert suggestions
        if self.runs_num_trials:
            assert len(suggestions) == self.num_trials

    def test_after_the_end_there_is_nothing_more(self) -> None:
        """Return None for every further suggestion after the first None."""
        optimizer = self.drive().source
        assert [optimizer.get_suggestion() for _ in range(3)] == [None, None, None]

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_a_seed_fixes_the_sequence(self, in_flight: int) -> None:
        """Draw from the seeded space or an own generator, never from Python's global one."""
        random.seed(1)
        params = self.drive(in_flight=in_flight).params
        random.seed(2)
        assert self.drive(in_flight=in_flight).params == params

    @pytest.mark.parametrize("in_flight", [1, 7])
    def test_an_independent_optimizer_ignores_the_results(self, in_flight: int) -> None:
        """Suggest the same trials whatever the results are, if the class is ``independent``."""
        if not self.make().independent:
            return
        noise = random.Random(5)
        scores: list[Score] = [
            lambda trial: -objective(trial.params),
            lambda trial: noise.choice([None, 1.0, Stopped(0.0)]),
        ]
        params = self.drive(in_flight=in_flight).params
        for score in scores:
            assert self.drive(score=score, in_flight=in_flight).params == params
        assert self.drive(in_flight=50).params == params

    def test_another_seed_gives_another_sequence(self) -> None:
        """Suggest other trials for another seed."""
        params = self.drive(self.start(self.make_space(7))).params
        others = self.drive(self.start(self.make_space(8))).params
        assert (params != others) == self.uses_seed

    def test_initializing_twice_starts_afresh(self) -> None:
        """Forget an earlier experiment in ``initialize``."""
        optimizer = self.drive().source
        assert self.drive(self.start(optimizer=optimizer)).params == self.drive().params

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_it_survives_failed_trials(self, in_flight: int) -> None:
        """Continue if trials fail, even if all of them fail."""
        numbers = iter(range(MAX_ROUNDS))
        self.drive(score=lambda trial: None if next(numbers) % 2 else 1.0, in_flight=in_flight)
        self.drive(score=lambda trial: None, in_flight=in_flight)

    @pytest.mark.parametrize("in_flight", [1, 7])
    def test_it_survives_lost_and_stopped_trials_in_any_order(self, in_flight: int) -> None:
        """Continue if trials end in any order, fail, are stopped, or are lost and run again."""
        score, rng = noisy_score(), random.Random(6)
        suggestions = self.drive(score=score, in_flight=in_flight, rng=rng).suggestions
        limit = self.num_trials if self.runs_num_trials else None
        assert 1 <= len(suggestions) <= (MAX_ROUNDS if limit is None else limit)

    def test_extreme_metrics_do_not_upset_it(self) -> None:
        """Accept every finite metric."""
        metrics = iter([1e308, -1e308, 0.0, -0.0, 5e-324] * MAX_ROUNDS)
        self.drive(score=lambda trial: next(metrics))

    def test_initial_trials_are_in_the_space_and_count(self) -> None:
        """Return a user's own configuration unchanged from ``initial_trial``, and count it."""
        if not self.uses_space:
            return
        optimizer = self.start()
        configurations = self.make_space(99).get_random_parameter_values(2)
        initial = [optimizer.initial_trial(dict(params)) for params in configurations]
        assert [self.without_extra(trial) for trial in initial] == configurations
        # They run as any other trial.
        queue, ask = list(initial), optimizer.get_suggestion
        driver = SimulatedDriver(
            optimizer,
            lambda trial: queue.pop(0) if queue else ask(trial),
            lambda trial: objective(trial.params),
            2,
            optimizer.final_store,
            optimizer.trial_store,
        )
        if self.runs_num_trials and self.start().parameters([]) is not None:
            assert len(driver.suggestions) == self.num_trials

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_a_resumed_experiment_runs_what_is_missing_and_nothing_twice(
        self, in_flight: int
    ) -> None:
        """Continue from the records of an experiment that broke off."""
        total = self.num_trials or len(self.drive().suggestions)
        half = self.drive(in_flight=in_flight, crash_after=total // 2)
        records = _read_back(half.ended_trials)
        resumed = self.drive(in_flight=in_flight, earlier=records)
        ids = [trial.trial_id for trial in resumed.ended_trials]
        assert len(set(ids)) == len(ids)
        assert ids[: len(records)] == [trial.trial_id for trial in records]
        if self.runs_num_trials:
            assert len(ids) == self.num_trials

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_a_warm_started_experiment_runs_as_many_new_trials(self, in_flight: int) -> None:
        """Count the trials of another experiment, so that ``num_trials`` new ones remain."""
        driver = self.drive(self.start_warm(), in_flight=in_flight)
        if self.runs_num_trials:
            assert len(driver.suggestions) == self.num_trials

    def start_warm(self) -> AbstractOptimizer:
        """Return an optimizer, initialized anew, that is told the trials of another experiment."""
        other = self.drive(self.start(self.make_space(99)), noisy_score())
        trials = _read_back(other.ended_trials)
        for trial in trials:
            trial.source_experiment = "other_1"
        source, optimizer = SourceTrials(trials), self.start()
        num_trials = num_trials_with(optimizer, self.num_trials, source)
        optimizer.num_trials = num_trials  # type: ignore[assignment]
        optimizer.initialize()
        tell(optimizer, source, [], self.num_trials)
        return optimizer

    def test_an_experiment_that_is_resumed_at_its_end_runs_nothing(self) -> None:
        """Suggest nothing new if every trial has a record."""
        records = _read_back(self.drive().ended_trials)
        assert self.drive(earlier=records).suggestions == []

    def test_it_survives_equal_suggestions_and_equal_metrics(self) -> None:
        """Search a space that holds one configuration."""
        space = Searchspace(only=("DISCRETE", [1])).seeded(7)
        suggestions = self.drive(self.start(space), score=lambda trial: 0.0).suggestions
        assert len({trial.trial_id for trial in suggestions}) == len(suggestions)

    @pytest.mark.parametrize("in_flight", [1, 3])
    def test_min_mirrors_max(self, in_flight: int) -> None:
        """Suggest the same trials for ``"min"`` as for ``"max"`` with negated metrics."""
        up = self.drive(self.start(direction="max"), in_flight=in_flight)
        down = self.drive(
            self.start(direction="min"), lambda trial: -objective(trial.params), in_flight
        )
        assert up.params == down.params

    @pytest.mark.parametrize("in_flight", [1, 7])
    def test_min_mirrors_max_also_where_trials_fail_get_lost_or_are_stopped(
        self, in_flight: int
    ) -> None:
        """Suggest the same trials for ``"min"`` and ``"max"``, whatever becomes of the trials."""

        def drive(direction: str, sign: int) -> Driver:
            optimizer = self.start(direction=direction)
            return self.drive(optimizer, noisy_score(sign), in_flight, rng=random.Random(6))

        up, down = drive("max", 1), drive("min", -1)
        assert up.params == down.params
        up_ids, down_ids = ([trial.trial_id for trial in run.ended_trials] for run in (up, down))
        assert up_ids == down_ids

    def test_it_leaves_the_space_as_it_was(self) -> None:
        """Change nothing in the search space."""
        optimizer = self.drive().source
        assert optimizer.searchspace == self.make_space()

    def test_it_can_be_pickled_at_any_time(self) -> None:
        """Suggest the same trials after pickling, before an experiment and in its middle."""
        optimizer = self.start(optimizer=pickled_copy(self.make()))
        trial = optimizer.get_suggestion()
        copy = pickled_copy(optimizer)
        assert isinstance(trial, Trial)
        assert trial.params == self.drive().params[0]
        assert self.drive(copy).params == self.drive(optimizer).params
        count = len(self.drive().suggestions)
        for in_flight in (1, 7):
            half = self.drive(in_flight=in_flight, crash_after=count // 2)
            copy = pickled_copy(half.source)
            assert list(copy.trial_store) == list(half.source.trial_store)
            params = self.drive(half.source).params
            assert self.drive(copy).params == params
            if self.runs_num_trials:
                assert len(half.suggestions) + len(params) == count

    def test_its_name_is_one_line_of_text(self) -> None:
        """Return one printable line from ``name``."""
        name = self.make().name()
        assert isinstance(name, str)
        assert name
        assert name.isprintable()


def _read_back(trials: Sequence[Trial]) -> list[Trial]:
    """Return what the records of these trials say."""
    return [Trial.from_json(trial.to_json()) for trial in trials]
