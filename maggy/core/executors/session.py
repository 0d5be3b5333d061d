"""A worker's side of the conversation with the driver: heartbeats, requests repeated until answered, deadlines.

One thread (the client's) does all of it; the thread that trains only leaves a request and waits for its answer.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from maggy.common.sendable import check_nesting
from maggy.core.executors.silence import Silence
from maggy.core.messages import (
    Abandon,
    Ack,
    Assign,
    Check,
    Checked,
    Done,
    DriverMessage,
    Failed,
    Final,
    Heartbeat,
    Line,
    Point,
    Register,
    Stop,
    Wait,
    WorkerMessage,
)
from maggy.core.reporter import Reporter
from maggy.core.rpc import Address, Client

__all__ = ["PROBE_SECONDS", "Answer", "Session", "TrialSession"]

logger = logging.getLogger(__name__)

Answer = Assign | Check | Done

POINTS_PER_MESSAGE = 50_000
LINES_PER_MESSAGE = 100_000
CHARACTERS_PER_MESSAGE = 2**22  # of 6 bytes at most: even then far below what a message may take
PROBE_SECONDS = 60.0
"""How long building one component may take in the check; one that takes longer is left to its own trial."""
GRACE_SECONDS = 5.0
"""How long an interrupted training function may take to end before its process is ended."""
GAP_SECONDS = 1.0
"""When the session's thread wakes so much later than planned, it could not run in between."""


class TrialSession(Protocol):
    """What a trial needs of a session, whose other end need not be the driver."""

    @property
    def reporter(self) -> Reporter: ...

    def begin(self) -> None: ...

    def final(self, metric: int | float | None, outputs: dict[str, Any], early: bool) -> Answer: ...

    def failed(self, reason: str, traceback: str, mistake: str = "", place: str = "") -> Answer: ...

    def begin_check(self, seconds: float, last_word: Checked) -> None: ...


class Session:
    """One worker's session with the driver.

    Args:
        address: Where the driver listens.
        identity: The worker's routing id.
        hb_interval: Seconds between heartbeats.
        max_trial_seconds: Seconds that one trial may take; None for no limit.
        interrupt: Called (in the client's thread) with the reason why the running trial has to end now.
        stop: Called (in the client's thread) when the running trial is to stop early.
        leave: Ends this process; called when an interrupted trial does not end.
        kill: Ends the process of a trial that has one of its own, and is called in place of ``leave``.
        answer_timeout: Seconds for which a message may stay unanswered before the worker leaves;
            ten times as long while the connection stands. A time in which the session's own thread
            could not run does not count.
        clock: Monotonic seconds.
        work_clock: Seconds of processor time that this process has used.
    """

    def __init__(
        self,
        address: Address,
        identity: bytes,
        *,
        hb_interval: float,
        max_trial_seconds: float | None = None,
        interrupt: Callable[[str], None] = lambda reason: None,
        stop: Callable[[], None] = lambda: None,
        kill: Callable[[], None] | None = None,
        leave: Callable[[], None] = lambda: os._exit(1),
        answer_timeout: float = 90.0,
        clock: Callable[[], float] = time.monotonic,
        work_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._client = Client(address, identity, self._on_message, self._on_tick)
        self._hb_interval = hb_interval
        self._max_trial_seconds = max_trial_seconds
        self._interrupt = interrupt
        self._stop = stop
        self._kill = kill
        self._leave = leave
        self._silence = Silence(answer_timeout)
        self._clock = clock
        self._work_clock = work_clock
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._run = 0
        self.reporter = Reporter(self._hurry)
        """Where the current run reports."""
        self._request: Sequence[
            WorkerMessage
        ] = ()  # said again with each heartbeat until it is answered
        self._request_is_new = False
        self._began: float | None = None  # when the current run's training function was called
        self._standstill = 0.0  # how many seconds of the current run are not its time
        self._interrupted: tuple[str, float] | None = None  # why, and when it was last told
        self._interrupt_deadline = 0.0
        self._limit = max_trial_seconds  # for what began
        self._last_word: Checked | None = None  # said before the process is ended during a check
        self._checking = self._check_seen = False
        self._done = False
        self._answered = True  # since the last heartbeat
        self._lines_sent = 0
        self._lines_in_flight = self._urgent = False
        self.heard = False
        """Whether the driver has ever said anything."""
        self.desertion = ""
        """Why the worker left although a trial was assigned to it; empty if it did not."""
        self._assigned = False  # the driver holds that this worker runs a trial
        self._next_beat = self._next_tick = clock()
        self._work = work_clock()

    def start(self) -> None:
        self._client.start()

    def close(self) -> None:
        self._client.close()

    def request(self, message: WorkerMessage) -> Answer:
        """Say something that has an answer, and wait for it."""
        self._began = None
        self._checking = False
        self._request, self._request_is_new = (message,), True
        self._client.wake()
        return self._answers.get()

    def serve(
        self, hello: Register, train: Callable[[Assign], Answer], check: Callable[[bool], Checked]
    ) -> None:
        """Ask for work and do it until there is none."""
        answer = self.request(hello)
        while not isinstance(answer, Done):
            answer = (
                train(answer) if isinstance(answer, Assign) else self.request(check(answer.probe))
            )

    def begin(self) -> None:
        """The training function of the run just assigned is about to be called."""
        self._limit, self._last_word = self._max_trial_seconds, None
        self._watch()

    def begin_check(self, seconds: float, last_word: Checked) -> None:
        """Something is about to be tried out in the check, for so many seconds; ``request`` ends it.

        Args:
            seconds: After them it is interrupted.
            last_word: What the driver is told if it cannot be interrupted, before the process is ended.
        """
        self._limit, self._last_word = seconds, last_word
        self._watch()

    def _watch(self) -> None:
        self._interrupted = None
        self._standstill = 0.0
        self._began = self._clock()
        if self._limit is not None:
            self._client.wake()  # it has a new deadline to watch

    def final(self, metric: int | float | None, outputs: dict[str, Any], early: bool) -> Answer:
        """Report the run's good end, with all that it has reported; wait for the next assignment."""
        *parts, rest = self._reports()
        try:
            check_nesting(outputs, "The returned dict")
        except ValueError as error:
            return self.failed(str(error), "")
        return self._end(parts, Final(*rest, metric, outputs, early))

    def failed(
        self, reason: str, traceback: str, mistake: str = "", place: str = "", died: bool = False
    ) -> Answer:
        """Report the run's bad end; wait for the next assignment.

        ``mistake``, ``place`` and ``died`` are those of :class:`~maggy.core.messages.Failed`. When the experiment
        is over only what the trial has reported is sent: a trial that was cut off is not final.
        """
        *parts, rest = self._reports()
        if self._done:
            return self._end(parts, Heartbeat(*rest, False))
        return self._end(parts, Failed(*rest, reason, traceback, False, mistake, place, died))

    def _end(self, parts: list[_Report], message: WorkerMessage) -> Answer:
        self._began = None
        self._request = [*(Heartbeat(*part, False) for part in parts), message]
        self._request_is_new = True
        self._client.wake()
        return self._answers.get()

    # From here on everything runs in the client's thread.

    def _on_message(self, message: DriverMessage) -> None:
        self._silence.answered()
        self.heard = self._answered = True
        if isinstance(message, Ack):
            if message.run == self._run:
                self.reporter.acknowledge(message.points, message.lines)
                self._lines_in_flight = message.lines < self._lines_sent
                if not self._lines_in_flight and self.reporter.is_crowded:
                    self._urgent = True
        elif isinstance(message, Assign):
            # Else it is said again; or comes while an older run goes on, after whose end it will be said again.
            if message.run > self._run and self._began is None:
                self._run, self._assigned = message.run, True
                self._lines_sent, self._lines_in_flight = 0, False
                self._answer(message, Reporter(self._hurry))
        elif isinstance(message, Check):
            if not self._check_seen:
                self._checking = self._check_seen = True
                self._answer(message, Reporter(self._hurry))
        elif isinstance(message, Wait):
            self._request, self._assigned = (), False
        elif isinstance(message, Stop):
            if message.run == self._run:
                self.reporter.stop()
                self._stop()
        elif isinstance(message, Abandon):
            if message.run == self._run:
                self._assigned = False
                self._end_run("its worker was taken for lost")
        else:
            self._assigned = False
            self._leave_when_idle("the experiment has ended")

    def _leave_when_idle(self, reason: str) -> None:
        if not self._done:
            self._done = True
            self._answer(Done(), self.reporter)
        self._end_run(reason)  # each time: a run may begin after the first

    def _answer(self, message: Answer, reporter: Reporter) -> None:
        self._request = ()
        self.reporter = reporter
        self._answers.put(message)

    def _on_tick(self) -> float:
        now = self._clock()
        self._leave_out_gap(now)
        if self._request_is_new or self._urgent or now >= self._next_beat:
            self._urgent = False
            self._request_is_new = (
                False  # before the sending: a request made meanwhile is sent at the next tick
            )
            self._beat()
            self._next_beat = now + self._hb_interval
        deadline = min(self._next_beat, self._watch_silence(now))
        began = self._began
        if began is not None and self._limit is not None:
            limit = began + self._standstill + self._limit
            if now >= limit:
                what = "max_trial_seconds" if self._last_word is None else "seconds of the check"
                self._end_run(f"exceeded {what}={self._limit:g}")
            else:
                deadline = min(deadline, limit)
        if self._interrupted is not None and began is not None:
            deadline = min(deadline, self._press(*self._interrupted, now))
        self._next_tick = deadline
        return deadline - now

    def _leave_out_gap(self, now: float) -> None:
        """Count a time in which this thread could not run as nobody's silence.

        A call that holds Python's lock makes such a gap, and so does a process that is stopped.
        Only during the call does the trial work, so only then does the gap count as its time.
        """
        gap, before, self._work = now - self._next_tick, self._work, self._work_clock()
        if gap < GAP_SECONDS:
            return
        self._silence.leave_out(gap, now)
        if self._work - before < gap / 10:
            self._standstill += gap
            self._interrupt_deadline += gap

    def _watch_silence(self, now: float) -> float:
        """Leave if the driver has been silent for too long; return when that may be so next."""
        silence = self._silence.seconds(now)
        patience = self._silence.patience(connected=False)
        if silence >= patience:  # else it takes time to ask, and does not matter
            patience = self._silence.patience(self._client.is_connected())
        if silence < patience:
            return now + patience - silence
        reason = f"the driver has not answered for {silence:.0f} seconds"
        if self._assigned and not self._done:
            self.desertion = reason
        self._leave_when_idle(reason)
        return math.inf

    def _say(self, message: WorkerMessage) -> None:
        if self._client.send(message):
            self._silence.sent(self._clock())

    def _beat(self) -> None:
        request = self._request
        if request:
            for message in request:
                self._say(message)
        elif self._began is None or self._checking:
            self._say(Heartbeat(self._run, 0, [], 0, [], not self._checking))
        else:
            # While the driver is away one part is enough: what is not acknowledged is sent again anyway.
            parts = self._reports() if self._answered else self._reports()[:1]
            self._answered = False
            for part in parts:
                self._say(Heartbeat(*part, False))
            *_, first_line, lines = parts[-1]
            self._lines_sent = first_line + len(lines)
            self._lines_in_flight = bool(lines)

    def _hurry(self) -> bool:
        """Send what is reported now, unless an answer is under way; from any thread.

        Returns:
            Whether the thread may wait for that: any but the one that sends.
        """
        if not (self._lines_in_flight or self._urgent):
            self._urgent = True
            self._client.wake()
        return not self._client.is_current_thread()

    def _end_run(self, reason: str) -> None:
        """Interrupt the running training function; no effect when none runs."""
        if self._began is not None and self._interrupted is None:
            self._interrupt_deadline = self._clock() + GRACE_SECONDS
            self._interrupted = (reason, self._clock())
            self._interrupt(reason)

    def _press(self, reason: str, told: float, now: float) -> float:
        """Repeat an interrupt that was swallowed; end the process when the grace is over. Returns the next deadline."""
        if now >= self._interrupt_deadline and self._kill is not None:
            self._interrupt_deadline = now + GRACE_SECONDS
            self._kill()
        elif now >= self._interrupt_deadline:
            *parts, rest = self._reports()
            for part in parts:
                self._client.send(Heartbeat(*part, False))
            failed = Failed(*rest, f"{reason}; it could not be interrupted", "", True)
            self._client.send(self._last_word if self._checking and self._last_word else failed)
            logger.warning(
                "What runs could not be interrupted; the worker ends its process: %s", reason
            )
            self._client.flush()
            self._leave()
            return now + GRACE_SECONDS
        if now >= told + 0.5:
            self._interrupted = (reason, now)
            self._interrupt(reason)
        return min(self._interrupt_deadline, now + 0.5)

    def _reports(self) -> list[_Report]:
        """What the run has to report, in parts that fit a message; at least one."""
        first_point, points, first_line, lines = self.reporter.waiting()
        parts: list[_Report] = []
        while True:
            count = _fitting(lines)
            parts.append(
                (self._run, first_point, points[:POINTS_PER_MESSAGE], first_line, lines[:count])
            )
            points, lines = points[POINTS_PER_MESSAGE:], lines[count:]
            if not points and not lines:
                return parts
            first_point += len(parts[-1][2])
            first_line += len(parts[-1][4])


def _fitting(lines: list[Line]) -> int:
    """Return how many of the lines fit a message."""
    characters = 0
    for number, line in enumerate(lines[:LINES_PER_MESSAGE]):
        characters += len(line[1])
        if number and characters > CHARACTERS_PER_MESSAGE:
            return number
    return min(len(lines), LINES_PER_MESSAGE)


_Report = tuple[int, int, list[Point], int, list[Line]]
