"""Test what the driver relies on in an experiment rule. A test class inherits the tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

from maggy.earlystop import AbstractExperimentStop
from maggy.testing.copies import pickled_copy
from maggy.testing.trials import final_with
from maggy.trial import Trial

__all__ = ["ExperimentStopContract"]


class ExperimentStopContract:
    """Test a rule that ends experiments. Derive a class whose name begins with ``Test``.

    Example:
        >>> from maggy import Threshold
        >>> class TestThreshold(ExperimentStopContract):
        ...     def make(self):
        ...         return Threshold(0.5)
        ...     def make_mirrored(self):
        ...         return Threshold(-0.5)
        >>> TestThreshold().ends([0.1, 0.4]), TestThreshold().ends([0.1, 0.6])
        (False, True)
    """

    def make(self) -> AbstractExperimentStop:
        """Return a new rule, as a user would construct it."""
        raise NotImplementedError

    def make_mirrored(self) -> AbstractExperimentStop:
        """Return the rule for the negated metric and the opposite direction.

        Override this method if the rule has arguments in units of the metric.
        """
        return self.make()

    def finals(self, metrics: Sequence[float]) -> list[Trial]:
        """Return trials that ended with these metrics."""
        return [final_with([metric], str(number)) for number, metric in enumerate(metrics)]

    def ends(
        self,
        metrics: Sequence[float],
        direction: str = "max",
        rule: AbstractExperimentStop | None = None,
    ) -> bool:
        """Return whether the rule ends an experiment in which trials ended with these metrics."""
        reason = (rule or self.make()).experiment_check(self.finals(metrics), direction)
        assert reason is None or (isinstance(reason, str) and reason and reason.isprintable())
        return reason is not None

    def test_it_answers_with_a_reason_or_none(self) -> None:
        """Return one printable line or None, whatever the metrics are."""
        noise = random.Random(3)
        for length in (0, 1, 2, 50):
            for direction in ("max", "min"):
                self.ends([noise.uniform(-1, 1) for _ in range(length)], direction)
        self.ends([1e308, -1e308, 0.0, 0.0])

    def test_min_mirrors_max(self) -> None:
        """Decide for ``"min"`` as for ``"max"`` with negated metrics."""
        noise = random.Random(4)
        for length in (1, 2, 3, 5, 50):
            for _ in range(5):
                metrics = [round(noise.uniform(-1, 1), 1) for _ in range(length)]
                opposite = [-metric for metric in metrics]
                for direction, mirror in (("max", "min"), ("min", "max")):
                    answer = self.ends(opposite, mirror, self.make_mirrored())
                    assert self.ends(metrics, direction) == answer

    def test_nothing_ended_ends_nothing(self) -> None:
        """Continue as long as no trial has ended."""
        assert not self.ends([])

    def test_the_same_question_gets_the_same_answer(self) -> None:
        """Give the same answer to the same trials."""
        rule, finals = self.make(), self.finals([0.5] * 50)
        assert len({rule.experiment_check(finals, "max") for _ in range(3)}) == 1

    def test_it_can_be_pickled(self) -> None:
        """Decide the same after pickling."""
        finals = self.finals([0.5] * 50)
        answer = pickled_copy(self.make()).experiment_check(finals, "max")
        assert answer == self.make().experiment_check(finals, "max")
