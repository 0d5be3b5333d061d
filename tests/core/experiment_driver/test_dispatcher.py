"""The dispatcher's clock: what happens at a tick that comes late."""

import queue

import pytest
from helpers.ledgers import HELLO, A

from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.instructions import Began
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import Assign
from maggy.core.rpc import Server

pytestmark = pytest.mark.loopback


class Jumping:
    """A clock in seconds that only tests move."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Ticks(Ledger):
    """A ledger that keeps the arguments and the answers of each tick."""

    def __post_init__(self):
        super().__post_init__()
        self.ticks = queue.SimpleQueue()

    def tick(self, now, late=0.0):
        out = super().tick(now, late)
        self.ticks.put((now, late, out))
        return out


class Handler:
    def worker_registered(self, worker, message): ...

    def carry_out(self, instructions): ...

    def dispatcher_failed(self, error): ...


@pytest.fixture
def driver():
    """Return a dispatcher, its ledger and its clock, which stands."""
    server, ledger, clock = Server("127.0.0.1"), Ticks(worker_timeout=60), Jumping()
    server.start()
    dispatcher = Dispatcher(server, ledger, Handler(), clock)
    dispatcher.start()
    yield dispatcher, ledger, clock
    dispatcher.close()


def jump(dispatcher, ledger, clock, seconds):
    """Let the clock jump, and return the next tick."""
    clock.now += seconds
    dispatcher.post(list)
    return ledger.ticks.get(timeout=10)


def test_a_gap_in_the_drivers_own_clock_is_no_workers_silence(driver):
    dispatcher, ledger, clock = driver
    dispatcher.post(ledger.register, A, HELLO, 0.0)
    now, late, out = jump(dispatcher, ledger, clock, 100.0)
    assert (now, late, out) == (100.0, 85.0, [])
    assert jump(dispatcher, ledger, clock, 15.0) == (115.0, 0.0, [])


def test_a_worker_that_stays_silent_after_the_gap_is_lost(driver):
    dispatcher, ledger, clock = driver
    dispatcher.post(ledger.register, A, HELLO, 0.0)
    jump(dispatcher, ledger, clock, 100.0)
    for _ in range(3):
        assert jump(dispatcher, ledger, clock, 15.0)[2] == []
    assert jump(dispatcher, ledger, clock, 15.0)[2]


def test_a_trial_begins_before_its_worker_hears_of_it():
    wall_clock, handed_on, sent_at = Jumping(), queue.SimpleQueue(), []

    class Slow(Server):
        def send(self, identity, message):
            wall_clock.now += 5.0
            if isinstance(message, Assign):
                sent_at.append(wall_clock.now)
            return super().send(identity, message)

    class Keeping(Handler):
        def carry_out(self, instructions):
            for instruction in instructions:
                if isinstance(instruction, Began):
                    handed_on.put(instruction)

    server, ledger = Slow("127.0.0.1"), Ledger()
    server.start()
    dispatcher = Dispatcher(server, ledger, Keeping(), wall_clock=wall_clock)
    dispatcher.start()
    try:
        wall_clock.now = 1000.0
        dispatcher.post(ledger.register, A, HELLO, 0.0)
        dispatcher.post(ledger.suggested, "t1", {}, "dir")
        began = handed_on.get(timeout=10)
        assert (began.trial_id, began.worker) == ("t1", A)
        assert 1000.0 <= began.at < sent_at[0]
    finally:
        dispatcher.close()
