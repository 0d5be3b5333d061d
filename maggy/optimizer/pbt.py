"""Train a population: bad members continue from good ones, with other hyperparameters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.common.types import Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer, check_space
from maggy.optimizer.perturbation import perturb
from maggy.optimizer.rungs import BUDGET_NAMES, budget_name, split_budget
from maggy.optimizer.running_trials import RunningTrials
from maggy.searchspace.configuration import draw
from maggy.searchspace.parameter import parse_parameters
from maggy.searchspace.scale import decimal
from maggy.trial import Trial

__all__ = ["PBT"]

_MAX_BUDGET = 2**63


@dataclass(frozen=True)
class _Turn:
    """A turn that has ended with a metric.

    Attributes:
        trial_id: Its trial.
        params: The hyperparameters.
        budget: The budget that its member had used up at its end.
        minimized_metric: The metric, negated if larger is better.
    """

    trial_id: str
    params: Params
    budget: float
    minimized_metric: float


@dataclass
class _Member:
    """A member of the population.

    Attributes:
        number: Its number, from 0.
        initial_params: What the user wants it to begin with; None to draw.
        turns: Number of turns that have begun.
        budget: The budget of its last turn, also of one that failed.
        last: The last turn with a metric; None if there is none.
        is_running: A turn runs.
        has_failed: Its last turn failed.
    """

    number: int
    initial_params: Params | None = None
    turns: int = 0
    budget: float = 0
    last: _Turn | None = None
    is_running: bool = False
    has_failed: bool = False


class PBT(AbstractOptimizer):
    """Train a population whose bad members copy good ones and change their hyperparameters.

    Each trial is a turn of one member: it continues the training of its ``parent`` up to
    ``budget``, which is that of the parent plus ``interval``. When a member is free, its last
    metric is compared with the last ones of all others. If it is among the worst, it continues from
    a member among the best (*exploit*), with that member's hyperparameters, changed a little
    (*explore*): see :func:`~maggy.optimizer.perturbation.perturb`. Otherwise it continues its own
    training with its own hyperparameters. No member waits for another one, and any number of
    workers will do; at most ``population`` of them work at once. The member that has used the
    smallest budget goes first; a turn that failed counts. Its member copies one of the best, too.

    The training function gets the budget as the parameter ``budget``, or as ``resource`` if it asks
    for that, and the training of the parent by ``reporter.restore()``. ``num_trials`` counts turns.

    Example:
        >>> from maggy import Searchspace
        >>> from maggy.experiment_config import OptimizationConfig
        >>> space = Searchspace(lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> config = OptimizationConfig(80, PBT(population=8, interval=2), space)

    Jaderberg et al., "Population Based Training of Neural Networks", arXiv:1711.09846 (2017).

    Args:
        population: The number of members, at least 2.
        interval: The budget of a turn, above 0.
        exploit_fraction: The share of the members that are among the worst, and of those that are
            among the best; above 0 and at most 0.5. At least one is, once every member has ended
            a turn.
        resample_probability: The probability, 0 to 1, with which exploring draws a hyperparameter
            anew.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    can_be_sampler = False

    def __init__(
        self,
        population: int = 10,
        interval: float = 1,
        exploit_fraction: float = 0.2,
        resample_probability: float = 0.25,
    ) -> None:
        super().__init__()
        _check(population, interval, exploit_fraction, resample_probability)
        self._population = int(population)
        # Not a number of numpy: a training function may count up to a whole budget.
        self._interval = as_number(interval) or 0
        self._exploit_fraction = exploit_fraction
        self._resample_probability = resample_probability
        self._budget_name = BUDGET_NAMES[0]

    def initialize(self) -> None:
        """Start with a population that has not trained.

        Raises:
            BadArgumentsError: If there is no search space, or if it has a parameter of the budget's
                name.
        """
        check_space(self.searchspace, self._budget_name, self.name())
        self._sign = Direction.parse(self.direction).sign
        self._parameters = parse_parameters(self.searchspace.to_dict())
        self._seed = self.searchspace.draw_seed()
        self._members = [_Member(number) for number in range(self._population)]
        self._running: RunningTrials[_Member] = RunningTrials()
        self._num_suggestions = 0
        self._initial_members: set[int] = set()

    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Return the next turn of a free member, or None after ``num_trials`` turns."""
        self._take_ended_turns()
        if self._num_suggestions >= self.num_trials:
            return None
        free_members = [member for member in self._members if not member.is_running]
        if not free_members:
            return "IDLE"
        return self._start_turn(min(free_members, key=_progress))

    def initial_trial(self, params: Params) -> Trial:
        """Return the first turn of the next member, with these hyperparameters.

        Raises:
            BadArgumentsError: If there are more such configurations than members.
        """
        if len(self._initial_members) == self._population:
            raise BadArgumentsError(
                f"initial_trials must be at most population={self._population} configurations, "
                "since each is the beginning of a member. Use a larger population."
            )
        number = min(set(range(self._population)) - self._initial_members)
        # A new one, since it may have turns in the experiment from which this one is warm-started.
        member = self._members[number] = _Member(number, params)
        self._initial_members.add(number)
        return self._start_turn(member)

    def restore(self, trials: list[Trial]) -> bool:
        """Put every member where its last recorded turn has left it.

        That may be a turn in another experiment. Then the member goes on from its checkpoint.
        """
        for trial in trials:
            number = trial.member
            if number is None or number >= self._population:
                continue  # it was recorded with a larger population
            if trial.initial_number is not None:
                self._initial_members.add(number)
                self._members[number] = _Member(number)
            member = self._members[number]
            member.turns += 1
            if trial.status == Trial.RUNNING:  # it goes on from a checkpoint
                member.is_running = True
                self._running.add(trial, member)
            else:
                self._end_turn(member, trial, trial if trial.final_metric is not None else None)
        self._num_suggestions = len(trials)
        return True

    def informative_trials(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the turns of members that the population has."""
        return [
            trial
            for trial in super().informative_trials(trials)
            if trial.member is not None and trial.member < self._population
        ]

    def total_trials(self) -> int:
        """Return ``num_trials``."""
        return self.num_trials

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space, and the budget's.

        Raises:
            BadArgumentsError: If there is no search space, if it has a parameter of the budget's
                name, if there are no more turns than members, or if budgets may become too large.
        """
        self._budget_name = budget_name(function_parameters)
        check_space(self.searchspace, self._budget_name, self.name())
        if self.num_trials <= self._population:
            raise BadArgumentsError(
                "num_trials must be larger than the population, since it counts the turns of all "
                f"members, but got num_trials={self.num_trials} and population="
                f"{self._population}. Ten turns a member are num_trials={10 * self._population}."
            )
        if self._interval * self.num_trials > _MAX_BUDGET:
            raise BadArgumentsError(
                "interval times num_trials must be at most 2**63, since a member may train all "
                f"turns, but got interval={self._interval} and num_trials={self.num_trials}."
            )
        return [*self.searchspace.keys(), self._budget_name]

    def _start_turn(self, member: _Member) -> Trial:
        # It depends on nothing but the seed and the turn, so it is the same after a crash.
        rng = Random(f"{self._seed}:{member.number}:{member.turns}")
        source = self._choose_source(member, rng)
        if source is None:
            params = member.initial_params if not member.turns else None
            params = draw(self._parameters, rng) if params is None else params
        elif source is member.last and not member.has_failed:
            params = source.params
        else:
            params = perturb(self._parameters, source.params, rng, self._resample_probability)
        budget = _sum(self._interval, 0 if source is None else source.budget)
        trial = Trial({**params, self._budget_name: budget})
        trial.member, trial.parent = member.number, None if source is None else source.trial_id
        member.turns += 1
        member.is_running = True
        self._num_suggestions += 1
        self._running.add(trial, member)
        return trial

    def _choose_source(self, member: _Member, rng: Random) -> _Turn | None:
        """Return the turn that a member continues; None if it begins anew."""
        turns = [other.last for other in self._members if other.last is not None]
        ranking = sorted(turns, key=lambda turn: turn.minimized_metric)
        size = int(self._exploit_fraction * len(ranking))
        if len(ranking) == self._population:
            size = max(1, size)
        if member.has_failed:
            best = [turn for turn in ranking[: max(1, size)] if turn is not member.last]
            return rng.choice(best) if best else member.last
        if size and member.last in ranking[len(ranking) - size :]:
            return rng.choice(ranking[:size])
        return member.last

    def _take_ended_turns(self) -> None:
        for end in self._running.take_ended(self.trial_store, self.final_store):
            self._end_turn(end.note, end.suggestion, end.final)

    def _end_turn(self, member: _Member, trial: Trial, final: Trial | None) -> None:
        params, value = split_budget(trial.params, self.searchspace.keys())
        budget = as_number(value)
        member.budget = self._interval if budget is None else budget
        member.is_running = False
        member.has_failed = final is None or final.final_metric is None
        if final is not None and final.final_metric is not None:
            metric = -self._sign * final.final_metric
            member.last = _Turn(trial.trial_id, params, member.budget, metric)


def _progress(member: _Member) -> tuple[float, int, int]:
    return member.budget, member.turns, member.number


def _sum(one: float, other: float) -> float:
    """Return the sum of two budgets. Three times 0.1 is 0.3."""
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    return float(decimal(one) + decimal(other))


def _check(
    population: int, interval: float, exploit_fraction: float, resample_probability: float
) -> None:
    """Raise `BadArgumentsError` if an argument breaks its rule."""
    size = as_number(population)
    if not isinstance(size, int) or size < 2:
        raise BadArgumentsError(
            f"population must be a whole number of at least 2, but got {population!r:.80}."
        )
    length = as_number(interval)
    if length is None or not 0 < length < 2**63:
        raise BadArgumentsError(
            f"interval must be a number above 0 and below 2**63, but got {interval!r:.80}."
        )
    share = as_number(exploit_fraction)
    if share is None or not 0 < share <= 0.5:
        raise BadArgumentsError(
            "exploit_fraction must be a number above 0 and at most 0.5, but got "
            f"{exploit_fraction!r:.80}."
        )
    probability = as_number(resample_probability)
    if probability is None or not 0 <= probability <= 1:
        raise BadArgumentsError(
            "resample_probability must be a number from 0 to 1, but got "
            f"{resample_probability!r:.80}."
        )
