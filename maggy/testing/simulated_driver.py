"""Stand in for the driver, without workers: ask for trials, and end them with given metrics."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Final, Generic, Literal, TypeVar

from maggy.ablation.ablator import AbstractAblator
from maggy.common.types import Params
from maggy.optimizer import AbstractOptimizer
from maggy.testing.spaces import objective
from maggy.trial import Trial

__all__ = ["LOST", "MAX_ROUNDS", "Score", "SimulatedDriver", "Stopped", "noisy_score"]

MAX_ROUNDS = 2_000
"""An optimizer or ablator that has not ended after this number of rounds counts as endless."""

LOST: Final = "lost"
"""The score of a trial whose worker is lost: the trial runs again."""


class Stopped(float):
    """The score of a trial that is stopped early, with this metric."""


Source = TypeVar("Source", bound=AbstractOptimizer | AbstractAblator)
Score = Callable[[Trial], "float | Literal['lost'] | None"]
Ask = Callable[["Trial | None"], "Trial | Literal['IDLE'] | None"]


def noisy_score(sign: int = 1) -> Score:
    """Return a score that lets trials succeed, fail, be lost and be stopped, in a fixed order.

    Args:
        sign: 1 or -1; every metric is multiplied by it.
    """
    noise = random.Random(5)

    def score(trial: Trial) -> float | Literal["lost"] | None:
        metric = sign * objective(trial.params)
        return noise.choice((LOST, None, Stopped(metric), metric, metric))

    return score


class SimulatedDriver(Generic[Source]):
    """Run an optimizer or an ablator as the driver would, in one thread and without training.

    The constructor runs the whole experiment. The oldest running trial ends first, unless ``rng``
    draws another one.

    Example:
        >>> from maggy import RandomSearch, Searchspace
        >>> optimizer = RandomSearch()
        >>> optimizer.num_trials, optimizer.direction = 3, "max"
        >>> optimizer.searchspace = Searchspace(x=("DOUBLE", [0, 1])).seeded(1)
        >>> optimizer.trial_store, optimizer.final_store = {}, []
        >>> optimizer.initialize()
        >>> driver = SimulatedDriver(optimizer, optimizer.get_suggestion, lambda trial: 1.0)
        >>> len(driver.suggestions), driver.ended_trials[0].final_metric
        (3, 1.0)

    Args:
        source: The optimizer or ablator, after ``initialize``.
        ask: Returns its next suggestion: ``source.get_suggestion`` or ``source.get_trial``.
        score: Returns the metric of a trial, a :class:`Stopped`, ``LOST``, or None to let the trial
            fail.
        in_flight: Number of trials that run at once.
        final_store: The list of the trials that ended with a metric. It may hold trials of an
            experiment that continues.
        trial_store: The running trials by id. It may hold trials, too.
        rng: Draws which running trial ends next.
        earlier: The trials that ended before the experiment was resumed.
        crash_after: Number of ended trials, earlier ones included, after which the run breaks off.

    Attributes:
        source: The optimizer or ablator.
        suggestions: The trials that ran, in the order of suggestion.
        ended_trials: All trials that ended, in that order, earlier ones included.
        final_store: The trials that ended with a metric.

    Raises:
        AssertionError: If it does not end, or suggests something that is no trial.
    """

    def __init__(
        self,
        source: Source,
        ask: Ask,
        score: Score,
        in_flight: int = 1,
        final_store: list[Trial] | None = None,
        trial_store: dict[str, Trial] | None = None,
        rng: random.Random | None = None,
        earlier: Sequence[Trial] = (),
        crash_after: float = math.inf,
    ) -> None:
        self.source = source
        self.suggestions: list[Trial] = []
        self.ended_trials = list(earlier)
        self.final_store = [] if final_store is None else final_store
        self._running = {} if trial_store is None else trial_store
        self._ask_source, self._score, self._rng = ask, score, rng
        self._ids: set[str] = set()  # of the trials that ran
        self._counts: dict[str, int] = {}  # how many trials have equal parameters, by id
        self._records = {trial.trial_id: trial for trial in earlier}
        self._news: list[Trial] = []  # ended trials that the source has not seen
        for trial in [*self.final_store, *self._running.values()]:
            self._count(trial.trial_id)
        self._restore(list(earlier))
        self._run(in_flight, crash_after)

    @property
    def params(self) -> list[Params]:
        """The parameters of the trials that ran, in the order of suggestion."""
        return [trial.params for trial in self.suggestions]

    def _restore(self, earlier: list[Trial]) -> None:
        source: AbstractOptimizer | AbstractAblator = self.source
        # Only a search can be taken over; the driver replays an ablation.
        if not (
            earlier and isinstance(source, AbstractOptimizer) and source.restore(list(earlier))
        ):
            return
        for trial in earlier:
            self._count(trial.trial_id)
        self._records = {}
        self.final_store.extend(trial for trial in earlier if trial.final_metric is not None)

    def _run(self, workers: int, crash_after: float) -> None:
        is_exhausted = False
        for _ in range(MAX_ROUNDS):
            waiting = 0
            for _ in range(workers):
                trial = None if is_exhausted else self._ask()
                if trial == "IDLE":
                    waiting += 1
                elif trial is None:
                    is_exhausted = True
            workers = waiting
            if is_exhausted and not self._running:
                self.source.finalize_experiment(self.final_store)
                return
            if self._running and self._end_one():
                workers += 1
            if len(self.ended_trials) >= crash_after:
                return
        raise AssertionError(
            f"{type(self.source).__name__} did not end: "
            f"{len(self.suggestions)} trials after {MAX_ROUNDS} rounds."
        )

    def _count(self, trial_id: str) -> None:
        base, _, suffix = trial_id.partition("_")
        self._counts[base] = max(self._counts.get(base, 0), int(suffix or 1))

    def _ask(self) -> Trial | Literal["IDLE"] | None:
        """Return the next trial that runs. A trial with a record ends at once instead."""
        while True:
            trial = self._ask_source(self._news.pop(0) if self._news else None)
            if trial is None or trial == "IDLE":
                return trial
            assert isinstance(trial, Trial), (
                f"A suggestion must be a Trial, 'IDLE' or None, but got {trial!r}."
            )
            self._counts[trial.trial_id] = count = self._counts.get(trial.trial_id, 0) + 1
            if count > 1:
                trial.trial_id = f"{trial.trial_id}_{count}"
            assert trial.trial_id not in self._ids, f"There are two trials {trial.trial_id}."
            record = self._records.get(trial.trial_id)
            if record is None:
                trial.status = Trial.RUNNING
                self._running[trial.trial_id] = trial
                self._ids.add(trial.trial_id)
                self.suggestions.append(trial)
                return trial
            if record.final_metric is not None:
                self.final_store.append(record)
                self._news.append(record)

    def _end_one(self) -> bool:
        """End a running trial, and return whether its worker is free."""
        ids = list(self._running)
        trial = self._running.pop(ids[0] if self._rng is None else self._rng.choice(ids))
        score = self._score(trial)
        if score == LOST:
            trial.reset()
            self._running[trial.trial_id] = trial
            return False
        self.ended_trials.append(trial)
        if score is None:
            # The source hears only of trials with a metric.
            trial.status, trial.error = Trial.ERROR, "boom"
            return True
        trial.append_metric({"step": 0, "value": float(score)})
        trial.status, trial.final_metric = Trial.FINALIZED, float(score)
        trial.early_stop = isinstance(score, Stopped)
        self.final_store.append(trial)
        self._news.append(trial)
        return True
