"""Hold a run's reports until the driver has them, and split them into messages.

Nothing is sent here: :mod:`maggy.core.executors.session` sends the messages.
"""

from __future__ import annotations

from typing import NamedTuple

from maggy.checkpoints.saved import CheckpointNews
from maggy.core.messages import Ack, Heartbeat, Line, Point
from maggy.core.reporter import Reporter
from maggy.core.rpc import Client

__all__ = ["ReportPart", "Reports"]

POINTS_PER_MESSAGE = 50_000
LINES_PER_MESSAGE = 100_000
CHARACTERS_PER_MESSAGE = 2**22
"""Six bytes a character at most: that is still far below the limit of a message."""


class ReportPart(NamedTuple):
    """What a report holds that fits one message.

    Attributes:
        fields: The fields of a :class:`~maggy.core.messages.Report`, in their order.
        times: For each point the time at which it was reported, in seconds since the epoch.
        checkpoints: What the driver has to know of the checkpoints.
        asks: Whether the training function waits for a decision on the points.
    """

    fields: tuple[int, int, list[Point], int, list[Line]]
    times: list[float]
    checkpoints: CheckpointNews | None
    asks: bool = False

    @property
    def heartbeat(self) -> Heartbeat:
        """The heartbeat that reports this part of a running trial."""
        return Heartbeat(*self.fields, False, self.times, self.checkpoints, self.asks)


class Reports:
    """Hold the reports of the current run, and split them into messages.

    All methods belong to the client's thread, except :meth:`parts`.

    Args:
        client: Is woken when much output waits.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.run = 0
        """Number of the worker's newest run; 0 before its first."""
        self.reporter = Reporter(self._hurry)
        """Where the current run reports."""
        self.is_urgent = False
        """Whether so much waits that it is to be sent before the next heartbeat."""
        self.has_answer = True
        """Whether the driver has said anything since the last heartbeat."""
        self._lines_sent = 0
        self._are_lines_in_flight = False

    def begin_run(self, run: int) -> None:
        """Have a new run report to a reporter of its own."""
        self.run = run
        self._lines_sent, self._are_lines_in_flight = 0, False
        self.begin_check()

    def begin_check(self) -> None:
        """Have the check of the study report to a reporter of its own."""
        self.reporter = Reporter(self._hurry)

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the driver has; no effect if it speaks of another run."""
        if ack.run == self.run:
            self.reporter.acknowledge(ack.points, ack.lines)
            self.reporter.acknowledge_checkpoints(ack.checkpoints)
            self._are_lines_in_flight = ack.lines < self._lines_sent
            if not self._are_lines_in_flight and self.reporter.is_crowded:
                self.is_urgent = True

    def parts(self) -> list[ReportPart]:
        """Return what the driver has not acknowledged, as one or more parts that fit a message."""
        # Before the points: a question that comes later is sent with the next part.
        asks = self.reporter.decision_wait.asks
        # Before the points: those that were reported before a checkpoint must come before it.
        news = self.reporter.checkpoint_news()
        first_point, points, first_line, lines, times = self.reporter.waiting()
        # That the run goes on from a checkpoint must not come after its points.
        if self.reporter.is_restored and not (news and news.restored):
            first, saved = (news.first, news.saved) if news else (0, [])
            news = CheckpointNews(True, first, saved)
        parts: list[ReportPart] = []
        while True:
            count = _fitting_lines(lines)
            new_points = points[:POINTS_PER_MESSAGE]
            fields = self.run, first_point, new_points, first_line, lines[:count]
            times_of_part = times[:POINTS_PER_MESSAGE]
            points, lines = points[POINTS_PER_MESSAGE:], lines[count:]
            if not points and not lines:
                parts.append(ReportPart(fields, times_of_part, news, asks))
                return parts
            # That the run goes on from a checkpoint must come before its points.
            early_news = news and CheckpointNews(news.restored, news.first, [])
            parts.append(ReportPart(fields, times_of_part, early_news))
            times = times[POINTS_PER_MESSAGE:]
            first_point += len(new_points)
            first_line += count

    def heartbeats(self) -> list[Heartbeat]:
        """Return what to send now, and remember that it is on its way."""
        parts = self.parts()
        if not self.has_answer:
            # While the driver is away one part is enough: what it does not acknowledge is sent
            # again anyway.
            del parts[1:]
        self.has_answer = False
        *_, first_line, lines = parts[-1].fields
        self._lines_sent = first_line + len(lines)
        self._are_lines_in_flight = bool(lines)
        return [part.heartbeat for part in parts]

    def _hurry(self) -> bool:
        """Send now what is reported, unless lines wait for an acknowledgement.

        Any thread may call this. A question for a decision is sent in any case.

        Returns:
            Whether the thread may wait for that: any but the one that sends.
        """
        is_asked = self.reporter.decision_wait.asks
        if is_asked or not (self._are_lines_in_flight or self.is_urgent):
            self.is_urgent = True
            self._client.wake()
        return not self._client.is_current_thread()


def _fitting_lines(lines: list[Line]) -> int:
    """Return how many of the lines fit a message."""
    characters = 0
    for number, line in enumerate(lines[:LINES_PER_MESSAGE]):
        characters += len(line[1])
        # A single line always fits, however long it is.
        if number and characters > CHARACTERS_PER_MESSAGE:
            return number
    return min(len(lines), LINES_PER_MESSAGE)
