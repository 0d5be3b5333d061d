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
    """Who carries the ledger's instructions out, all but the sending of messages. Must not block.

    Instructions come in order, those of many messages together when many have come.
    """

    def worker_registered(self, worker: WorkerId, message: Register) -> None: ...

    def carry_out(self, instructions: list[Instruction]) -> None: ...

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
        self,
        server: Server,
        ledger: Ledger,
        instructed: Instructed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._ledger = ledger
        self._instructed = instructed
        self._clock = clock
        self._inbox: deque[tuple[Callable[..., list[Instruction]], tuple[Any, ...]]] = deque()
        self._closing = False
        self._registered: set[WorkerId] = set()
        self._workers: dict[bytes, WorkerId | None] = {}  # by routing id
        self._pending: list[Instruction] = []
        self._tick_seconds = (
            min(ledger.worker_timeout, ledger.max_trial_seconds or ledger.worker_timeout, 60.0) / 4
        )
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
                if (now := self._clock()) >= next_tick:
                    late, next_tick = now - next_tick, now + self._tick_seconds
                    self._answer(self._ledger.tick(now, late))
                self._carry_out()
            self._empty_inbox()
            self._carry_out()
        except BaseException as error:
            self._carry_out()  # what came before it
            self._instructed.dispatcher_failed(error)

    def _empty_inbox(self) -> None:
        while self._inbox:
            event, args = self._inbox.popleft()
            self._answer(event(*args))

    def _hear(self, peer: bytes, message: WorkerMessage) -> None:
        worker = self._worker(peer)
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
        self._answer(instructions)

    def _worker(self, peer: bytes) -> WorkerId | None:
        if peer not in self._workers:
            self._workers[peer] = WorkerId.decode(peer)
        return self._workers[peer]

    def _answer(self, instructions: list[Instruction]) -> None:
        """Send what is to be sent, since a worker waits for it; the rest follows when all have their answers."""
        for instruction in instructions:
            if type(instruction) is Send:
                self._server.send(instruction.worker.encode(), instruction.message)
            else:
                self._pending.append(instruction)

    def _carry_out(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, []
            self._instructed.carry_out(pending)
