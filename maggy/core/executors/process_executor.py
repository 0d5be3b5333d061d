"""A worker's trials in processes of their own: what each has come to is reported over the worker's session."""

from __future__ import annotations

import os
from typing import Any

from maggy.core.cluster.spark import loads
from maggy.core.executors.children import Children, Outcome
from maggy.core.executors.process_tree import IS_LINUX
from maggy.core.executors.session import Session
from maggy.core.executors.trial_session import PROBE_SECONDS, Answer
from maggy.core.messages import Assign, Checked

__all__ = ["ProcessExecutor", "why_not_here"]


class ProcessExecutor:
    """Runs trials one after the other, each in a child process.

    Args:
        session: The worker's.
        children: Runs the processes. The session must interrupt, stop and kill by it.
    """

    def __init__(self, session: Session, children: Children) -> None:
        self._session = session
        self._children = children
        self._values: list[Any] = []

    @property
    def values(self) -> list[Any]:
        """What a function that is run once has returned, still pickled."""
        return self._values

    def train(self, assignment: Assign) -> Answer:
        """Run a trial and report its end; return the driver's answer."""
        session = self._session
        session.begin()
        outcome = self._children.run(assignment, session.reporter)
        if outcome.answer is None:
            return session.failed(outcome.reason, "", died=not outcome.ended_by_us)
        self._values += map(Pickled, outcome.values)
        report = session.final if outcome.answer.method == "final" else session.failed
        return report(*outcome.answer.details)

    def check(self, probe: bool) -> Checked:
        """Try the study out, in a child too: what it imports must not reach the trials.

        A component that ends the child while it is built costs only its own trial, and ends the check.
        """
        session = self._session
        outcome = self._children.check(
            probe,
            session.reporter,
            lambda probing: session.begin_check(PROBE_SECONDS, probing.last_word),
        )
        match outcome.answer:
            case None if outcome.probing is not None:
                return _cut_short(outcome.probing.last_word, outcome)
            case None:
                return Checked(
                    f"the study could not be tried out: {outcome.reason}", "ExperimentError"
                )
            case answer if answer.method == "checked":
                return Checked(*answer.details)
            case answer:
                return Checked(str(answer.details[0]), "ExperimentError")


def _cut_short(last_word: Checked, outcome: Outcome) -> Checked:
    """Return what a check has brought whose child has ended while it was building a component."""
    *slow, label = last_word.slow
    if outcome.was_interrupted:  # it took too long; its trial builds it again
        return Checked(None, "", last_word.failures, last_word.slow)
    return Checked(None, "", [*last_word.failures, (label, outcome.reason, "")], slow)


class Pickled:
    """A value that is unpickled by the driver only: it may need a framework, which this process must not load."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return loads, (self._data,)


def why_not_here(max_trial_memory: int | None) -> str | None:
    """Return why trials cannot have processes of their own on this machine, with the remedy; None if they can."""
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
