"""Run a worker's trials in processes of their own, and report their ends to the driver."""

from __future__ import annotations

import os
from collections.abc import Callable

from maggy.common.exhaustive import assert_never
from maggy.core.cluster import loads
from maggy.core.executors.checkpoint_runs import CheckpointRuns
from maggy.core.executors.child_process import Outcome
from maggy.core.executors.children import Children
from maggy.core.executors.process_messages import TrialFailed, TrialFinal
from maggy.core.executors.process_tree import IS_LINUX
from maggy.core.executors.session import Session
from maggy.core.executors.trial_session import PROBE_SECONDS, Answer
from maggy.core.messages import Assign, Checked

__all__ = ["ProcessExecutor", "why_not_here"]


class ProcessExecutor:
    """Run trials one after the other, each in a child process.

    Args:
        session: The worker's session. It must interrupt, stop and kill by ``children``.
        children: Runs the processes.
        checkpoints: Uploads the checkpoints of the trials.
    """

    def __init__(self, session: Session, children: Children, checkpoints: CheckpointRuns) -> None:
        self._checkpoints = checkpoints
        self._session = session
        self._children = children
        self._values: list[object] = []

    @property
    def values(self) -> list[object]:
        """What a function that is run once has returned, still pickled."""
        return self._values

    def train(self, assignment: Assign) -> Answer:
        """Run a trial and report its end; return the driver's answer."""
        session = self._session
        session.begin()
        place = self._checkpoints.begin(assignment, session.reporter)
        try:
            outcome = self._children.run(
                assignment, session.reporter, place, self._checkpoints.submit
            )
            session.function_returned()
            self._checkpoints.wait()
        finally:
            self._checkpoints.end(place)
        if outcome.answer is not None:
            # Without it the trial may run again, and return its value again.
            self._values += map(Pickled, outcome.values)
        match outcome.answer:
            case None:
                return session.failed(outcome.reason, "", died=not outcome.ended_by_us)
            case TrialFinal() as final:
                session.reporter.model_facts = final.model
                return session.final(final.metric, final.outputs, final.early, paused=final.paused)
            case TrialFailed() as failure:
                session.reporter.model_facts = failure.model
                return session.failed(
                    failure.reason, failure.traceback, failure.mistake, failure.location
                )
            case Checked():
                return session.failed("its process has checked the study instead of a trial", "")
            case _:
                return assert_never(outcome.answer)

    def check(self, probe: bool) -> Checked:
        """Try the study out, in a child too: what it imports must not reach the trials.

        A component that ends the child while it is built costs only its own trial, and ends the
        check.

        Args:
            probe: Whether to build each of the study's components, too.
        """
        session = self._session
        outcome = self._children.check(
            probe,
            session.reporter,
            lambda probing: session.begin_check(PROBE_SECONDS, probing.last_word),
        )
        match outcome.answer:
            case None if outcome.probing is not None:
                return _shorten(outcome.probing.last_word, outcome)
            case None:
                return Checked(
                    f"the study could not be tried out: {outcome.reason}", "ExperimentError"
                )
            case Checked():
                return outcome.answer
            case TrialFailed(reason=reason):
                return Checked(reason, "ExperimentError")
            case TrialFinal():
                return Checked("its process has run a trial instead of a check", "ExperimentError")
            case _:
                return assert_never(outcome.answer)


def _shorten(last_word: Checked, outcome: Outcome) -> Checked:
    """Return the outcome of a check whose child has ended while it was building a component."""
    *slow, label = last_word.slow
    if outcome.was_interrupted:  # It took too long; its trial builds it again.
        return Checked(None, "", last_word.failures, last_word.slow)
    return Checked(None, "", [*last_word.failures, (label, outcome.reason, "")], slow)


class Pickled:
    """Keep a value pickled until it is in the driver.

    It may need a framework, which this process must not load.

    Args:
        data: The pickled value.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Callable[[bytes], object], tuple[bytes]]:
        return loads, (self._data,)


def why_not_here(max_trial_memory: int | None) -> str | None:
    """Return why trials cannot have processes of their own on this machine, with the remedy.

    Args:
        max_trial_memory: Bytes that a trial may use; None for no limit.

    Returns:
        None if they can.
    """
    if not hasattr(os, "fork"):
        return (
            "isolation='process' starts each trial by fork, which this system does not have. "
            "Set isolation='worker', or run the experiment on Linux or macOS."
        )
    if max_trial_memory is not None and not IS_LINUX:
        return (
            "max_trial_memory is measured in /proc, which only Linux has. "
            "Leave max_trial_memory out, or run the experiment on Linux."
        )
    return None
