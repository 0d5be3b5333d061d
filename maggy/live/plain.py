"""Draw an experiment as lines of text, for output that is no terminal."""

from __future__ import annotations

from collections.abc import Callable

from maggy.common.credentials import without_credentials
from maggy.common.terminal_text import terminal_line, terminal_text
from maggy.live.cells import count_text, seconds_text, value_text
from maggy.live.snapshot import Snapshot
from maggy.live.view import View

__all__ = ["PlainView", "progress_text"]


class PlainView(View):
    """Write a line when something has changed, and none twice.

    Args:
        write: Takes one or several lines without the last line end.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._facts: tuple[object, ...] | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Write how far the experiment is, if that has changed."""
        if self._facts is None:
            name = f" {snapshot.name!r}" if snapshot.name else ""
            self.say(f"Experiment{name} in {without_credentials(snapshot.directory)}")
        # Times change with every snapshot, so they are not compared.
        facts = (snapshot.state, snapshot.num_ended, bool(snapshot.running), snapshot.waiting_for)
        if facts != self._facts:
            self._facts = facts
            self.say(progress_text(snapshot))

    def say(self, text: str) -> None:
        """Write lines."""
        self._write(terminal_text(text))

    def close(self, snapshot: Snapshot) -> None:
        """Write how far the experiment is, if that has changed."""
        self.show(snapshot)


def progress_text(snapshot: Snapshot) -> str:
    """Return how far an experiment is, in one line.

    Example:
        >>> snapshot = Snapshot("demo", "a_1", "/a_1", "optimization", "RUNNING", "max", "loss", 20)
        >>> progress_text(snapshot)
        'RUNNING: 0 of 20 trials'
    """
    if snapshot.waiting_for:
        return f"{snapshot.state}: {terminal_line(snapshot.waiting_for)}"
    if snapshot.kind == "single":
        return f"{snapshot.state}: one call of a function{_time_text(snapshot)}"
    running = f"; {len(snapshot.running):,} running" if snapshot.running else ""
    return (
        f"{snapshot.state}: {count_text(snapshot)}{running}{_best_text(snapshot)}"
        f"{_time_text(snapshot)}"
    )


def _best_text(snapshot: Snapshot) -> str:
    metric = snapshot.best[0]["metric"] if snapshot.best else None
    name = terminal_line(snapshot.optimization_key)
    return "" if metric is None else f"; best {name}={value_text(metric)}"


def _time_text(snapshot: Snapshot) -> str:
    if snapshot.state != "RUNNING":
        return f"; {seconds_text(snapshot.seconds)}" if snapshot.seconds else ""
    # The first trials may all have failed at once. Then nobody believes the estimate.
    if (snapshot.remaining_seconds or 0.0) < 1:
        return ""
    return f"; about {seconds_text(snapshot.remaining_seconds)} left"
