"""Remember the trials of a recorded experiment, so that each look at it reads only what is new."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice

from maggy.common.types import Json
from maggy.records.reading import NumberedTrial, sort_by_end
from maggy.trial import Trial

__all__ = ["MAX_RECHECKS", "TrialMemory"]

MAX_RECHECKS = 50
"""Maximum number of failed trials, and of damaged records, that a look reads again."""
_FILE = re.compile(r"events\.out\..+|.+\.(json|(jsonl|log)(\.\d{6,18})?)", re.DOTALL | re.ASCII)


class TrialMemory:
    """The trials that earlier looks at one experiment have read.

    The record of an ended trial stays as it is, with one exception: a resumed experiment may run
    trials again that failed in an earlier call. Those are read again, a few at each look in turn,
    and so are damaged records.

    Attributes:
        beginnings: The parameters, by id, of the trials that have begun and not ended.
        problems: A sentence for each damaged record, by the name of its directory.
    """

    def __init__(self) -> None:
        self.beginnings: dict[str, dict[str, Json]] = {}
        self.problems: dict[str, str] = {}
        self._trials: dict[str, NumberedTrial] = {}  # those that were read last come last
        self._other_files: set[str] = set()
        self._running: set[str] = set()  # at the last look

    @property
    def trials(self) -> list[Trial]:
        """The trials that have ended, in that order."""
        # By name first, so that the order depends on nothing but the records.
        return sort_by_end([self._trials[name] for name in sorted(self._trials)])

    def names_to_read(
        self,
        names: Collection[str],
        *,
        call_start: float | None,
        running: Iterable[str],
        is_over: bool,
    ) -> list[str]:
        """Return those of the names in the directory of the experiment that a look must read.

        What is no longer there is forgotten.

        Args:
            names: The names in the directory.
            call_start: When the last call of the experiment began, in seconds since the epoch; None
                if it is unknown.
            running: The ids of the trials that run, as far as they are recorded. An earlier end of
                such a trial is read again, also at the look after this one.
            is_over: The experiment has ended. Then everything is read that may have changed.
        """
        present = set(names)
        for records in (self._trials, self.beginnings, self.problems):
            for name in records.keys() - present:
                del records[name]
        limit = None if is_over else MAX_RECHECKS
        failed = (
            name
            for name, (_, trial) in self._trials.items()
            if trial.status == Trial.ERROR and _began_before(trial, call_start)
        )
        before, self._running = self._running, set(running)
        again = {*islice(failed, limit), *islice(self.problems, limit), *before, *self._running}
        earlier_names = self._trials.keys() | self.problems.keys() | self._other_files
        return [name for name in names if name not in earlier_names or name in again]

    def keep(self, name: str, trial: NumberedTrial) -> None:
        """Keep the trial that has ended in the directory of this name."""
        self.forget(name)
        self._trials[name] = trial
        self.beginnings.pop(name, None)

    def keep_problem(self, name: str, problem: str) -> None:
        """Keep the sentence about the damaged record in the directory of this name."""
        self.forget(name)
        self.problems[name] = problem

    def forget(self, name: str) -> None:
        """Forget what was recorded in the directory of this name, since it is no longer there."""
        self._trials.pop(name, None)
        self.problems.pop(name, None)

    def skip(self, name: str) -> None:
        """Do not look again for a trial in a file of the experiment, such as ``maggy.log``."""
        if _FILE.fullmatch(name):
            self._other_files.add(name)


def _began_before(trial: Trial, call_start: float | None) -> bool:
    return call_start is None or trial.start is None or trial.start < call_start
