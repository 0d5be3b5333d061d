"""Show the progress: a view or the bar, lines of workers, failures. No other module prints."""

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
from maggy.core.experiment_driver.display import Display
from maggy.core.experiment_driver.end_lines import EndLines
from maggy.core.messages import REMARK
from maggy.trial import Trial

__all__ = ["Progress", "announce"]

logger = logging.getLogger(__name__)


class Progress:
    """Show the progress of an experiment. Only the thread that called ``lagom`` may use it.

    The board has its figures from the beginning. The display is drawn from :meth:`open` to
    :meth:`close`. Without one, or when it fails, there is a bar and printed lines.

    Args:
        direction: The direction in which the metric improves.
        total: Number of trials of the experiment; None if it is unknown.
        earlier: Trials that have ended in an earlier call of the experiment.
        board: Holds the same figures for clients that ask over the network; None without clients.
        verbose: As in :class:`~maggy.experiment_config.CommonConfig`.
        has_trials: False for a function that runs once for its value, which is no trial to its
            user.
        display: Draws the experiment; None for the bar.
        clock: Returns monotonic seconds.
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
        display: Display | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._direction = Direction.parse(direction)
        self._total = total
        self._board = board
        self._shows_output = verbose > 0
        self._shows_ends = has_trials and verbose > 0
        self._has_trials = has_trials
        self._display = display
        self._end_lines = EndLines(clock)
        self._end_count = 0
        self._stop_count = 0
        self._failure_count = 0
        self._best: float | None = None
        self._shown_texts: set[str] = set()  # texts that are shown only once
        for trial in earlier:
            self._count(trial)
        self._update_board()
        self._bar = _Bar(disable=True)  # replaced by open(), unless nothing can be shown

    def open(self) -> None:
        """Draw the experiment for the first time."""
        if self._display is None:
            self._open_bar()
        else:
            self._display.open()
            self._replace_failed_display()

    def next_drawing(self) -> float | None:
        """Return when to call :meth:`draw_if_due`, in monotonic seconds; None if nothing is new.

        The bar draws itself.
        """
        return None if self._display is None else self._display.next_drawing()

    def draw_if_due(self) -> None:
        """Draw what is new, if the last drawing is long enough ago."""
        if self._display is not None:
            self._display.draw_if_due()
            self._replace_failed_display()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._write(text)

    def say_unless_shown(self, text: str, trial_id: str | None = None) -> None:
        """Print a line, unless the view shows itself what the line says.

        Args:
            text: The line.
            trial_id: The trial among whose output the view shows the line; None if it need not.
        """
        if self._display is None or not self._display.shows_output:
            self._write(text)
            return
        if trial_id is not None:
            self._display.live.add_output(trial_id, [text])
        self._write_to_board(text)

    def lines(self, worker: int, trial: int | None, lines: list[str], trial_id: str = "") -> None:
        """Show lines of a trial. Print a remark of the library only once.

        Args:
            worker: The number of the worker, which begins each line.
            trial: The number of the trial, which follows that of the worker; None leaves it out.
            lines: The lines.
            trial_id: The id of the trial, for a view that shows the output itself.
        """
        remarks = dict.fromkeys(
            line for line in lines if line.startswith(REMARK) and line not in self._shown_texts
        )
        self._shown_texts.update(remarks)
        prefix = f"{worker} #{trial}" if self._has_trials and trial is not None else str(worker)
        own_lines = [line for line in lines if not line.startswith(REMARK)]
        text = "\n".join(f"{prefix}: {line}" for line in own_lines if self._shows_output)
        if text and self._display is not None and self._display.shows_output:
            self._display.live.add_output(trial_id, own_lines)
            self._write_to_board(text)
            text = ""
        if remarks or text:
            self._write("\n".join([*remarks, *([text] if text else ())]))

    def trial_ended(self, trial: Trial, line: str) -> None:
        """Count a trial, and print the line about it. Print the same traceback only once."""
        self._count(trial)
        self._update_board()
        if self._display is None:
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
            self.say_unless_shown(error.rstrip())

    def _say_each(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.say_unless_shown(line)

    def close(self, state: str = "FINISHED") -> None:
        """Stop drawing. What is drawn stays as it is. Closing again is harmless.

        Args:
            state: How the experiment has ended: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        """
        self._say_each(self._end_lines.omission())
        if self._display is not None:
            display, self._display = self._display, None
            display.close("FAILED" if self._has_only_failures() else state)
            for text in display.take_texts():
                announce(text)
        with _harmless():
            self._bar.close()

    def _open_bar(self) -> None:
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
        """Let a view show what the experiment waits for; an empty text if it waits for nothing."""
        if self._display is not None:
            self._display.live.wait_for(text)

    def _replace_failed_display(self) -> None:
        """Go on with the bar and printed lines if the view has raised an exception."""
        if self._display is not None and self._display.has_failed:
            texts, self._display = self._display.take_texts(), None
            self._open_bar()
            for text in texts:
                announce(text)

    def _has_only_failures(self) -> bool:
        return self._has_trials and 0 < self._end_count == self._failure_count

    def _write(self, text: str) -> None:
        if self._display is None:
            announce(text)
        else:
            self._display.say(text)
        self._write_to_board(text)

    def _write_to_board(self, text: str) -> None:
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
