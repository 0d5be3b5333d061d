"""Keep a trial from leaving traces for the next one: output, processes and settings."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

from maggy.core.executors.capture import StandardStreams, capture_output
from maggy.core.executors.forked_output import ForkedOutput
from maggy.core.executors.leftovers import Leftovers
from maggy.core.executors.mlflow_runs import end_open_runs
from maggy.core.executors.process_snapshot import ProcessSnapshot
from maggy.core.executors.process_tree import adopt_orphans

__all__ = ["ProcessState", "isolate"]

logger = logging.getLogger(__name__)

Argument = TypeVar("Argument")


class ProcessState:
    """Remember what a worker's process is like before its trials: streams, settings, processes.

    Make it on the process's main thread, before the first trial.

    Example:
        >>> from maggy.core.executors.process_state import ProcessState, isolate
        >>> with ProcessState() as state, isolate(lambda line: None, state=state):
        ...     print("handed on, and not shown")

    Attributes:
        process: The process's id. A child that a trial forks has another one.
        streams: The standard streams.
        snapshot: The settings.
        leftovers: The processes that exist already.
        forked_output: Brings what forked children print.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.streams = StandardStreams()
        self.snapshot = ProcessSnapshot()
        self.leftovers = Leftovers()
        self.forked_output = ForkedOutput(self.streams)

    def __enter__(self) -> ProcessState:
        """Prepare for children: for what they print, and for those whose own parent ends."""
        self.forked_output.start()
        adopt_orphans()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Handle children as any other process does."""
        adopt_orphans(False)
        self.forked_output.close()


@contextlib.contextmanager
def isolate(
    emit: Callable[[str], None],
    *,
    tee: bool = False,
    state: ProcessState | None = None,
    was_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Hand on what is printed inside; afterwards clean up what user code leaves.

    It ends MLflow's active runs and child processes, and restores the settings that the user guide
    lists. Belongs to the process's main thread.

    Args:
        emit: Called with each line that is printed.
        tee: Whether to print as before, too.
        state: What the process was like before; None for what it is like now.
        was_stopped: Returns whether the trial was stopped from outside: then its run in MLflow
            counts as killed.
    """
    if state is None:
        with (
            ProcessState() as current,
            isolate(emit, tee=tee, state=current, was_stopped=was_stopped),
        ):
            yield
        return
    error: BaseException | None = None
    try:
        with capture_output(emit, tee=tee, streams=state.streams, relay=state.forked_output):
            try:
                # This also lets each trial see a warning that an earlier one has seen.
                with warnings.catch_warnings():
                    yield
            except BaseException as exception:
                error = exception
                raise
            finally:
                _leave_if_forked(state, error)
                _attempt(end_open_runs, _status(error, was_stopped()))
                # While output is captured: these processes may still print when they end.
                _attempt(state.leftovers.end, error)
                # The frame of this function must not keep the error, and so the trial's objects.
                del error
    finally:
        state.snapshot.restore()


def _attempt(end: Callable[[Argument], None], argument: Argument) -> None:
    """End something. The trial is over, so a failure here is no error of the trial."""
    try:
        end(argument)
    except Exception:
        logger.warning("Maggy could not end what the trial has left running.", exc_info=True)


def _status(error: BaseException | None, was_stopped: bool) -> str:
    if was_stopped:
        return "KILLED"
    return "FINISHED" if error is None else "FAILED"


def _leave_if_forked(state: ProcessState, error: BaseException | None) -> None:
    """End this process if it is a child that the trial forked, and that left the function."""
    if os.getpid() == state.process:
        return
    if error is not None and not isinstance(error, SystemExit):
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    os._exit(0 if error is None else 1)
