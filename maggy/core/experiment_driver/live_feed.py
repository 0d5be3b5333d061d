"""Feed a live experiment with what the policy thread hears of trials."""

from __future__ import annotations

from maggy.core.experiment_driver.instructions import Points
from maggy.core.experiment_driver.notices import (
    Notice,
    TrialBegan,
    TrialContinued,
    TrialEnded,
    TrialGivenBack,
    TrialPaused,
)
from maggy.core.experiment_driver.policy_thread import TrialListener
from maggy.live.experiment import LiveExperiment
from maggy.result.rows import make_row

__all__ = ["LiveFeed"]


class LiveFeed:
    """Tell a live experiment of each notice, and hand it on. Runs on the policy thread.

    Args:
        live: The live experiment.
        optimization_key: The name of the metric.
        router: Acts on the notices.
    """

    def __init__(self, live: LiveExperiment, optimization_key: str, router: TrialListener) -> None:
        self._live = live
        self._key = optimization_key
        self._router = router

    def act(self, notice: Notice) -> None:
        """Tell the live experiment of a notice, and act on it."""
        if isinstance(notice, TrialBegan):
            self._live.trial_began(make_row(notice.trial, self._key))
        elif isinstance(notice, TrialEnded):
            self._live.trial_ended(make_row(notice.trial, self._key))
        elif isinstance(notice, TrialContinued):
            self.add_points(notice.points)
        elif isinstance(notice, TrialGivenBack | TrialPaused):
            self._live.trial_given_back(notice.trial.trial_id)
        self._router.act(notice)

    def policy_failed(self, error: BaseException) -> None:
        """Hand the error on that has ended the policy thread."""
        self._router.policy_failed(error)

    def add_points(self, points: Points) -> None:
        """Tell the live experiment of new points."""
        self._live.add_points(points.trial_id, points.points)
