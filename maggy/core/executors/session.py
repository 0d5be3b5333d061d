"""Talk to the driver for one worker: heartbeats, requests and deadlines.

One thread, the client's, sends and receives everything. The thread that trains only leaves a
request and waits for its answer.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import time
from collections.abc import Callable, Sequence

import msgspec

from maggy.common.exhaustive import assert_never
from maggy.common.sendable import check_nesting
from maggy.common.types import Json
from maggy.core.executors.driver_silence import Silence
from maggy.core.executors.gaps import GapWatch
from maggy.core.executors.heartbeats import ReportPart, Reports
from maggy.core.executors.orders import obey
from maggy.core.executors.running_function import RunningFunction
from maggy.core.executors.trial_session import Answer
from maggy.core.messages import (
    Abandon,
    Ack,
    Assign,
    Check,
    Checked,
    Decided,
    Done,
    DriverMessage,
    Failed,
    Final,
    Heartbeat,
    Order,
    Pause,
    Preempt,
    Register,
    Stop,
    Wait,
    WorkerMessage,
)
from maggy.core.reporter import Reporter
from maggy.core.rpc import Address, Client

__all__ = ["Session"]

logger = logging.getLogger(__name__)

PREEMPTED = "its executor will be taken away"


class Session:
    """Talk to the driver for one worker: report the worker's trials, and pass on orders.

    Args:
        address: Where the driver listens.
        identity: The worker's routing id.
        hb_interval: Seconds between heartbeats.
        max_trial_seconds: Seconds that one trial may take; None for no limit.
        interrupt: Interrupts the running function; called in the client's thread with the reason.
        pass_on: Passes an order about the running trial on to its process; called in the client's
            thread.
        leave: Ends this process; called when an interrupted function does not end.
        kill: Ends the process of the trial; called instead of ``leave`` if the trial has its own.
        answer_timeout: Seconds for which a message may stay unanswered before the worker leaves;
            ten times as long while the connection stands. A time in which the session's own thread
            could not run does not count.
        clock: Returns monotonic seconds.
        work_clock: Returns the seconds of processor time that this process has used.
    """

    def __init__(
        self,
        address: Address,
        identity: bytes,
        *,
        hb_interval: float,
        max_trial_seconds: float | None = None,
        interrupt: Callable[[str], None] = lambda reason: None,
        pass_on: Callable[[Order], None] = lambda order: None,
        kill: Callable[[], None] | None = None,
        leave: Callable[[], None] = lambda: os._exit(1),
        answer_timeout: float = 90.0,
        clock: Callable[[], float] = time.monotonic,
        work_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._client = Client(
            address, identity, self._on_message, self._on_tick, self._on_client_error
        )
        self._reports = Reports(self._client)
        self._hb_interval, self._max_trial_seconds = hb_interval, max_trial_seconds
        self._function = RunningFunction(interrupt, self._give_up)
        self._pass_on, self._kill, self._leave = pass_on, kill, leave
        self._silence = Silence(answer_timeout)
        self._clock = clock
        self._gaps = GapWatch(clock(), work_clock)
        self.has_heard = False
        """Whether the driver has ever said anything."""
        self.desertion = ""
        """Why the worker left although it had a trial; empty if it did not."""
        # What the thread that trains asks for, and what it gets.
        self._request: Sequence[WorkerMessage] = ()  # Repeated until it is answered.
        self._is_request_new = False
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._has_trial = self._is_over = False
        self._is_checking = self._has_seen_check = False
        self._last_word: Checked | None = None  # Sent before the process ends during a check.
        self._next_beat = clock()

    @property
    def reporter(self) -> Reporter:
        """Where the current run reports."""
        return self._reports.reporter

    def start(self) -> None:
        """Connect to the driver. The connection may come about later."""
        self._client.start()

    def close(self) -> None:
        """Send what waits to be sent, and disconnect."""
        self._client.close()

    def request(self, message: WorkerMessage) -> Answer:
        """Say something that has an answer, and wait for the answer."""
        self._function.end()
        self._is_checking = False
        return self._ask([message])

    def begin(self) -> None:
        """Watch the time: the training function of the current run is about to be called."""
        self._last_word = None
        self._watch(self._max_trial_seconds, "max_trial_seconds")

    def function_returned(self) -> None:
        """Watch the time no longer: the training function has returned."""
        self._function.returned()

    def begin_check(self, seconds: float, last_word: Checked) -> None:
        """Watch the time: the check is about to build a component. :meth:`request` ends this."""
        self._last_word = last_word
        self._watch(seconds, "seconds of the check")

    def _watch(self, limit: float | None, limit_name: str) -> None:
        self._function.begin(self._clock(), limit, limit_name)
        if limit is not None:
            self._client.wake()  # Its thread has a new deadline to watch.

    def final(
        self,
        metric: int | float | None,
        outputs: dict[str, Json],
        early: bool,
        *,
        paused: bool = False,
    ) -> Answer:
        """Report that the run ended well, with all that it has reported; wait for the answer."""
        *parts, rest = self._reports.parts()
        try:
            check_nesting(outputs, "The returned dict")
        except ValueError as error:
            return self.failed(str(error), "")
        model = self.reporter.model_facts
        final = Final(
            *rest.fields, metric, outputs, early, model, rest.times, rest.checkpoints, paused
        )
        return self._end_run(parts, final)

    def failed(
        self, reason: str, traceback: str, mistake: str = "", location: str = "", died: bool = False
    ) -> Answer:
        """Report that the run failed; wait for the answer.

        When the experiment is over, this sends only what the trial has reported: a trial that was
        cut off is not final. The arguments are fields of :class:`~maggy.core.messages.Failed`.
        """
        *parts, rest = self._reports.parts()
        if self._is_over:
            return self._end_run(parts, rest.heartbeat)
        last = (self.reporter.model_facts, rest.times, rest.checkpoints)
        failed = Failed(*rest.fields, reason, traceback, False, mistake, location, died, *last)
        return self._end_run(parts, failed)

    def _end_run(self, parts: list[ReportPart], message: WorkerMessage) -> Answer:
        self._function.end()
        return self._ask([*(part.heartbeat for part in parts), message])

    def _ask(self, request: list[WorkerMessage]) -> Answer:
        # The client's thread reads the flag first, so the request must be there before it.
        self._request = request
        self._is_request_new = True
        self._client.wake()
        return self._answers.get()

    # From here on everything runs in the client's thread.

    def _on_message(self, message: DriverMessage) -> None:
        self._silence.end()
        self.has_heard = self._reports.has_answer = True
        match message:
            case Ack():
                self._reports.acknowledge(message)
            case Assign():
                self._on_assign(message)
            case Check():
                self._on_check(message)
            case Wait():
                self._request, self._has_trial = (), False
            case Stop() | Pause() | Preempt() | Decided():
                self._on_order(message)
            case Abandon(run=run):
                self._on_abandon(run)
            case Done():
                self._has_trial = False
                is_preempted = self.reporter.should_checkpoint
                self._finish(PREEMPTED if is_preempted else "the experiment has ended")
            case _:
                assert_never(message)

    def _on_assign(self, message: Assign) -> None:
        # The driver repeats an assignment. One that comes while an older run goes on is repeated
        # after the end of that run, so it can be dropped here.
        if message.run > self._reports.run and not self._function.is_running:
            self._reports.begin_run(message.run)
            self._has_trial = True
            self._answer(message)

    def _on_check(self, message: Check) -> None:
        if not self._has_seen_check:
            self._is_checking = self._has_seen_check = True
            self._reports.begin_check()
            self._answer(message)

    def _on_order(self, order: Order) -> None:
        if order.run == self._reports.run:
            obey(self.reporter, order)
            self._pass_on(order)

    def _on_abandon(self, run: int) -> None:
        if run == self._reports.run:
            self._has_trial = False
            self._function.interrupt("its worker was taken for lost", self._clock())

    def _finish(self, reason: str) -> None:
        """Answer the last request with :class:`Done`, and interrupt what runs."""
        if not self._is_over:
            self._is_over = True
            self._answer(Done())
        # Each time, since a run may begin after the first time.
        self._function.interrupt(reason, self._clock())

    def _answer(self, message: Answer) -> None:
        self._request = ()
        self._answers.put(message)

    def _on_tick(self) -> float:
        now = self._clock()
        if (gap := self._gaps.find(now)) is not None:
            self._silence.leave_out(gap.seconds, now)  # Nobody listened here.
            if gap.is_standstill:
                self._function.leave_out(gap.seconds)
        if self._is_request_new or self._reports.is_urgent or now >= self._next_beat:
            self._reports.is_urgent = False
            # Before sending: a request that is made meanwhile is sent at the next tick.
            self._is_request_new = False
            self._beat()
            self._next_beat = now + self._hb_interval
        deadline = min(self._next_beat, self._watch_silence(now))
        self._gaps.next_wake = min(deadline, self._function.watch(now))
        return self._gaps.next_wake - now

    def _watch_silence(self, now: float) -> float:
        """Leave if the driver has been silent for too long; return when that may be so next."""
        silence = self._silence.seconds(now)
        patience = self._silence.patience(connected=False)
        # To ask whether the connection stands takes time, and matters only now.
        if silence >= patience:
            patience = self._silence.patience(self._client.is_connected())
        if silence < patience:
            return now + patience - silence
        self._desert(f"the driver has not answered for {silence:.0f} seconds")
        return math.inf

    def _on_client_error(self, error: Exception) -> None:
        """Leave, since the client's thread ends with an error and nobody hears the driver now."""
        self._desert(f"its connection failed with {type(error).__name__}: {error}")

    def _desert(self, reason: str) -> None:
        if self._has_trial and not self._is_over:
            self.desertion = reason
        self._finish(reason)

    def _say(self, message: WorkerMessage) -> None:
        if isinstance(message, Register):
            # Each time, since it may be repeated much later.
            message = msgspec.structs.replace(message, clock=time.time())
        if self._client.send(message):
            self._silence.begin(self._clock())

    def _beat(self) -> None:
        messages = self._request
        if not messages and (self._is_checking or not self._function.is_running):
            messages = [Heartbeat(self._reports.run, 0, [], 0, [], not self._is_checking)]
        for message in messages or self._reports.heartbeats():
            self._say(message)

    def _give_up(self, reason: str) -> None:
        """End the process of a function that could not be interrupted."""
        if self._kill is not None:
            self._kill()
            return
        *parts, rest = self._reports.parts()
        for part in parts:
            self._client.send(part.heartbeat)
        if self._is_checking and self._last_word is not None:
            self._client.send(self._last_word)
        else:
            failure = f"{reason}; it could not be interrupted"
            failed = Failed(
                *rest.fields,
                failure,
                "",
                leaving=True,
                times=rest.times,
                checkpoints=rest.checkpoints,
            )
            self._client.send(failed)
        logger.warning(
            "The worker ends its process, since its function could not be interrupted: %s", reason
        )
        # The process ends without what else Python does at its end, so nothing would be sent later.
        self._client.flush()
        self._leave()
