"""What keeps one trial from leaving traces for the next on the same worker: output, processes and state together."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

from maggy.core.executors.capture import StandardStreams, captured
from maggy.core.executors.forked_output import ForkedOutput
from maggy.core.executors.leftovers import Leftovers
from maggy.core.executors.mlflow_runs import end_open_runs
from maggy.core.executors.process_state import ProcessState
from maggy.core.executors.process_tree import adopt_orphans

__all__ = ["Surroundings", "isolated"]

logger = logging.getLogger(__name__)

_Argument = TypeVar("_Argument")


class Surroundings:
    """A worker's process around its trials. Made on its main thread, before the first trial.

    Example:
        >>> from maggy.core.executors.surroundings import Surroundings, isolated
        >>> with Surroundings() as surroundings, isolated(lambda line: None, surroundings=surroundings):
        ...     print("handed on, and not shown")
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.streams = StandardStreams()
        self.state = ProcessState()
        self.leftovers = Leftovers()
        self.forked_output = ForkedOutput(self.streams)

    def __enter__(self) -> Surroundings:
        """Be ready for children: for what they print, and for those whose own parent ends."""
        self.forked_output.start()
        adopt_orphans(True)
        return self

    def __exit__(self, *error: object) -> None:
        adopt_orphans(False)
        self.forked_output.close()


@contextlib.contextmanager
def isolated(
    emit: Callable[[str], None],
    *,
    tee: bool = False,
    surroundings: Surroundings | None = None,
    was_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Hand on what is printed inside; afterwards end what user code has left running and put back what it changed.

    Ended are MLflow's active runs and child processes. The user guide lists what is put back. Only for a process's
    main thread.

    Args:
        emit: Called with each line that is printed.
        tee: Also print as before.
        surroundings: The process as it was before; as it is now if None.
        was_stopped: Whether the trial was stopped from outside, so that its run in MLflow counts as killed.
    """
    if surroundings is None:
        with (
            Surroundings() as made,
            isolated(emit, tee=tee, surroundings=made, was_stopped=was_stopped),
        ):
            yield
        return
    error: BaseException | None = None
    try:
        with captured(
            emit, tee=tee, streams=surroundings.streams, relay=surroundings.forked_output
        ):
            try:
                with (
                    warnings.catch_warnings()
                ):  # which also lets each trial see a warning that an earlier one has seen
                    yield
            except BaseException as raised:
                error = raised
                raise
            finally:
                _leave_if_forked(surroundings, error)
                _attempt(end_open_runs, _status(error, was_stopped()))
                _attempt(surroundings.leftovers.end, error)
                del error
    finally:
        surroundings.state.put_back()


def _attempt(end: Callable[[_Argument], None], argument: _Argument) -> None:
    """End something; the trial is over, so what goes wrong with it is no error of the trial."""
    try:
        end(argument)
    except Exception:
        logger.warning("What the trial has left running could not be ended.", exc_info=True)


def _status(error: BaseException | None, was_stopped: bool) -> str:
    if was_stopped:
        return "KILLED"
    return "FINISHED" if error is None else "FAILED"


def _leave_if_forked(before: Surroundings, error: BaseException | None) -> None:
    """End this process if it is a child that the trial has forked, and that has come out of the function like it."""
    if os.getpid() == before.process:
        return
    if error is not None and not isinstance(error, SystemExit):
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    os._exit(0 if error is None else 1)
