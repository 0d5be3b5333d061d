"""Choose the lines of output that the user sees. All lines are recorded elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maggy.common.credentials import without_credentials

__all__ = ["ShownLines"]

LINES_PER_SECOND = 200
LINES_PER_TRIAL = 10_000
LINE_LENGTH = 1000
"""A line counts once more for each of these characters."""
SHOWN_LENGTH = 16 * LINE_LENGTH
"""Maximum number of characters of a line that are shown."""
MOST_WAITING = 100
"""While more texts than this wait to be shown, further lines are left out."""


@dataclass(slots=True)
class _Output:
    """The output of a running trial.

    Attributes:
        shown_count: Number of lines that were shown.
        left_out: Number of lines that were left out since the last shown one.
        is_over: The trial has shown as many lines as it may.
    """

    shown_count: int = 0
    left_out: int = 0
    is_over: bool = False


class ShownLines:
    """Choose the lines that are shown: 200 a second over all trials, and 10,000 of each trial.

    Where lines are left out, one line says how many, and in which file they are. A very long line
    is shortened with a note. The memory in use does not grow with the output.

    Args:
        directory_of: Returns the directory of a trial's records by its id.
    """

    def __init__(self, directory_of: Callable[[str], str]) -> None:
        self._directory_of = directory_of
        self._outputs: dict[str, _Output] = {}
        self._allowance = float(LINES_PER_SECOND)
        self._now = 0.0

    def admit(self, trial_id: str, lines: list[str], now: float, waiting: int = 0) -> list[str]:
        """Return the lines to show now: some of a trial's new lines, and lines about omissions.

        Args:
            trial_id: The trial that printed them.
            lines: The lines that it printed since the last call.
            now: The time in monotonic seconds.
            waiting: Number of texts that wait to be shown, because the terminal is slow.
        """
        if not lines:
            return []
        earnings = max(0.0, now - self._now) * LINES_PER_SECOND
        self._allowance = min(LINES_PER_SECOND, self._allowance + earnings)
        self._now = now
        output = self._outputs.setdefault(trial_id, _Output())
        if waiting > MOST_WAITING:
            output.left_out += len(lines)
            return []
        chosen_lines: list[str] = []
        for number, whole_line in enumerate(lines):
            notice = [self._notice(output.left_out, trial_id)] if output.left_out else []
            line = self._shorten(whole_line, trial_id)
            cost = 1 + len(line) // LINE_LENGTH
            exceeds_limit = output.shown_count + cost > LINES_PER_TRIAL
            if exceeds_limit or cost + len(notice) > self._allowance:
                if exceeds_limit and not output.is_over:
                    output.is_over = True
                    chosen_lines.append(self._last_notice(trial_id))
                output.left_out += len(lines) - number
                break
            output.left_out = 0
            output.shown_count += cost
            self._allowance -= cost + len(notice)
            chosen_lines += [*notice, line]
        return chosen_lines

    def ended(self, trial_id: str) -> str | None:
        """Forget a trial. Return a line about omissions at its end, or None if there are none."""
        output = self._outputs.pop(trial_id, None)
        if output is None or not output.left_out:
            return None
        return self._notice(output.left_out, trial_id)

    def _notice(self, count: int, trial_id: str) -> str:
        lines = "1 line" if count == 1 else f"{count:,} lines"
        return (
            f"--- {lines} of trial {trial_id} left out here; all are in {self._file(trial_id)} ---"
        )

    def _shorten(self, line: str, trial_id: str) -> str:
        if len(line) <= SHOWN_LENGTH:
            return line
        return (
            f"{line[:SHOWN_LENGTH]} --- {len(line) - SHOWN_LENGTH:,} characters left out here; all "
            f"are in {self._file(trial_id)} ---"
        )

    def _last_notice(self, trial_id: str) -> str:
        return (
            f"--- trial {trial_id} has printed {LINES_PER_TRIAL:,} lines; what else it prints is "
            f"not shown here, but is in {self._file(trial_id)} ---"
        )

    def _file(self, trial_id: str) -> str:
        return f"{without_credentials(self._directory_of(trial_id)).rstrip('/')}/output.log"
