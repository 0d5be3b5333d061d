"""Train in a trial's own process, and report to the Spark task that it belongs to."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from maggy.checkpoints.run import RunCheckpoints, RunPlace
from maggy.checkpoints.uploader import Upload
from maggy.common.exhaustive import assert_never
from maggy.common.types import Json
from maggy.core.cluster import dumps
from maggy.core.executors.channel import Channel, ChannelClosed, child_end
from maggy.core.executors.error_text import text_of
from maggy.core.executors.orders import obey
from maggy.core.executors.process_messages import (
    CheckpointRestored,
    CheckpointWritten,
    ChildAnswer,
    ChildCommand,
    ChildReport,
    DecisionWanted,
    Interrupt,
    Probing,
    Reported,
    Run,
    TrialFailed,
    TrialFinal,
    Value,
)
from maggy.core.executors.process_state import ProcessState
from maggy.core.executors.trial_executor import TrialExecutor
from maggy.core.executors.trial_interrupt import Interrupter
from maggy.core.executors.workload import Workload
from maggy.core.messages import REMARK, Assign, Checked, Decided, Done, Line, Pause, Preempt, Stop
from maggy.core.reporter import Reporter, TimedPoint

__all__ = ["run_child"]


def run_child(order: Run, descriptors: list[int], load: Callable[[], Workload]) -> None:
    """Train in this process, which is new and ends afterwards.

    Args:
        order: What to run.
        descriptors: The channel to the Spark task, and what becomes standard output and standard
            error.
        load: Returns the workload.
    """
    control, output, errors = descriptors
    for source, target in ((output, 1), (errors, 2)):
        os.dup2(source, target)
        os.close(source)
    interrupter = Interrupter()
    session = ChildSession(child_end(control))
    with interrupter.install():
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
        with ProcessState() as state:
            checkpoints = ChildCheckpoints(session, order.run_place)
            executor = TrialExecutor(session, workload, interrupter, False, state, checkpoints)
            if order.assignment is None:
                session.checked(executor.check(order.probe))
            else:
                executor.train(order.assignment)
    sys.stdout.flush()
    sys.stderr.flush()
    session.answer(executor.values)


class ChildSession:
    """Stand in for the worker's session in a trial's process.

    Only the Spark task has a session with the driver. It reports there what this one hands on.

    Args:
        channel: The channel to the Spark task.
    """

    def __init__(self, channel: Channel[ChildCommand, ChildReport]) -> None:
        self._channel = channel
        self._end: ChildAnswer | None = None
        self.reporter = ForwardingReporter(channel)
        """Where the trial reports."""

    def listen(self, interrupter: Interrupter) -> None:
        """Do what the Spark task says, on a thread.

        Args:
            interrupter: Interrupts the training function.
        """

        def hear_orders() -> None:
            while (message := self._channel.receive()[0]) is not None:
                match message:
                    case Stop() | Pause() | Preempt() | Decided():
                        obey(self.reporter, message)
                    case Interrupt(reason=reason):
                        interrupter.fire(reason)
                    case _:
                        assert_never(message)

        threading.Thread(target=hear_orders, name="maggy-control", daemon=True).start()

    def begin(self) -> None:
        """Do nothing: the Spark task watches the time, and has begun to."""

    def function_returned(self) -> None:
        """Do nothing, like :meth:`begin`."""

    def final(
        self,
        metric: int | float | None,
        outputs: dict[str, Json],
        early: bool,
        *,
        paused: bool = False,
    ) -> Done:
        """Keep the trial's good end, which the Spark task's session is to report."""
        return self._keep(TrialFinal(metric, outputs, early, self.reporter.model_facts, paused))

    def failed(self, reason: str, traceback: str, mistake: str = "", location: str = "") -> Done:
        """Keep the trial's bad end, which the Spark task's session is to report."""
        model = self.reporter.model_facts
        return self._keep(TrialFailed(reason, traceback, mistake, location, model))

    def begin_check(self, seconds: float, last_word: Checked) -> None:
        """Tell the Spark task, which watches the time, that the check builds a component."""
        with suppress(ChannelClosed):  # Its worker will count as lost.
            self._channel.send(Probing(last_word))

    def checked(self, outcome: Checked) -> Done:
        """Keep the outcome of the study's check."""
        return self._keep(outcome)

    def hand_over(self, upload: Upload) -> None:
        """Let the Spark task upload a checkpoint."""
        with suppress(ChannelClosed):  # Its worker will count as lost.
            self._channel.send(CheckpointWritten(upload))

    def answer(self, values: Sequence[object]) -> None:
        """Send what a function that is run once has returned, and then the end that was kept."""
        if self._end is None:
            return
        with suppress(ChannelClosed):  # The training function closed it. Its worker counts as lost.
            try:
                for value in values:
                    self._channel.send(Value(dumps(value)))
                self._channel.send(self._end)
            except ChannelClosed:
                raise
            except Exception as error:
                cause = f"{type(error).__name__}: {error}"
                reason = f"The returned value cannot leave its process ({cause})."
                self._channel.send(TrialFailed(reason, ""))

    def _keep(self, end: ChildAnswer) -> Done:
        self._end = end
        return Done()


class ChildCheckpoints:
    """Save the checkpoints of the trial on this disk, where the Spark task takes them over.

    Args:
        session: The session of this process.
        place: Where the trial saves them; None if it cannot.
    """

    def __init__(self, session: ChildSession, place: RunPlace | None) -> None:
        self._session = session
        self._place = place

    @contextmanager
    def run(self, assignment: Assign, reporter: Reporter) -> Iterator[None]:
        """Let the reporter of the trial save and restore checkpoints."""
        if self._place is not None:
            run = RunCheckpoints(
                self._place,
                assignment.trial_id,
                assignment.handover,
                self._session.hand_over,
                lambda text: reporter.extend([], [(True, f"{REMARK}{text}")]),
            )
            reporter.attach(run)
        yield

    def wait(self) -> None:
        """Do nothing: the Spark task waits for its uploads."""


class ForwardingReporter(Reporter):
    """Send points and lines to the Spark task at once, so that they survive a crash.

    Args:
        channel: The channel to the Spark task.
    """

    def __init__(self, channel: Channel[ChildCommand, ChildReport]) -> None:
        super().__init__(self._ask_for_decision)
        self._channel = channel
        self._points = self._outbox = Outbox(channel)

    def note_restored(self) -> None:
        """Tell the Spark task that the training function goes on from a checkpoint."""
        _send(self._channel, CheckpointRestored())

    def _ask_for_decision(self) -> bool:
        _send(self._channel, DecisionWanted())
        return True

    def _count_points(self) -> int:
        return self._outbox.sent

    def _add(self, lines: list[Line]) -> None:
        # One by one: what a signal's handler raises costs at most the line that is being sent.
        for line in lines:
            _send(self._channel, Reported([], [line]))


class Outbox(list[TimedPoint]):
    """Send what is appended, and stay empty. The base class appends a point for each broadcast.

    Args:
        channel: The channel to the Spark task.
    """

    def __init__(self, channel: Channel[ChildCommand, ChildReport]) -> None:
        super().__init__()
        self._channel = channel
        self.sent = 0
        """Number of points that were sent."""

    def append(self, point: TimedPoint) -> None:
        """Send a point."""
        self.sent += 1
        step, value, time = point
        _send(self._channel, Reported([(step, value)], [], [time]))


def _send(
    channel: Channel[ChildCommand, ChildReport],
    message: Reported | CheckpointRestored | DecisionWanted,
) -> None:
    with suppress(ChannelClosed):  # The training function closed it. Its worker will count as lost.
        channel.send(message)
