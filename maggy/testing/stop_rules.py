"""Test what the driver relies on in a trial rule. A test class inherits the tests."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from maggy.earlystop import AbstractEarlyStop, Decision
from maggy.testing.copies import pickled_copy
from maggy.testing.trials import final_with, trial_with
from maggy.trial import Trial

__all__ = ["EarlyStopContract"]

History = list[float]


class EarlyStopContract:
    """Test a trial rule. Derive a class whose name begins with ``Test``.

    Example:
        >>> from maggy import MedianStoppingRule
        >>> class TestMedian(EarlyStopContract):
        ...     def make(self):
        ...         return MedianStoppingRule()
        >>> finals = [[0.5, 0.6], [0.7, 0.8]]
        >>> TestMedian().check([0.1, 0.2], finals), TestMedian().check([0.8, 0.9], finals)
        (True, False)
    """

    def make(self) -> AbstractEarlyStop:
        """Return a new rule, as a user would construct it."""
        raise NotImplementedError

    def histories(self) -> list[History]:
        """Return histories with which every rule must cope, in running and in final trials."""
        noise = random.Random(3)
        random_ones = [
            [noise.uniform(-1, 1) for _ in range(noise.randint(1, 12))] for _ in range(12)
        ]
        odd: list[History] = [
            [],
            [0.0],
            [math.nan],
            [math.nan, 1.0],
            [1.0, math.nan],
            [math.inf, -math.inf],
            [1e308, 1e308, -1e308],
        ]
        return odd + random_ones

    def check(self, running: History, finals: Sequence[History], direction: str = "max") -> bool:
        """Return whether the rule stops a trial.

        Args:
            running: The history of the running trial.
            finals: The histories of the trials that ended.
            direction: ``"max"`` or ``"min"``.
        """
        trial = trial_with(running)
        trial_id = self.make().earlystop_check(trial, _finals(finals), direction)
        assert trial_id in (None, trial.trial_id), (
            f"A rule returns the trial's id or None, but got {trial_id!r}."
        )
        return trial_id is not None

    def answers(
        self, direction: str, sign: int = 1, rule: AbstractEarlyStop | None = None
    ) -> list[Decision]:
        """Return the decisions about 50 running trials, some of which end in between.

        They end well, fail, are stopped, or are lost with their worker and start again.

        Args:
            direction: ``"max"`` or ``"min"``.
            sign: 1 or -1; every metric is multiplied by it.
            rule: The rule; None for a new one.
        """
        rule, noise = rule or self.make(), random.Random(4)
        rule.start()
        running = [trial_with([], f"running {number}") for number in range(50)]
        finals: list[Trial] = []
        answers = []
        for step in range(8):
            for trial in list(running):
                value = sign * noise.choice([noise.uniform(-1, 1), math.nan])
                trial.append_metric({"step": step, "value": value})
                answers.append(rule.decide(trial, finals, running, direction))
                assert isinstance(answers[-1], Decision)
                _end_some(trial, running, finals, sign * step / 8, noise.random())
        assert running
        assert finals
        return answers

    def test_it_answers_with_the_id_or_none(self) -> None:
        """Return the id of the trial or None from the check of earlier releases."""
        for direction in ("max", "min"):
            for running in self.histories():
                assert self.check(running, self.histories(), direction) in (True, False)
                for final in self.histories():
                    self.check(running, [final], direction)

    def test_it_copes_with_nothing_to_compare_to(self) -> None:
        """Decide also where no trial has ended."""
        for running in self.histories():
            self.check(running, [])

    def test_min_mirrors_max(self) -> None:
        """Decide for ``"min"`` as for ``"max"`` with negated metrics."""
        histories = self.histories()
        opposites = [[-value for value in history] for history in histories]
        for running, opposite in zip(histories, opposites, strict=True):
            for direction, mirror in (("max", "min"), ("min", "max")):
                answer = self.check(opposite, opposites, mirror)
                assert self.check(running, histories, direction) == answer

    @pytest.mark.parametrize("direction", ["max", "min"])
    def test_it_copes_with_many_running_trials_that_end_fail_get_lost_or_are_stopped(
        self, direction: str
    ) -> None:
        """Return a decision whatever becomes of the trials."""
        self.answers(direction)

    def test_min_mirrors_max_also_with_many_running_trials(self) -> None:
        """Decide for ``"min"`` as for ``"max"`` with negated metrics, whatever else runs."""
        assert self.answers("max") == self.answers("min", -1)
        assert self.answers("min") == self.answers("max", -1)

    def test_the_same_question_gets_the_same_answer(self) -> None:
        """Give the same answer to the same trials."""
        rule, finals = self.make(), _finals(self.histories())
        for running in self.histories():
            trial = trial_with(running)
            answers = {rule.earlystop_check(trial, finals, "max") for _ in range(3)}
            assert len(answers) == 1

    def test_its_decision_agrees_with_the_check_of_earlier_releases(self) -> None:
        """Decide the same in ``decide`` and in ``earlystop_check``."""
        finals = _finals(self.histories())
        for running in self.histories():
            trial = trial_with(running)
            decision = self.make().decide(trial, finals, [trial], "max")
            trial_id = self.make().earlystop_check(trial, finals, "max")
            assert (decision is Decision.STOP) == (trial_id is not None)

    def test_it_decides_a_second_experiment_like_the_first(self) -> None:
        """Forget in ``start`` what an earlier experiment has taught."""
        rule = self.make()
        assert self.answers("max", rule=rule) == self.answers("max", rule=rule)

    def test_it_leaves_the_trials_as_they_were(self) -> None:
        """Change no trial."""
        trial = trial_with([0.1, 0.2])
        finals = [final_with([0.5, 0.9], "a"), final_with([0.4], "b")]
        before = [trial.to_json(), *(final.to_json() for final in finals)]
        self.make().earlystop_check(trial, finals, "max")
        assert [trial.to_json(), *(final.to_json() for final in finals)] == before

    def test_it_can_be_pickled(self) -> None:
        """Decide the same after pickling."""
        trial, finals = trial_with([0.1, 0.2]), [final_with([0.5, 0.9])]
        answer = pickled_copy(self.make()).earlystop_check(trial, finals, "max")
        assert answer == self.make().earlystop_check(trial, finals, "max")


def _finals(histories: Sequence[History]) -> list[Trial]:
    return [final_with(history, str(number)) for number, history in enumerate(histories)]


def _end_some(
    trial: Trial, running: list[Trial], finals: list[Trial], metric: float, draw: float
) -> None:
    """Let a running trial continue, or end it in one of four ways.

    Args:
        trial: The trial.
        running: The running trials.
        finals: The trials that ended with a metric.
        metric: The metric with which the trial may end.
        draw: A random number between 0 and 1, which decides.
    """
    if draw < 0.1:  # Its worker is lost, and it starts again.
        trial.reset()
        trial.attempts += 1
    elif draw < 0.2:  # It fails, and is in neither list from now on.
        running.remove(trial)
    elif draw < 0.3:
        running.remove(trial)
        trial.status, trial.final_metric = Trial.FINALIZED, metric
        trial.early_stop = draw < 0.25
        finals.append(trial)
