"""A trial's own process: it trains as a Spark task's process does, with a channel to that one in place of the wire."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from maggy.core.cluster.spark import dumps
from maggy.core.executors.channel import (
    Answered,
    Channel,
    ChannelClosed,
    Interrupt,
    Probing,
    Reported,
    Value,
)
from maggy.core.executors.error_text import text_of
from maggy.core.executors.interrupt import Interrupter
from maggy.core.executors.surroundings import Surroundings
from maggy.core.executors.trial_executor import TrialExecutor
from maggy.core.executors.workload import Workload
from maggy.core.messages import Assign, Checked, Done, Line, Message, Point, Stop
from maggy.core.reporter import Reporter

__all__ = ["run_child"]


def run_child(
    assignment: Assign | None, probe: bool, descriptors: list[int], load: Callable[[], Workload]
) -> None:
    """Train in this process, which is new and ends afterwards.

    Args:
        assignment: The trial; None to check the study.
        probe: The check also builds the study's components.
        descriptors: The connection to the Spark task, and what becomes standard output and standard error.
        load: Returns what is called.
    """
    control, output, errors = descriptors
    for source, target in ((output, 1), (errors, 2)):
        os.dup2(source, target)
        os.close(source)
    interrupter = Interrupter()
    session = ChildSession(Channel.inherited(control))
    with interrupter.installed():
        session.listen(interrupter)
        try:
            workload = load()
        except Exception as error:
            session.failed(
                f"the training function cannot be loaded: {type(error).__name__}: {text_of(error)}",
                "",
            )
            session.answer([])
            return
        with Surroundings() as surroundings:
            executor = TrialExecutor(session, workload, interrupter, False, surroundings)
            if assignment is None:
                session.checked(executor.check(probe))
            else:
                executor.train(assignment)
    sys.stdout.flush()
    sys.stderr.flush()
    session.answer(executor.values)


class ChildSession:
    """Stands in for a worker's :class:`~maggy.core.executors.session.Session`, which only the Spark task has."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._end: Answered | None = None
        self.reporter = ForwardingReporter(channel)
        """Where the trial reports."""

    def listen(self, interrupter: Interrupter) -> None:
        """Do what the Spark task says, on a thread."""

        def hear() -> None:
            while (message := self._channel.receive()[0]) is not None:
                if isinstance(message, Stop):
                    self.reporter.stop()
                elif isinstance(message, Interrupt):
                    interrupter.fire(message.reason)

        threading.Thread(target=hear, name="maggy-control", daemon=True).start()

    def begin(self) -> None:
        """Do nothing: the Spark task watches the time, and has begun to."""

    def final(self, *details: Any) -> Done:
        """Keep the trial's good end, which the Spark task's session is to report with these details."""
        return self._keep("final", details)

    def failed(self, *details: Any) -> Done:
        """Keep the trial's bad end, which the Spark task's session is to report with these details."""
        return self._keep("failed", details)

    def begin_check(self, seconds: float, last_word: Checked) -> None:
        """Tell the Spark task, which watches the time and knows the limit, that a component is about to be built."""
        with suppress(ChannelClosed):  # its worker will count as lost
            self._channel.send(Probing(last_word))

    def checked(self, outcome: Checked) -> Done:
        """Keep the outcome of the study's check."""
        return self._keep("checked", msgspec.structs.astuple(outcome))

    def answer(self, values: list[Any]) -> None:
        """Send the end that was kept, with what a function that is run once has returned."""
        if self._end is None:
            return
        with suppress(ChannelClosed):  # by the training function; its worker counts as lost
            try:
                for value in values:
                    self._channel.send(Value(dumps(value)))
                self._channel.send(self._end)
            except ChannelClosed:
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self._channel.send(
                    Answered(
                        "failed", [f"The returned value cannot leave its process ({reason}).", ""]
                    )
                )

    def _keep(self, method: str, details: tuple[Any, ...]) -> Done:
        self._end = Answered(method, list(details))
        return Done()


class ForwardingReporter(Reporter):
    """A reporter whose points and lines go to the Spark task at once, so that they outlive a crash of this process."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._points = Outbox(channel)

    def _add(self, lines: list[Line]) -> None:
        for line in (
            lines
        ):  # one by one they are short enough to arrive whole, whatever a signal's handler raises
            _send(self._channel, Reported([], [line]))


class Outbox(list[Point]):
    """A list that stays empty: what is appended is sent."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def append(self, point: Point) -> None:
        _send(self._channel, Reported([point], []))


def _send(channel: Channel, message: Message) -> None:
    with suppress(ChannelClosed):  # by the training function; its worker will count as lost
        channel.send(message)
