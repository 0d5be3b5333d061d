"""Which of the lines that trials print are shown to the user. All are recorded elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ShownLines"]

LINES_PER_SECOND = 200
LINES_PER_TRIAL = 10_000
LINE_LENGTH = 1000
"""A longer line counts as several."""
MOST_WAITING = 100
"""While more texts wait to be shown, no further line is."""


@dataclass(slots=True)
class _Output:
    """What a running trial has printed: how many lines were shown, how many left out since, and
    whether it has shown all that it may."""

    shown: int = 0
    left_out: int = 0
    is_over: bool = False


class ShownLines:
    """Picks the lines that are shown: 200 a second over all trials, and 10,000 of each trial.

    Where lines are left out, a line says how many, and where they are. Memory does not grow with
    the output.

    Args:
        directory_of: Given a trial's id, returns the directory of its records.
    """

    def __init__(self, directory_of: Callable[[str], str]) -> None:
        self._directory_of = directory_of
        self._outputs: dict[str, _Output] = {}
        self._allowance = float(LINES_PER_SECOND)
        self._now = 0.0

    def admit(self, trial_id: str, lines: list[str], now: float, waiting: int = 0) -> list[str]:
        """Return those of a trial's next lines that are shown now.

        Args:
            trial_id: The trial that printed them.
            lines: What it printed since the last call.
            now: Monotonic seconds.
            waiting: How many texts wait to be shown already, because the terminal is slow.
        """
        if not lines:
            return []
        earned = max(0.0, now - self._now) * LINES_PER_SECOND
        self._allowance = min(LINES_PER_SECOND, self._allowance + earned)
        self._now = now
        output = self._outputs.setdefault(trial_id, _Output())
        if waiting > MOST_WAITING:
            output.left_out += len(lines)
            return []
        shown: list[str] = []
        for number, line in enumerate(lines):
            notice = [self._notice(output.left_out, trial_id)] if output.left_out else []
            cost = 1 + len(line) // LINE_LENGTH
            over = output.shown + cost > LINES_PER_TRIAL
            if over or cost + len(notice) > self._allowance:
                if over and not output.is_over:
                    output.is_over = True
                    shown.append(self._last_notice(trial_id))
                output.left_out += len(lines) - number
                break
            output.left_out = 0
            output.shown += cost
            self._allowance -= cost + len(notice)
            shown += [*notice, line]
        return shown

    def ended(self, trial_id: str) -> str | None:
        """Forget a trial; return what is to be said about lines that were left out at its end."""
        output = self._outputs.pop(trial_id, None)
        if output is None or not output.left_out:
            return None
        return self._notice(output.left_out, trial_id)

    def _notice(self, count: int, trial_id: str) -> str:
        lines = "1 line" if count == 1 else f"{count:,} lines"
        return (
            f"--- {lines} of trial {trial_id} left out here; all are in {self._file(trial_id)} ---"
        )

    def _last_notice(self, trial_id: str) -> str:
        return (
            f"--- trial {trial_id} has printed {LINES_PER_TRIAL:,} lines; what else it prints is not "
            f"shown here, but is in {self._file(trial_id)} ---"
        )

    def _file(self, trial_id: str) -> str:
        return f"{self._directory_of(trial_id).rstrip('/')}/output.log"
