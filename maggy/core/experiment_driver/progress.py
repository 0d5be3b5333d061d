"""The one place that prints to the user: the bar, workers' lines, failures, and the texts around them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from maggy.core.environment.progress_board import Board
from maggy.core.messages import REMARK
from maggy.trial import Trial

__all__ = ["Progress", "announce"]

logger = logging.getLogger(__name__)


class Progress:
    """Shows how an experiment is doing. Used by the thread that called ``lagom`` only.

    The board has its figures from the beginning; the bar is drawn from :meth:`open` to :meth:`close`.

    Args:
        direction: ``"max"`` or ``"min"``: which metric is the better one.
        total: How many trials there will be; None if nobody knows.
        before: Trials that ended in an earlier run of the experiment.
        board: Is shown the same; for those who ask over the network.
    """

    def __init__(
        self, direction: str, total: int | None, before: list[Trial], board: Board | None = None
    ) -> None:
        self._direction = direction
        self._total = total
        self._board = board
        self._ended = 0
        self._best: float | None = None
        self._stopped = 0
        self._failed = 0
        self._shown: set[str] = set()
        for trial in before:
            self._count(trial)
        self._show()
        self._bar = _Bar(disable=True)  # stays when nothing can be shown

    def open(self) -> None:
        """Draw the bar."""
        with _harmless():
            self._bar = _Bar(
                total=self._total,
                initial=self._ended,
                desc="Maggy experiment",
                unit="trial",
                dynamic_ncols=True,
            )
            self._bar.figures = self._figures

    def say(self, text: str) -> None:
        """Print a line under the bar."""
        self._write(text)

    def lines(self, worker: int, lines: list[str]) -> None:
        """Print what a worker printed, with its number; a remark of the library only once, and without the number."""
        remarks = dict.fromkeys(
            line for line in lines if line.startswith(REMARK) and line not in self._shown
        )
        self._shown.update(remarks)
        printed = [
            *remarks,
            *(f"{worker}: {line}" for line in lines if not line.startswith(REMARK)),
        ]
        if printed:
            self._write("\n".join(printed))

    def trial_ended(self, trial: Trial) -> None:
        """Count a trial; show a failure's traceback, the same one only once."""
        self._count(trial)
        self._show()
        with _harmless():
            self._bar.update()
        if trial.status != Trial.ERROR:
            return
        reason, error = trial.info_dict.get("reason") or "no reason given", trial.error or ""
        self.say(f"Trial {trial.trial_id} with {trial.params!s:.1000} failed: {reason}")
        if error and error != reason and error not in self._shown:
            self._shown.add(error)
            self.say(error.rstrip())

    def close(self) -> None:
        """Leave the bar as it is."""
        with _harmless():
            self._bar.close()

    def _write(self, text: str) -> None:
        announce(text)
        if self._board is not None:
            self._board.write(text)

    def _show(self) -> None:
        if self._board is not None:
            self._board.update(
                num_trials=self._total,
                to_date=self._ended,
                stopped=self._stopped,
                metric=self._best,
            )

    def _count(self, trial: Trial) -> None:
        self._ended += 1
        self._stopped += trial.early_stop
        metric = trial.final_metric
        if metric is None:
            self._failed += trial.status == Trial.ERROR
        elif self._best is None or (
            metric > self._best if self._direction == "max" else metric < self._best
        ):
            self._best = metric

    def _figures(self) -> str | None:
        if not self._ended:
            return None
        best = "" if self._best is None else f"best={self._best:.6g}, "
        failed = f", failed={self._failed}" if self._failed else ""
        return f"{best}early stopped={self._stopped}{failed}"


class _Bar(tqdm):  # type: ignore[misc]
    """tqdm's bar without its monitor thread: we update it ourselves, and leave no thread behind.

    What stands behind the bar is asked for when it is drawn, which is ten times a second at most.
    """

    monitor_interval = 0
    figures: Callable[[], str | None] | None = None

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the bar is drawn from."""
        drawn: dict[str, Any] = super().format_dict
        return drawn if self.figures is None else {**drawn, "postfix": self.figures()}


def announce(text: str) -> None:
    """Print a text of its own, before or after the bar, or beside it from any thread."""
    with _harmless():
        try:
            tqdm.write(text)
        except UnicodeEncodeError:
            tqdm.write(text.encode("ascii", "backslashreplace").decode())
        sys.stdout.flush()  # a log or a pipe shows it now, not when its buffer is full


@contextmanager
def _harmless() -> Iterator[None]:
    """A terminal that is gone or closed costs what is shown there, never the experiment."""
    try:
        yield
    except (OSError, ValueError) as error:
        logger.debug("Nothing can be shown: %s", error)
