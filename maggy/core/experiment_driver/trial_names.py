"""Give suggested trials their ids: a suffix tells equal configurations apart."""

from __future__ import annotations

from collections.abc import Iterable

from maggy.common.exceptions import ExperimentError
from maggy.trial import MAX_ID_BYTES, Trial, is_directory_name

__all__ = ["TrialNames", "check_suggestion"]


class TrialNames:
    """Give the second trial with a configuration the suffix ``_2``, the third ``_3``, and so on.

    Args:
        ids: The ids that no trial may get.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._counts: dict[str, int] = {}
        self._ids = set(ids)

    def assign(self, trial: Trial) -> None:
        """Give a new trial its final id."""
        base = trial.trial_id
        number = self._counts.get(base, 0) + 1
        # A policy may have numbered its trials itself, as an ablation does with repeats.
        while (trial_id := base if number == 1 else f"{base}_{number}") in self._ids:
            number += 1
        self._counts[base] = number
        self._ids.add(trial_id)
        trial.trial_id = trial_id

    def continue_after(self, trials: Iterable[Trial]) -> None:
        """Continue the numbering of recorded trials."""
        for trial in trials:
            self._ids.add(trial.trial_id)
            base, _, suffix = trial.trial_id.partition("_")
            number = int(suffix) if suffix.isdigit() else 1
            self._counts[base] = max(self._counts.get(base, 0), number)


def check_suggestion(suggestion: object, policy_name: str) -> Trial:
    """Return the suggestion of a policy if it is a new trial with a valid id.

    Args:
        suggestion: What the policy has returned.
        policy_name: The name of the optimizer or ablator, for the error.

    Raises:
        ExperimentError: If it is anything else.
    """
    if not isinstance(suggestion, Trial):
        raise ExperimentError(
            f"{policy_name} must suggest a Trial, None or 'IDLE', but got "
            f"{type(suggestion).__name__}: {suggestion!r:.80}."
        )
    if suggestion.status != Trial.PENDING:
        raise ExperimentError(
            f"{policy_name} must suggest a new Trial each time, but suggested "
            f"{suggestion.trial_id} again. Make one with Trial(dict(trial.params)): equal "
            "parameters may be tried again."
        )
    if not is_directory_name(suggestion.trial_id):
        raise ExperimentError(
            f"{policy_name} must suggest trials whose trial_id is a plain file name, since their "
            f"records are in a directory of that name, but got {suggestion.trial_id!r:.80}. Leave "
            f"the id that Trial makes, or use at most {MAX_ID_BYTES} letters, digits, '-' and '_'."
        )
    return suggestion
