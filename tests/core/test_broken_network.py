"""When the network breaks for a while, no message is lost or doubled, and no trial runs twice."""

import contextlib
import queue
import socket
import threading
from dataclasses import replace

import pytest
from helpers.waiting import HANG, running

from maggy.core.executors.session import Session
from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.instructions import Ended, Points
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import Assign, Done, Register
from maggy.core.rpc import Server

pytestmark = pytest.mark.loopback


class Road:
    """A TCP proxy in front of a port, which tests close and open again."""

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        self._lock = threading.Lock()
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Cut every connection, together with the data on its way, and refuse new ones."""
        with self._lock:
            self._open = False
            for end in self._sockets:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._sockets.clear()

    def open(self):
        self._open = True

    def end(self):
        """Close the road for good."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close()

    def _accept(self):
        with contextlib.suppress(OSError):  # raised when the listener closes
            while True:
                near, _ = self._listener.accept()
                with self._lock:
                    self._connect(near)

    def _connect(self, near):
        if not self._open:
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self._target))
        self._sockets += [near, far]
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)


class Seen:
    """A handler that takes the ledger's instructions, and keeps points and ends."""

    def __init__(self):
        self.points = []
        self.ended = []
        self.news = queue.SimpleQueue()

    def worker_registered(self, worker, message):
        pass

    def carry_out(self, instructions):
        for instruction in instructions:
            if isinstance(instruction, Points):
                self.points += instruction.points
            elif isinstance(instruction, Ended):
                self.ended.append(instruction.trial_id)
                self.news.put(instruction)

    def dispatcher_failed(self, error):
        raise error


@pytest.fixture
def ends():
    """Return a function that registers a call for the end of the test; the last call runs first."""
    with contextlib.ExitStack() as stack:
        yield stack.callback


def test_points_arrive_once_in_order_and_a_lost_answer_makes_no_trial_run_twice(ends):
    server = Server("127.0.0.1")
    address = server.start()
    road = Road(int(address.endpoint.rsplit(":", 1)[1]))
    ends(road.end)
    handler, ledger = Seen(), Ledger(worker_timeout=600)
    dispatcher = Dispatcher(server, ledger, handler)
    dispatcher.start()
    ends(dispatcher.close)
    session = Session(
        replace(address, endpoint=f"tcp://127.0.0.1:{road.port}"),
        b"0.0.0",
        hb_interval=0.05,
        answer_timeout=600,
    )
    session.start()
    ends(session.close)
    for name in ("first", "second"):
        ledger._queue.pending += 1
        dispatcher.post(ledger.suggested, name, {}, "")
    first = session.request(Register.of_this_release("host", 1))
    assert isinstance(first, Assign)
    session.begin()
    for step in range(300):
        session.reporter.broadcast(step / 2, step)
        if step % 100 == 50:
            road.close()
        if step % 100 == 80:
            road.open()
        threading.Event().wait(0.005)
    road.close()
    with running(session.final, 1.0, {"metric": 1.0}, False, release=road.open) as final:
        # Meanwhile the message about the trial's end and the answer to it get lost.
        threading.Event().wait(0.5)
        road.open()
        second = final.result()
    handler.news.get(timeout=HANG)  # the news comes after the answer
    assert handler.points == [(step, step / 2) for step in range(300)]
    assert handler.ended == [first.trial_id]
    assert isinstance(second, Assign)
    assert {first.trial_id, second.trial_id} == {"first", "second"}
    road.close()
    threading.Event().wait(0.2)
    road.open()
    session.begin()
    ledger._queue.pending += 1
    dispatcher.post(ledger.exhausted)
    assert isinstance(session.final(2.0, {"metric": 2.0}, False), Done)
    handler.news.get(timeout=HANG)
    assert sorted(handler.ended) == ["first", "second"]
