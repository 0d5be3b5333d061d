"""The ledger when Spark announces that executors will be taken away."""

import pytest
from helpers.ledgers import HELLO, A, B, C, assign, beat, died, final, suggest, with_running

from maggy.checkpoints.saved import CheckpointNews, Handover, SavedCheckpoint
from maggy.core.experiment_driver.instructions import (
    Began,
    Finished,
    GivenBack,
    Launch,
    Lost,
    Points,
    Preempted,
    Saved,
    Send,
)
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import (
    Ack,
    Assign,
    Check,
    Checked,
    Done,
    Heartbeat,
    Preempt,
    Wait,
    WorkerId,
)

REASON = "Spark takes its executor away"
NOTICE = [Preempted(A), Send(A, Preempt(1))]


def test_a_run_is_told_and_told_again_with_each_heartbeat():
    ledger = with_running(A, preemption_grace=30)
    assert ledger.preempted([A], 10) == NOTICE
    for now in (11, 39):
        assert ledger.heartbeat(A, beat(1), now) == [Send(A, Ack(1, 0, 0)), Send(A, Preempt(1))]


def test_the_news_may_come_twice_and_does_not_prolong_the_grace():
    ledger = with_running(A, preemption_grace=30)
    ledger.preempted([A], 10)
    assert ledger.preempted([A], 20) == []
    assert GivenBack("t1", REASON) in ledger.heartbeat(A, beat(1), 40)


@pytest.mark.parametrize("event", ["heartbeat", "tick"])
def test_after_the_grace_the_trial_goes_elsewhere_and_the_worker_leaves(event):
    ledger = with_running(A, attempts=1, preemption_grace=30)
    ledger.preempted([A], 10)
    ledger.register(B, HELLO, 20)
    out = ledger.tick(40) if event == "tick" else ledger.heartbeat(A, beat(1), 40)
    assert out == [
        Send(A, Done()),
        GivenBack("t1", REASON),
        Send(B, assign(2, "t1")),
        Began("t1", B),
        Launch([0]),
    ]


def test_without_a_free_worker_the_trial_waits_for_one():
    ledger = with_running(A, B, preemption_grace=30)
    ledger.preempted([A], 10)
    out = ledger.heartbeat(A, beat(1), 40)
    assert out == [Send(A, Done()), GivenBack("t1", REASON), Launch([0])]
    moved = WorkerId(1, 0, 0)
    assert ledger.register(moved, HELLO, 50)[:1] == [Send(moved, assign(3, "t1"))]


def test_what_comes_with_the_last_heartbeat_still_counts():
    ledger = with_running(A, preemption_grace=30)
    ledger.preempted([A], 10)
    saved = SavedCheckpoint(3, 0.5, "3/0.0.0-1", 100, 0.1)
    message = Heartbeat(1, 0, [(3, 0.5)], 0, [], False, [], CheckpointNews(False, 0, [saved]))
    out = ledger.heartbeat(A, message, 40)
    assert out[:2] == [Points("t1", [(3, 0.5)]), Saved("t1", [saved])]
    (answer,) = [
        instruction.message
        for instruction in ledger.register(WorkerId(1, 0, 0), HELLO, 50)
        if isinstance(instruction, Send)
    ]
    assert answer.handover == Handover("t1/checkpoints/3/0.0.0-1", 3, 0.5)


def test_a_run_that_ends_in_time_counts_and_its_worker_gets_no_other_trial():
    ledger = with_running(A, ahead=1)
    suggest(ledger, "t2")
    ledger.preempted([A], 10)
    end, *rest = ledger.ended(A, final(1), 20)
    assert end.report == final(1)
    assert rest == [Send(A, Done()), Launch([0])]
    assert ledger.heartbeat(A, beat(1), 21) == [Send(A, Done())]


def test_a_free_worker_leaves_at_once():
    ledger = Ledger()
    ledger.register(A, HELLO, 0)
    assert ledger.preempted([A], 10) == [Preempted(A), Send(A, Done()), Launch([0])]
    assert suggest(ledger, "t1") == []


def test_what_one_of_them_gives_back_goes_to_none_of_the_others():
    ledger = with_running(A, B, preemption_grace=30)
    ledger.register(C, HELLO, 0)
    ledger.preempted([A, B, C], 10)
    out = ledger.tick(40)
    assert [instruction for instruction in out if isinstance(instruction, Began)] == []
    assert sorted(ledger.running) == []


def test_one_that_comes_back_after_its_time_leaves_as_well():
    ledger = with_running(A)
    ledger.lost(A, "silent", charge=True)
    assert ledger.preempted([A], 10) == []
    assert ledger.register(A, HELLO, 20) == [Send(A, Done()), Launch([0])]


@pytest.mark.parametrize("event", ["lost", "died", "job_ended", "register"])
def test_however_its_worker_goes_the_trial_loses_no_attempt(event):
    ledger = with_running(A, attempts=1)
    ledger.preempted([A], 10)
    out = {
        "lost": lambda: ledger.lost(A, "gone", charge=True),
        "died": lambda: ledger.ended(A, died(1), 11),
        "job_ended": lambda: ledger.job_ended(0, [0], "executor lost", None),
        "register": lambda: ledger.register(WorkerId(0, 0, 1), HELLO, 11),
    }[event]()
    assert "t1" in [
        instruction.trial_id for instruction in out if isinstance(instruction, GivenBack)
    ]


def test_a_place_is_opened_elsewhere_only_if_a_trial_needs_it():
    ledger = with_running(A, B, preemption_grace=30)
    ledger.register(C, HELLO, 0)
    assert ledger.exhausted() == [Send(C, Done())]
    ledger.preempted([A, B], 10)
    assert Launch([0]) not in ledger.ended(A, final(1), 20)
    assert ledger.heartbeat(B, beat(2), 40) == [
        Send(B, Done()),
        GivenBack("t2", REASON),
        Launch([2]),  # the place that has been vacant for the longest time
    ]


def test_the_end_of_the_last_trial_on_such_a_worker_ends_the_experiment():
    ledger = with_running(A)
    ledger.register(B, HELLO, 0)
    ledger.exhausted()
    ledger.preempted([A], 10)
    assert ledger.ended(A, final(1), 20)[-2:] == [Send(A, Done()), Finished()]
    assert ledger.tick(50) == []


def test_a_check_is_completed_and_its_worker_leaves_then():
    ledger = Ledger(check_first=True)
    assert ledger.register(A, HELLO, 0) == [Send(A, Check(True))]
    assert ledger.preempted([A], 10) == [Preempted(A)]
    ledger.register(B, HELLO, 11)
    out = ledger.checked(A, Checked(None, ""), 20)
    assert out[:2] == [Send(A, Done()), Launch([0])]


def test_a_check_that_takes_longer_than_the_grace_is_made_by_another_worker():
    ledger = Ledger(check_first=True, preemption_grace=30)
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    ledger.preempted([A], 10)
    assert ledger.tick(40) == [Send(A, Done()), Launch([0]), Send(B, Check(True))]


def test_a_retry_of_the_task_of_such_a_worker_leaves_since_its_place_was_opened_elsewhere():
    ledger = with_running(A, preemption_grace=30)
    ledger.preempted([A], 10)
    ledger.tick(40)
    retried = WorkerId(0, 0, 1)
    assert ledger.register(retried, HELLO, 41) == [Send(retried, Done())]
    moved = WorkerId(1, 0, 0)
    assert isinstance(ledger.register(moved, HELLO, 42)[0].message, Assign)


def test_a_standby_stays_until_its_rival_is_lost():
    ledger = with_running(A, speculation=True, preemption_grace=30)
    copy = WorkerId(0, 0, 1)
    ledger.register(copy, HELLO, 1)
    assert ledger.preempted([copy], 10) == [Preempted(copy)]
    assert ledger.tick(50) == []
    assert ledger.heartbeat(copy, beat(waiting=True), 51) == [Send(copy, Ack(0, 0, 0))]
    assert ledger.lost(A, "gone", charge=True) == [
        Lost(A, "gone"),
        GivenBack("t1", "gone"),
        Send(copy, Done()),
        Launch([0]),
    ]


def test_a_standby_that_asks_again_waits_since_its_end_would_end_its_rival():
    ledger = with_running(A, speculation=True)
    ledger.lost(A, "silent", charge=True)
    copy = WorkerId(0, 0, 1)
    ledger.register(copy, HELLO, 1)
    ledger.heartbeat(A, beat(1), 2)  # A is back as a standby, and its old run still goes on
    ledger.preempted([A], 10)
    assert ledger.ended(A, final(1), 11) == [Send(A, Wait())]


def test_unknown_workers_and_the_time_after_the_end_change_nothing():
    ledger = with_running(A)
    assert ledger.preempted([C], 10) == []
    ledger.stop_all()
    assert ledger.preempted([A], 11) == []
    assert ledger.tick(41) == []


def test_a_worker_that_waits_beside_it_is_not_disturbed():
    ledger = with_running(A)
    ledger.register(B, HELLO, 0)
    ledger.preempted([A], 10)
    assert ledger.register(B, HELLO, 11) == [Send(B, Wait())]
