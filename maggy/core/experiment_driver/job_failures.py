"""What to do when a Spark job fails: start another, wait until the rest gets somewhere, or give up. It only decides."""

from __future__ import annotations

from maggy.core.experiment_driver.instructions import GivenUp, Instruction, Launch

__all__ = ["JobFailures"]

BARREN_JOBS_LIMIT = 3
"""So many failed Spark jobs in a row that were assigned no trial end the experiment."""


class JobFailures:
    """Counts failed jobs in a row that ran nothing, and keeps the places whose jobs are not started again at once."""

    def __init__(self) -> None:
        self._barren = 0
        self._parked: list[int] = []

    def job_failed(
        self, partitions: list[int], error: str | None, served: bool, others_live: bool
    ) -> list[Instruction]:
        """A job is over too early.

        Args:
            partitions: Its places.
            error: Why, if Spark said so.
            served: One of its workers was given a trial.
            others_live: Workers of other jobs go on.
        """
        self._barren = 0 if served else self._barren + 1
        if self._barren < BARREN_JOBS_LIMIT:
            return [Launch(partitions)]
        if others_live:  # these places are tried again once the others get somewhere
            self._parked += partitions
            return []
        reason = error or "the tasks ended before they were told to"
        return [
            GivenUp(f"{self._barren} Spark jobs in a row ended without running a trial: {reason}")
        ]

    def progress(self) -> list[int]:
        """A trial was assigned; returns the places to try again."""
        parked, self._parked, self._barren = self._parked, [], 0
        return parked
