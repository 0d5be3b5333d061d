"""Watch a recorded experiment while it runs: ``maggy.watch(directory_or_id)``."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from maggy.common.credentials import without_secrets_of
from maggy.common.exceptions import BadArgumentsError, ExperimentNotFoundError
from maggy.common.files import is_url
from maggy.common.terminal_text import terminal_line
from maggy.core.experiment_driver.end_lines import EndLines
from maggy.core.experiment_driver.progress import announce
from maggy.live.choice import choose_view
from maggy.live.follower import Follower, Look
from maggy.live.plain import PlainView
from maggy.live.view import View
from maggy.loading import locate
from maggy.result import ExperimentResult
from maggy.result.opening import result_of
from maggy.result.trial_lines import end_line

__all__ = ["Watching", "follow", "make_view", "open_follower", "watch"]

DISK_SECONDS = 2.0
"""Seconds between two looks at records on a disk, if a look takes at most a tenth of it."""
MAX_DISK_SECONDS = 5.0
"""Seconds between two looks at records on a disk, however long a look takes."""
STORE_SECONDS = 30.0
"""Seconds between two looks at records behind a URL."""
MIN_SECONDS = 0.05
MAX_SECONDS = 86_400.0
PATIENCE_SECONDS = 600.0
"""When a store has refused for so long, its error ends the watching."""
_MAX_REASON = 200


def watch(
    experiment: str | os.PathLike[str],
    *,
    log_dir: str | os.PathLike[str] | None = None,
    interval: float | None = None,
) -> ExperimentResult:
    """Show a recorded experiment while it runs, until it has ended.

    In a notebook it shows the panel, in a terminal a live view, and elsewhere lines. It needs
    neither Spark nor the code of the experiment. It changes nothing on disk, and a directory is
    data: see :func:`maggy.load`. An interrupt (Ctrl-C, or the notebook's stop button) ends only
    the watching.

    An experiment that has ended is shown once. One that is killed is seen to be so at once if its
    driver ran on this machine, otherwise after 60 seconds without a sign of life.

    Args:
        experiment: The id of the experiment (``<application>_<run>``), or its directory: a path or
            an fsspec URL.
        log_dir: The directory in which an id is looked up; otherwise ``$MAGGY_LOG_DIR``, otherwise
            ``./Experiments``.
        interval: Seconds between two looks, from 0.05 to 86400; None for 2 to 5 seconds on a disk,
            and 30 seconds on a remote store.

    Returns:
        The result as :func:`maggy.load` returns it. After an interrupt it covers the trials that
        have ended so far.

    Raises:
        BadArgumentsError: If the experiment is no path, URL or id, or the interval is no such
            number.
        ExperimentNotFoundError: If there is no such experiment, or its directory is removed while
            it is watched. It is a ``FileNotFoundError``.

    Example:
        >>> import maggy
        >>> result = maggy.watch("local-1795679146_1")  # doctest: +SKIP
        >>> result.state  # doctest: +SKIP
        'FINISHED'
    """
    follower = open_follower(experiment, log_dir=log_dir)
    watching = Watching(follow(follower, interval), make_view(announce), follower)
    try:
        watching.run()
    except KeyboardInterrupt:
        if watching.last is None:
            raise
    assert watching.last is not None
    return result_of(watching.last.experiment)


def open_follower(
    experiment: str | os.PathLike[str], *, log_dir: str | os.PathLike[str] | None = None
) -> Follower:
    """Return what looks at an experiment. The arguments and errors are those of :func:`watch`."""
    return Follower(*locate(experiment, log_dir=log_dir))


def follow(
    follower: Follower,
    interval: float | None = None,
    *,
    wait: Callable[[float], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Look]:
    """Return looks at an experiment, one after the other, up to the one that finds it ended.

    If the store refuses after the first look, the look before is repeated with the reason.

    Args:
        follower: Looks at the experiment.
        interval: Seconds between two looks; None for what suits the store.
        wait: Wait for a number of seconds; None for a wait that an interrupt ends.
        clock: Return monotonic seconds.

    Raises:
        BadArgumentsError: If the interval is no number from 0.05 to 86400.
    """
    _check_interval(interval)
    return _follow(follower, interval, wait or _wait, clock)


def _follow(
    follower: Follower,
    interval: float | None,
    wait: Callable[[float], object],
    clock: Callable[[], float],
) -> Iterator[Look]:
    look: Look | None = None
    success = clock()
    while True:
        start = clock()
        try:
            look = follower.look()
            success = clock()
        except ExperimentNotFoundError:
            raise
        except Exception as error:  # the libraries of stores have errors of their own
            if look is None or start - success > PATIENCE_SECONDS:
                raise
            look = _repeat(look, error)
        yield look
        if look.is_last:
            return
        wait(interval or _pause(follower.directory, clock() - start))


class Watching:
    """Draw looks at an experiment in a view.

    Args:
        looks: The looks.
        view: Draws them.
        follower: Makes the looks. It reads the output of trials only if the view shows it.
        clock: Return monotonic seconds.

    Attributes:
        last: The last look; None before the first one.
    """

    def __init__(
        self,
        looks: Iterator[Look],
        view: View,
        follower: Follower,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.last: Look | None = None
        self._looks = looks
        self._view = view
        self._end_lines = EndLines(clock)
        follower.has_output = view.shows_output

    def run(self) -> None:
        """Draw the looks, and leave the last one when they end, also by an interrupt."""
        try:
            for look in self._looks:
                is_first, self.last = self.last is None, look
                # A view begins with what it is about. Later its lines come before how far it is.
                steps = (self._say, self._show)
                for step in reversed(steps) if is_first else steps:
                    step(look)
        finally:
            if self.last is not None:
                self._view.close(self.last.snapshot)

    def _show(self, look: Look) -> None:
        self._view.show(look.snapshot)

    def _say(self, look: Look) -> None:
        """Print what the view does not show."""
        lines = [*look.problems]
        if not self._view.shows_output and look.snapshot.kind != "single":
            key = look.snapshot.optimization_key
            for trial in look.new_ends:
                lines += self._end_lines.add(end_line(trial, key))
            lines += self._end_lines.omission()
        if lines:
            self._view.say("\n".join(map(terminal_line, lines)))


def make_view(write: Callable[[str], None]) -> View:
    """Return the view that suits where this process writes.

    Args:
        write: Takes lines where neither a notebook nor a terminal shows them.
    """
    return choose_view() or PlainView(write)


def _repeat(look: Look, error: Exception) -> Look:
    """Return a look with the reason why there is no new one."""
    text = without_secrets_of(look.snapshot.directory, str(error))
    reason = terminal_line(f"{type(error).__name__}: {text}")[:_MAX_REASON]
    snapshot = replace(look.snapshot, waiting_for=f"Waiting for the records ({reason})")
    return replace(look, snapshot=snapshot, new_ends=[], problems=[])


def _wait(seconds: float) -> None:
    """Wait until the time is over, or an interrupt comes.

    An interrupt at the wrong moment makes ``threading.Event.wait`` raise a RuntimeError about its
    own lock in place of the KeyboardInterrupt. A bare lock has nothing to tidy up.
    """
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=seconds)


def _pause(directory: str, look_seconds: float) -> float:
    if is_url(directory):
        return STORE_SECONDS
    return min(max(DISK_SECONDS, 10 * look_seconds), MAX_DISK_SECONDS)


def _check_interval(interval: float | None) -> None:
    is_number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    if interval is None or (is_number and MIN_SECONDS <= interval <= MAX_SECONDS):
        return
    raise BadArgumentsError(
        f"interval must be a number of seconds from {MIN_SECONDS} to {MAX_SECONDS:g}, but got "
        f"{interval!r:.80}."
    )
