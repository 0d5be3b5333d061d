"""Run the thread that owns the server and the ledger: messages in, instructions out.

It waits for no policy and no disk.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from maggy.common.exhaustive import assert_never
from maggy.core.experiment_driver.instructions import (
    Began,
    DriverInstruction,
    Instruction,
    Send,
    TrialEvent,
)
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.experiment_driver.worker_clocks import WorkerClocks
from maggy.core.messages import (
    Checked,
    Failed,
    Final,
    Heartbeat,
    Register,
    WorkerId,
    WorkerMessage,
)
from maggy.core.rpc import Server

__all__ = ["Dispatcher", "InstructionHandler"]


class InstructionHandler(Protocol):
    """Carries out the ledger's instructions except :class:`Send`. Its methods must not block."""

    def worker_registered(self, worker: WorkerId, message: Register) -> None:
        """Take note of a worker that registers for the first time."""

    def carry_out(self, instructions: list[TrialEvent | DriverInstruction]) -> None:
        """Carry out instructions in their order. They may come from many messages together."""

    def dispatcher_failed(self, error: BaseException) -> None:
        """End the experiment, since the thread has ended with an exception."""


class Dispatcher:
    """Feed the ledger with the events of workers, policy, Spark and clock, one at a time.

    Args:
        server: A started server.
        ledger: The bookkeeping.
        handler: Carries out the instructions.
        clock: Returns monotonic seconds.
        worker_clocks: Corrects the times that workers report; None for the usual.
        wall_clock: Returns the seconds since the epoch.
    """

    def __init__(
        self,
        server: Server,
        ledger: Ledger,
        handler: InstructionHandler,
        clock: Callable[[], float] = time.monotonic,
        worker_clocks: WorkerClocks | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._wall_clock = wall_clock
        self._server = server
        self._ledger = ledger
        self._handler = handler
        self._clock = clock
        self._worker_clocks = worker_clocks or WorkerClocks()
        self._inbox: deque[tuple[Callable[..., list[Instruction]], tuple[object, ...]]] = deque()
        self._is_closing = False
        self._registered: set[WorkerId] = set()
        self._workers: dict[bytes, WorkerId | None] = {}  # by routing id
        self._pending: list[TrialEvent | DriverInstruction] = []
        limit = ledger.max_trial_seconds or ledger.worker_timeout
        self._tick_seconds = min(ledger.worker_timeout, limit, 60.0) / 4
        self._thread = threading.Thread(target=self._run, name="maggy-dispatcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, event: Callable[..., list[Instruction]], *args: object) -> None:
        """Have a method of the ledger called soon. May be called from any thread.

        Args:
            event: The method.
            *args: Its arguments.
        """
        self._inbox.append((event, args))
        self._server.wake()

    def close(self) -> None:
        """End the thread after the events that were posted before, and close the server."""
        self._is_closing = True
        self._server.wake()
        if self._thread.ident is not None:  # an error may have come before its start
            self._thread.join()
        self._server.close()

    def _run(self) -> None:
        try:
            next_tick = self._clock() + self._tick_seconds
            while not self._is_closing:
                for peer, message in self._server.receive(next_tick - self._clock()):
                    self._handle(peer, message)
                self._empty_inbox()
                if (now := self._clock()) >= next_tick:
                    late, next_tick = now - next_tick, now + self._tick_seconds
                    self._answer(self._ledger.tick(now, late))
                self._carry_out()
            self._empty_inbox()
            self._carry_out()
        except BaseException as error:
            self._carry_out()  # the instructions that came before the error
            self._handler.dispatcher_failed(error)

    def _empty_inbox(self) -> None:
        while self._inbox:
            event, args = self._inbox.popleft()
            self._answer(event(*args))

    def _handle(self, peer: bytes, message: WorkerMessage) -> None:
        worker = self._worker(peer)
        if worker is None:
            return
        now = self._clock()
        match message:
            case Heartbeat():
                self._worker_clocks.correct(worker, message)
                instructions = self._ledger.heartbeat(worker, message, now)
            case Register():
                self._worker_clocks.register(worker, message)
                if worker not in self._registered:
                    self._registered.add(worker)
                    self._handler.worker_registered(worker, message)
                instructions = self._ledger.register(worker, message, now)
            case Checked():
                instructions = self._ledger.checked(worker, message, now)
            case Final() | Failed():
                self._worker_clocks.correct(worker, message)
                instructions = self._ledger.ended(worker, message, now)
            case _:
                assert_never(message)
        self._answer(instructions)

    def _worker(self, peer: bytes) -> WorkerId | None:
        if peer not in self._workers:
            self._workers[peer] = WorkerId.decode(peer)
        return self._workers[peer]

    def _answer(self, instructions: list[Instruction]) -> None:
        # Messages go first, since a worker waits for its answer. Everything else follows when all
        # workers have their answers.
        # Before the worker hears of its trial, which may report at once.
        now = self._wall_clock()
        for instruction in instructions:
            if isinstance(instruction, Send):
                self._server.send(instruction.worker.encode(), instruction.message)
            elif isinstance(instruction, Began):
                self._pending.append(Began(instruction.trial_id, instruction.worker, now))
            else:
                self._pending.append(instruction)

    def _carry_out(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, []
            self._handler.carry_out(pending)
