"""A worker asks for work, does it, and leaves."""

import pytest

from maggy.core.executors.worker_loop import serve
from maggy.core.messages import Assign, Check, Checked, Done, Register, Wait

HELLO = Register("host", 1)


class Worker:
    """Plays a session and an executor, and notes the calls."""

    def __init__(self, *answers):
        self.answers = iter(answers)
        self.calls = []

    def request(self, message):
        self.calls.append(message)
        return next(self.answers)

    def train(self, assignment):
        self.calls.append(assignment)
        return next(self.answers)

    def check(self, probe):
        self.calls.append(("check", probe))
        return Checked(None, "")


def test_a_worker_does_what_the_driver_says_until_it_is_done():
    assignment = Assign(1, "t1", {}, "")
    worker = Worker(Check(False), assignment, Done())
    serve(worker, HELLO, worker)
    assert worker.calls == [HELLO, ("check", False), Checked(None, ""), assignment]


def test_an_answer_of_an_unknown_kind_is_an_error_with_its_name():
    worker = Worker(Wait())
    with pytest.raises(AssertionError, match="Wait"):
        serve(worker, HELLO, worker)
