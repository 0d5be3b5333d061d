"""React to a failed Spark job: start another one, wait, or give up. Pure decisions."""

from __future__ import annotations

from maggy.core.experiment_driver.instructions import GivenUp, Instruction, Launch

__all__ = ["JobFailures"]

MAX_JOBS_WITHOUT_TRIAL = 3
"""Number of failed Spark jobs in a row, none of which was assigned a trial, that end the
experiment."""


class JobFailures:
    """Count failed jobs in a row that were assigned no trial, and park places that keep failing."""

    def __init__(self) -> None:
        self._jobs_without_trial = 0
        self._parked_places: list[int] = []

    def job_failed(
        self, partitions: list[int], error: str | None, *, had_trial: bool, others_live: bool
    ) -> list[Instruction]:
        """React to a job that ended too early.

        Args:
            partitions: The partitions of the job.
            error: Why it ended; None if Spark gave no reason.
            had_trial: One of its workers was assigned a trial.
            others_live: Workers of other jobs still live.
        """
        self._jobs_without_trial = 0 if had_trial else self._jobs_without_trial + 1
        if self._jobs_without_trial < MAX_JOBS_WITHOUT_TRIAL:
            return [Launch(partitions)]
        if others_live:
            # These places are tried again as soon as another worker is assigned a trial.
            self._parked_places += partitions
            return []
        reason = error or "the tasks ended before they were told to"
        return [
            GivenUp(
                f"{self._jobs_without_trial} Spark jobs in a row ended without running a trial: "
                f"{reason}"
            )
        ]

    def trial_began(self) -> list[int]:
        """Reset the count, since a trial was assigned, and return the parked places."""
        places = self._parked_places
        self._parked_places, self._jobs_without_trial = [], 0
        return places
