"""Print to the user: the bar, lines of workers, failures. No other module prints."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from maggy.common.direction import Direction
from maggy.core.environment.progress_board import ProgressBoard
from maggy.core.experiment_driver.end_lines import EndLines
from maggy.core.messages import REMARK
from maggy.trial import Trial

__all__ = ["Progress", "announce"]

logger = logging.getLogger(__name__)


class Progress:
    """Show the progress of an experiment. Only the thread that called ``lagom`` may use it.

    The board has its figures from the beginning. The bar is drawn from :meth:`open` to
    :meth:`close`.

    Args:
        direction: The direction in which the metric improves.
        total: Number of trials of the experiment; None if it is unknown.
        earlier: Trials that have ended in an earlier call of the experiment.
        board: Holds the same figures for clients that ask over the network; None without clients.
        verbose: As in :class:`~maggy.experiment_config.CommonConfig`.
        has_trials: False for a function that runs once for its value, which is no trial to its
            user.
        clock: Returns monotonic seconds.

    Attributes:
        waiting_for: What the experiment waits for; empty if it waits for nothing.
    """

    def __init__(
        self,
        direction: str,
        total: int | None,
        earlier: list[Trial],
        board: ProgressBoard | None = None,
        *,
        verbose: int = 1,
        has_trials: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._direction = Direction.parse(direction)
        self._total = total
        self._board = board
        self._shows_output = verbose > 0
        self._shows_ends = has_trials and verbose > 0
        self._has_trials = has_trials
        self._end_lines = EndLines(clock)
        self._end_count = 0
        self._stop_count = 0
        self._failure_count = 0
        self._best: float | None = None
        self._shown_texts: set[str] = set()  # texts that are shown only once
        self.waiting_for = ""
        for trial in earlier:
            self._count(trial)
        self._update_board()
        self._bar = _Bar(disable=True)  # replaced by open(), unless nothing can be shown

    def open(self) -> None:
        """Draw the bar."""
        with _harmless():
            self._bar = _Bar(
                total=self._total,
                initial=self._end_count,
                desc="Maggy experiment",
                unit="trial",
                dynamic_ncols=True,
            )
            self._bar.figures = self._figures

    def waiting(self, text: str) -> None:
        """Take note of what the experiment waits for, for a live view; "" if for nothing."""
        self.waiting_for = text

    def say(self, text: str) -> None:
        """Print a line under the bar."""
        self._write(text)

    def lines(self, worker: int, trial: int | None, lines: list[str]) -> None:
        """Print lines of a trial. Print a remark of the library only once.

        Args:
            worker: The number of the worker, which begins each line.
            trial: The number of the trial, which follows that of the worker; None leaves it out.
            lines: The lines.
        """
        remarks = dict.fromkeys(
            line for line in lines if line.startswith(REMARK) and line not in self._shown_texts
        )
        self._shown_texts.update(remarks)
        prefix = f"{worker} #{trial}" if self._has_trials and trial is not None else str(worker)
        own_lines = [f"{prefix}: {line}" for line in lines if not line.startswith(REMARK)]
        lines_to_print = [*remarks, *(own_lines if self._shows_output else ())]
        if lines_to_print:
            self._write("\n".join(lines_to_print))

    def trial_ended(self, trial: Trial, line: str) -> None:
        """Count a trial, and print the line about it. Print the same traceback only once."""
        self._count(trial)
        self._update_board()
        with _harmless():
            self._bar.update()
        if trial.status != Trial.ERROR:
            if self._shows_ends:
                self._say_each(self._end_lines.add(line))
            return
        self._say_each([*self._end_lines.omission(), line])
        reason, error = trial.failure_reason or "no reason given", trial.error or ""
        if error and error != reason and error not in self._shown_texts:
            self._shown_texts.add(error)
            self.say(error.rstrip())

    def _say_each(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.say(line)

    def close(self) -> None:
        """Stop drawing the bar, which stays as it is."""
        self._say_each(self._end_lines.omission())
        with _harmless():
            self._bar.close()

    def _write(self, text: str) -> None:
        announce(text)
        if self._board is not None:
            self._board.write(text)

    def _update_board(self) -> None:
        if self._board is not None:
            self._board.update(
                num_trials=self._total,
                num_ended=self._end_count,
                num_stopped=self._stop_count,
                best_metric=self._best,
            )

    def _count(self, trial: Trial) -> None:
        self._end_count += 1
        self._stop_count += trial.early_stop
        metric = trial.final_metric
        if metric is None:
            self._failure_count += trial.status == Trial.ERROR
        elif self._best is None or self._direction.is_better(metric, than=self._best):
            self._best = metric

    def _figures(self) -> str | None:
        if not self._end_count:
            return None
        best = "" if self._best is None else f"best={self._best:.6g}, "
        failures = f", failed={self._failure_count}" if self._failure_count else ""
        return f"{best}early stopped={self._stop_count}{failures}"


class _Bar(tqdm):  # type: ignore[misc]
    """The bar of tqdm without its monitor thread, which would stay behind.

    The text behind the bar is made when the bar is drawn, which is at most ten times a second.
    """

    monitor_interval = 0
    figures: Callable[[], str | None] | None = None

    @property
    def format_dict(self) -> dict[str, Any]:
        """Return the values from which tqdm draws the bar."""
        values: dict[str, Any] = super().format_dict
        return values if self.figures is None else {**values, "postfix": self.figures()}


def announce(text: str) -> None:
    """Print a text above the bar. May be called from any thread, and when there is no bar."""
    with _harmless():
        try:
            tqdm.write(text)
        except UnicodeEncodeError:
            tqdm.write(text.encode("ascii", "backslashreplace").decode())
        sys.stdout.flush()  # a log file or a pipe shows the text now


@contextmanager
def _harmless() -> Iterator[None]:
    """Ignore errors of a terminal that is gone: they must not end the experiment."""
    try:
        yield
    except (OSError, ValueError) as error:
        logger.debug("Nothing can be shown: %s", error)
