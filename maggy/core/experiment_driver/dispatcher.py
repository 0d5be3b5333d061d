"""The thread that owns the server and the ledger: messages in, instructions out. It waits for no policy and no disk."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from maggy.core.experiment_driver.instructions import Instruction, Send, WorkerId
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import Checked, Heartbeat, Register, WorkerMessage
from maggy.core.rpc import Server

__all__ = ["Dispatcher", "Instructed"]


class Instructed(Protocol):
    """Who carries the ledger's instructions out, all but the sending of messages. Must not block."""

    def worker_registered(self, worker: WorkerId, message: Register) -> None: ...

    def carry_out(self, instruction: Instruction) -> None: ...

    def dispatcher_failed(self, error: BaseException) -> None: ...


class Dispatcher:
    """Feeds the ledger with what workers, policy, Spark and the clock say, one at a time.

    Args:
        server: A started server.
        ledger: The bookkeeping.
        instructed: Carries the instructions out.
        clock: Monotonic seconds.
    """

    def __init__(
        self, server: Server, ledger: Ledger, instructed: Instructed, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._server = server
        self._ledger = ledger
        self._instructed = instructed
        self._clock = clock
        self._inbox: deque[tuple[Callable[..., list[Instruction]], tuple[Any, ...]]] = deque()
        self._closing = False
        self._registered: set[WorkerId] = set()
        self._tick_seconds = min(ledger.worker_timeout, ledger.max_trial_seconds or ledger.worker_timeout, 60.0) / 4
        self._thread = threading.Thread(target=self._run, name="maggy-dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def post(self, event: Callable[..., list[Instruction]], *args: Any) -> None:
        """Have an event of the ledger happen soon. May be called from any thread."""
        self._inbox.append((event, args))
        self._server.wake()

    def close(self) -> None:
        """End the thread, once what was posted before is done, and close the server."""
        self._closing = True
        self._server.wake()
        if self._thread.ident is not None:  # it may not have got so far
            self._thread.join()
        self._server.close()

    def _run(self) -> None:
        try:
            next_tick = self._clock() + self._tick_seconds
            while not self._closing:
                for peer, message in self._server.receive(next_tick - self._clock()):
                    self._hear(peer, message)
                self._empty_inbox()
                if self._clock() >= next_tick:
                    next_tick = self._clock() + self._tick_seconds
                    self._carry_out(self._ledger.tick(self._clock()))
            self._empty_inbox()
        except BaseException as error:
            self._instructed.dispatcher_failed(error)

    def _empty_inbox(self) -> None:
        while self._inbox:
            event, args = self._inbox.popleft()
            self._carry_out(event(*args))

    def _hear(self, peer: bytes, message: WorkerMessage) -> None:
        worker = WorkerId.decode(peer)
        if worker is None:
            return
        now = self._clock()
        if isinstance(message, Heartbeat):
            instructions = self._ledger.heartbeat(worker, message, now)
        elif isinstance(message, Register):
            if worker not in self._registered:
                self._registered.add(worker)
                self._instructed.worker_registered(worker, message)
            instructions = self._ledger.register(worker, message, now)
        elif isinstance(message, Checked):
            instructions = self._ledger.checked(worker, message, now)
        else:
            instructions = self._ledger.ended(worker, message, now)
        self._carry_out(instructions)

    def _carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:  # answers first: a worker waits for them
            if isinstance(instruction, Send):
                self._server.send(instruction.worker.encode(), instruction.message)
        for instruction in instructions:
            if not isinstance(instruction, Send):
                self._instructed.carry_out(instruction)
