"""Give suggested trials their ids and numbers, and recognize those of earlier calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from maggy.core.experiment_driver.trial_names import TrialNames
from maggy.trial import Trial
from maggy.trial.numbers import TrialNumbers

__all__ = ["TrialIdentities"]


class TrialIdentities:
    """Know the trials of earlier calls, and identify what the policy suggests.

    A part of the trial book, and as pure.

    Args:
        ended_trials: Trials that have ended in an earlier call. When the policy suggests one of
            them, it does not run again.
        again: Trials that failed in an earlier call, or have a checkpoint and did not end. They run
            again under their ids.
        source: Trials of another experiment, whose ids no trial of this one gets.

    Attributes:
        earlier: The trials of earlier calls.
    """

    def __init__(
        self, ended_trials: Iterable[Trial], again: Iterable[Trial], source: Iterable[Trial]
    ) -> None:
        self._ended = {trial.trial_id: trial for trial in ended_trials}
        self._again = deque(again)
        # Those of them that the policy has not suggested in this call. It must not be told of the
        # end of a trial that it has not suggested yet.
        self._unsuggested = {trial.trial_id: trial for trial in self._again}
        self.earlier = [*self._ended.values(), *self._again]
        self._names = TrialNames(trial.trial_id for trial in source)
        self._numbers = TrialNumbers(self.earlier)

    def policy_has_taken_over(self) -> list[Trial]:
        """Expect no suggestion of these trials any more. Return the paused ones.

        The policy suggests them when they are to go on.
        """
        self._names.continue_after(self.earlier)
        self._ended, self._unsuggested = {}, {}
        paused = [trial for trial in self._again if trial.status == Trial.PAUSED]
        self._again = deque(trial for trial in self._again if trial.status != Trial.PAUSED)
        return paused

    def next_to_run(self) -> Trial | None:
        """Return the next trial that runs again, or None if there are no more."""
        if not self._again:
            return None
        trial = self._again.popleft()
        trial.failure_reason = None
        return trial

    def is_unsuggested(self, trial: Trial) -> bool:
        """Return whether a trial runs again and the policy has not suggested it yet."""
        return trial.trial_id in self._unsuggested

    def identify(self, trial: Trial) -> Trial | None:
        """Give a suggested trial its id, and return the trial of an earlier call that it is.

        Returns:
            None if it is a new one, which then has a number.
        """
        self._names.assign(trial)
        earlier = self._unsuggested.pop(trial.trial_id, None) or self._ended.get(trial.trial_id)
        if earlier is None:
            self._numbers.assign(trial)
        return earlier

    def has_ended(self, trial: Trial) -> bool:
        """Return whether a trial ended in an earlier call."""
        return trial.trial_id in self._ended
