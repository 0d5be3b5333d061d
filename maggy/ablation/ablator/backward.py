"""Leave out one component after the other, each time the one whose absence costs least."""

from __future__ import annotations

import math
from typing import Literal

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator.subsets import SubsetAblator
from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis, ComponentMetrics
from maggy.ablation.statistics import mean
from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Json
from maggy.trial import Trial

__all__ = ["Backward"]


class Backward(SubsetAblator):
    """Eliminate components backward: in each round, leave out for good what costs least.

    A round has one trial for each remaining component, without it and without all that was left out
    before. When all of them have ended, in all repeats, the one with the best mean difference from
    the base goes for good. Of equal ones it is the one that was included first. A component whose
    trials all failed is not left out in that round. The study ends when nothing remains, when all
    trials of a round failed, or when the mean is ``stop_at`` worse than that of the base.

    Warning:
        The winner of a round looks better than it is: it is the best of many, so part of its lead
        is noise, and the true metric is probably worse. A greedy search may also miss the best
        set. Use ``repeats``, and train the final set again with other seeds before you report it.

    Source: T. Marill and D. M. Green, "On the Effectiveness of Receptors in Recognition Systems",
    IEEE Transactions on Information Theory 9 (1963), 11-17.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare", "age")
        >>> Backward(study, [], stop_at=0.02).get_number_of_trials()
        7

    Args:
        ablation_study: The study.
        final_store: The list of ended trials, from which the rounds are decided.
        stop_at: How much worse than that of the base the mean may become, in units of the metric;
            at least 0. The study ends with the round in which it is reached. None, the default,
            goes on until nothing remains.

    Raises:
        BadArgumentsError: If ``stop_at`` is something else.
    """

    waits_for_results = True

    def __init__(
        self,
        ablation_study: AblationStudy,
        final_store: list[Trial],
        stop_at: float | None = None,
    ) -> None:
        super().__init__(ablation_study, final_store)
        is_number = isinstance(stop_at, (int, float)) and not isinstance(stop_at, bool)
        if stop_at is not None and not (is_number and math.isfinite(stop_at) and stop_at >= 0):
            raise BadArgumentsError(
                "stop_at must be None or a number of at least 0, in units of the metric, "
                f"but got {stop_at!r:.80}."
            )
        self.stop_at = stop_at
        self._candidates: list[Component] = []  # of this round
        self._removed: list[Component] = []
        self._rounds: list[Json] = []
        self._has_waited = False

    def components(self) -> list[Component]:
        """Return none, since the results decide which components the trials leave out."""
        return []

    def trial_options(self) -> dict[str, Json]:
        """Return ``stop_at`` if there is one."""
        return {} if self.stop_at is None else {"stop_at": self.stop_at}

    def get_number_of_trials(self) -> int:
        """Return the largest number of trials: the base and all rounds."""
        count = len(self.players())
        return 1 + count * (count + 1) // 2

    def initialize(self) -> None:
        """Begin with the base and the first round."""
        self._removed, self._rounds = [], []
        self._begin_round()
        self._queue.insert(0, Component.base())

    def get_trial(self, ablation_trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Return the next trial of the round, ``"IDLE"`` while some of it run, or None at the end.

        Args:
            ablation_trial: Not used; the results are in ``final_store``.
        """
        if not self._queue and self._candidates:
            # The first "IDLE" releases the repeats of this round, which then run as well.
            if not self._has_waited or self.trial_store:
                self._has_waited = True
                return "IDLE"
            self._end_round()
        return self._trial_of(self._queue.pop(0)) if self._queue else None

    def analyze_metrics(self, metrics: ComponentMetrics, confidence: float) -> Analysis:
        """Return ``rounds``: a dict for each round that has been decided.

        It holds ``component``, the label of what this round left out for good, ``left_out``, the
        labels of all that is left out then, and ``difference``, their mean difference from the
        base.
        """
        return Analysis({"rounds": [*self._rounds]})

    def _begin_round(self) -> None:
        self._has_waited = False
        self._candidates = [part for part in self.players() if part not in self._removed]
        self._queue = [self.without([*self._removed, part]) for part in self._candidates]

    def _end_round(self) -> None:
        """Leave out the component whose absence costs least, and begin the next round, if any.

        Every repeat is compared with the base of the same repeat.
        """
        metrics, sign = ComponentMetrics(self.final_store), Direction.parse(self.direction).sign
        means: dict[Component, float] = {}
        for part in self._candidates:
            candidate_set = self.without([*self._removed, part])
            differences = metrics.contrast({candidate_set: 1, Component.base(): -1})
            if differences:
                means[part] = mean([*differences.values()])
        self._candidates = []
        if not means:
            return
        winner = max(means, key=lambda part: sign * means[part])
        self._removed.append(winner)
        self._rounds.append(
            {
                "component": winner.label,
                "left_out": [part.label for part in self._removed],
                "difference": means[winner],
            }
        )
        if self.stop_at is None or -sign * means[winner] < self.stop_at:
            self._begin_round()
