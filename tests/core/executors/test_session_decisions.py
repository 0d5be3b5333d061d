"""What a session makes of single messages, without a connection: faults show at once here."""

from types import SimpleNamespace

import pytest

from maggy.core.executors.session import Session
from maggy.core.messages import Ack, Assign, Done, Failed, Heartbeat, Preempt, Stop
from maggy.core.rpc import Address, Client

NOWHERE = Address("tcp://127.0.0.1:1", b"", b"", b"")


@pytest.fixture
def session():
    """A session that never connects, and keeps what it would send."""
    session = Session(NOWHERE, b"0.0.0", hb_interval=1.0)
    session.requests = []
    session._ask = lambda request: session.requests.append(request)
    session._on_message(Assign(1, "t1", {}, ""))
    return session


def test_points_that_the_driver_has_are_not_sent_again(session):
    session.reporter.broadcast(0.5, 1)
    session.reporter.broadcast(0.25, 2)
    session._on_message(Ack(1, 1, 0))
    session.final(0.25, {"metric": 0.25}, False)
    assert session.requests[-1][-1].points == [(2, 0.25)]


def test_an_acknowledgement_of_an_older_run_changes_nothing(session):
    session._on_message(Assign(2, "t2", {}, ""))
    session.reporter.broadcast(0.5, 1)
    session._on_message(Ack(1, 1, 0))
    session.final(0.5, {"metric": 0.5}, False)
    assert session.requests[-1][-1].points == [(1, 0.5)]


def test_a_trial_that_fails_when_the_experiment_is_over_is_not_reported_as_failed(session):
    session.failed("before the end", "")
    session._on_message(Done())
    session.failed("after the end", "")
    assert [type(request[-1]) for request in session.requests] == [Failed, Heartbeat]


def test_only_the_current_run_is_stopped(session):
    session._on_message(Stop(0))
    assert not session.reporter.is_stopped
    session._on_message(Stop(1))
    assert session.reporter.is_stopped


def test_only_the_current_run_is_asked_for_a_checkpoint(session):
    told = []
    session._pass_on = told.append
    session._on_message(Preempt(0))
    assert (session.reporter.should_checkpoint, told) == (False, [])
    session._on_message(Preempt(1))
    assert (session.reporter.should_checkpoint, told) == (True, [Preempt(1)])
    session._on_message(Assign(2, "t2", {}, ""))
    assert not session.reporter.should_checkpoint


@pytest.mark.parametrize("is_preempted", [False, True])
def test_an_interrupted_function_hears_why_its_worker_leaves(session, is_preempted):
    reasons = []
    session._function.interrupt = lambda reason, now: reasons.append(reason)
    if is_preempted:
        session._on_message(Preempt(1))
    session._on_message(Done())
    expected = "its executor will be taken away" if is_preempted else "the experiment has ended"
    assert reasons == [expected]


def test_a_message_of_an_unknown_kind_is_an_error_that_names_it(session):
    with pytest.raises(AssertionError, match="Failed"):
        session._on_message(Failed(1, 0, [], 0, [], "", ""))


def test_a_client_whose_thread_fails_says_so():
    errors = []
    client = Client(NOWHERE, b"0.0.0", print, print, errors.append)
    client._socket = SimpleNamespace(closed=True)  # stands in for one that was never opened

    def fail():
        raise ValueError("a message that nobody understands")

    client._exchange_messages = fail
    client._run()
    assert [str(error) for error in errors] == ["a message that nobody understands"]
