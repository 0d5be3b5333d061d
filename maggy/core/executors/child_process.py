"""Follow one trial's process from the Spark task: its reports, its output and its end."""

from __future__ import annotations

import codecs
import functools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from maggy.checkpoints.uploader import Upload
from maggy.common.exhaustive import assert_never
from maggy.core.executors.channel import ChannelClosed, TemplateChannel, child_channel
from maggy.core.executors.line_writer import STDERR_MARK, LineWriter
from maggy.core.executors.process_messages import (
    CheckpointRestored,
    CheckpointWritten,
    ChildAnswer,
    DecisionWanted,
    Probing,
    Reported,
    Run,
    TrialFailed,
    TrialFinal,
    Value,
)
from maggy.core.messages import Checked
from maggy.core.reporter import Reporter

__all__ = ["ChildProcess", "Outcome"]


@dataclass
class Outcome:
    """How a child has ended.

    Attributes:
        answer: How the child's end is to be reported; None if the child ended before it said so.
        values: What a function that is run once has returned, pickled.
        reason: Why the child has ended without an answer.
        ended_by_us: Whether the reason is a limit or an order. To run the trial again would not
            change that.
        probing: The component that the check built last; None if it built none.
        was_interrupted: Whether the child was told to end and did not.
    """

    answer: ChildAnswer | None = None
    values: list[bytes] = field(default_factory=list)
    reason: str = ""
    ended_by_us: bool = False
    probing: Probing | None = None
    was_interrupted: bool = False


class ChildProcess:
    """Follow one child from its start to its end.

    Args:
        reporter: Gets its points and lines.
        tee: Whether to print its output to this process's own output, too.
        on_probing: Called when the child says that it is about to build a component.
        on_checkpoint: Called with each checkpoint that the child has written to this disk.
    """

    def __init__(
        self,
        reporter: Reporter,
        tee: bool,
        on_probing: Callable[[Probing], None],
        on_checkpoint: Callable[[Upload], None],
    ) -> None:
        self._on_checkpoint = on_checkpoint
        self._reporter = reporter
        self._on_probing = on_probing
        self._probing: Probing | None = None
        self._tee = tee
        self.control, self._far_control = child_channel()
        """The channel to the child."""
        self._pipes = [os.pipe(), os.pipe()]
        self._answer: ChildAnswer | None = None
        self._values: list[bytes] = []
        self.status: int | None = None
        """The exit code, or a signal's number below 0; None while the child lives."""
        self.reason = ""
        """Why the child has to end, if it was told to."""
        self.was_interrupted = False
        """Whether the child was told to end."""
        self._writers = [
            LineWriter(functools.partial(self._take_line, mark), sys.stdout, tee=False)
            for mark in ("", STDERR_MARK)
        ]
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in self._pipes]

    def launch(self, template: TemplateChannel, order: Run) -> None:
        """Have the template fork the process.

        Args:
            template: The channel to the template.
            order: What the process is to run.
        """
        far_ends = [self._far_control.fileno(), *(write for _, write in self._pipes)]
        with suppress(ChannelClosed):  # The template has ended, which whoever follows it will see.
            template.send(order, tuple(far_ends))
        self._far_control.close()
        for read, write in self._pipes:
            os.close(write)
            os.set_blocking(read, False)

    def sources(self) -> dict[int, Callable[[], bool]]:
        """Return what to call when a descriptor has something to read.

        Returns:
            A function by descriptor. It returns whether more may come.
        """
        output, errors = (read for read, _ in self._pipes)
        return {
            self.control.fileno(): self._take_whole_message,
            output: lambda: self._take_output(0),
            errors: lambda: self._take_output(1),
        }

    def drain(self) -> None:
        """Take what was sent or written before the end."""
        with suppress(BlockingIOError):
            while self._take_message():
                pass
        for index in range(len(self._pipes)):
            with suppress(BlockingIOError):
                while self._take_output(index):
                    pass
        for decoder, writer in zip(self._decoders, self._writers, strict=True):
            writer.write(decoder.decode(b"", final=True))
            writer.finish()

    def outcome(self) -> Outcome:
        """Return how the child has ended."""
        reason = self.reason or _description(self.status)
        return Outcome(
            self._answer,
            self._values,
            reason,
            ended_by_us=bool(self.reason) and self.status is not None,
            probing=self._probing,
            was_interrupted=self.was_interrupted,
        )

    def close(self) -> None:
        """Close what is open of the child in this process."""
        self.control.close()
        for read, _ in self._pipes:
            os.close(read)

    def _take_whole_message(self) -> bool:
        """Take a message. If a piece of a long one is missing, take it later."""
        try:
            return self._take_message()
        except BlockingIOError:
            return True

    def _take_message(self) -> bool:
        try:
            message, _ = self.control.receive(wait=False)
        except (msgspec.DecodeError, RecursionError) as error:
            reason = f"The returned value cannot leave its process ({error})."
            self._answer = TrialFailed(reason, "")
            return True
        match message:
            case None:
                return False
            case Reported():
                self._take_report(message)
            case CheckpointWritten(upload=upload):
                self._on_checkpoint(upload)
            case CheckpointRestored():
                self._reporter.note_restored()
            case DecisionWanted():
                self._reporter.ask_for_decision()
            case Probing():
                self._probing = message
                # What interrupted the previous component is over.
                self.reason, self.was_interrupted = "", False
                self._on_probing(message)
            case Value():
                self._values.append(message.data)
            case TrialFinal() | TrialFailed() | Checked():
                self._answer = self._answer or message
            case _:
                assert_never(message)
        return True

    def _take_report(self, message: Reported) -> None:
        self._reporter.extend(message.points, message.lines, message.times)
        if self._tee:
            sys.stdout.write("".join(f"{line}\n" for is_shown, line in message.lines if is_shown))

    def _take_output(self, number: int) -> bool:
        data = os.read(self._pipes[number][0], 65_536)
        self._writers[number].write(self._decoders[number].decode(data))
        return bool(data)

    def _take_line(self, mark: str, line: str) -> None:
        self._reporter.extend([], [(False, f"{mark}{line}")])
        if self._tee:
            sys.stdout.write(f"{line}\n")


def _description(status: int | None) -> str:
    if status is None:
        return "its process was lost"
    if status >= 0:
        return f"its process ended with exit code {status} before the training function did"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"
