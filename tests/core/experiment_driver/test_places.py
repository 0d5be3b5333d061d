"""Workers that can get no further trial leave, and new ones start when a trial comes back."""

import pytest
from helpers.ledgers import HELLO, A, B, C, assign, beat, failed, final, suggest, with_running

from maggy.core.experiment_driver.instructions import (
    Began,
    Ended,
    Finished,
    GivenBack,
    GivenUp,
    Launch,
    Lost,
    Send,
)
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import (
    Ack,
    Checked,
    Done,
    Wait,
    WorkerId,
)


def in_the_end(*workers, leaving=(), **options):
    """Return a ledger in which these workers run the last trials, and the others got none.

    Args:
        leaving: Workers that ask for a trial and get none.
    """
    ledger = with_running(*workers, **options)
    for worker in leaving:
        ledger.register(worker, HELLO, 1)
    for _ in range(ledger._queue.pending):
        ledger.exhausted()
    return ledger


def test_a_free_worker_leaves_once_it_is_known_that_there_are_no_more_trials():
    ledger = with_running(A)
    ledger.register(B, HELLO, 1)
    assert ledger.exhausted() == [Send(B, Done())]


def test_a_worker_leaves_when_its_trial_ends_and_there_are_no_more():
    ledger = in_the_end(A, B, leaving=[C])
    assert ledger.ended(A, final(1), 2) == [Ended("t1", final(1), "", ""), Send(A, Done())]


def test_a_worker_that_comes_when_all_trials_are_assigned_leaves_at_once():
    ledger = in_the_end(A, leaving=[B])
    assert ledger.register(C, HELLO, 2) == [Send(C, Done())]


def test_nobody_leaves_while_a_suggestion_is_on_its_way():
    ledger = with_running(A)
    ledger.register(B, HELLO, 1)
    ledger.register(C, HELLO, 1)
    assert ledger.exhausted() == []
    assert ledger.exhausted() == [Send(B, Done()), Send(C, Done())]


def test_nobody_leaves_while_the_policy_may_have_more():
    ledger = with_running(A)
    assert ledger.ended(A, final(1), 1)[-1] != Send(A, Done())
    assert ledger.register(A, HELLO, 2) == [Send(A, Wait())]


def test_a_spare_worker_stays_and_takes_over_what_is_lost():
    ledger = in_the_end(A, leaving=[B, C], spare=1)
    assert ledger.register(B, HELLO, 2) == [Send(B, Wait())]
    assert ledger.register(C, HELLO, 2) == [Send(C, Done())]
    assert ledger.lost(A, "gone", charge=True)[-1] == Began("t1", B)


def test_one_that_was_told_to_leave_is_told_again_whatever_it_says():
    ledger = in_the_end(A, leaving=[B])
    ledger.lost(A, "gone", charge=True)  # now there would be a trial
    for reply in (
        ledger.register(B, HELLO, 2),
        ledger.heartbeat(B, beat(waiting=True), 2),
        ledger.ended(B, failed(7), 2),
        ledger.checked(B, Checked(None, ""), 2),
    ):
        assert reply == [Send(B, Done())]


def test_one_that_left_is_not_missed():
    ledger = in_the_end(A, leaving=[B], worker_timeout=60)
    ledger.heartbeat(A, beat(1), 100)
    assert ledger.tick(101) == []
    assert ledger.job_ended(5, [7], None, None) == []


@pytest.mark.parametrize("error", [None, "another task of it crashed"])
def test_a_job_whose_workers_have_left_is_not_started_again(error):
    ledger = in_the_end(A, leaving=[WorkerId(1, 1, 0)])
    assert ledger.job_ended(1, [1], error, None) == []


def test_a_trial_that_is_lost_after_that_has_a_vacant_place_opened_in_a_new_job():
    ledger = in_the_end(A, leaving=[B, C])
    assert ledger.lost(A, "gone", charge=True) == [
        Lost(A, "gone"),
        GivenBack("t1", "gone"),
        Launch([1]),
    ]
    newcomer = WorkerId(1, 1, 0)
    assert ledger.register(newcomer, HELLO, 2) == [
        Send(newcomer, assign(2, "t1")),
        Began("t1", newcomer),
    ]


def test_one_place_is_opened_for_a_trial_however_often_its_workers_are_lost():
    ledger = in_the_end(A, leaving=[B, C], attempts=9)
    assert Launch([1]) in ledger.lost(A, "gone", charge=True)
    again = WorkerId(0, 0, 1)
    ledger.register(again, HELLO, 2)  # Spark restarts the task before the new job starts
    assert not any(
        isinstance(instruction, Launch) for instruction in ledger.lost(again, "gone", charge=True)
    )


def test_of_spark_and_the_new_job_whoever_comes_first_gets_the_trial_and_the_other_leaves():
    ledger = in_the_end(A, leaving=[B])
    ledger.lost(A, "silent", charge=True)
    retried, newcomer = WorkerId(0, 0, 1), WorkerId(1, 1, 0)
    assert ledger.register(retried, HELLO, 2)[-1] == Began("t1", retried)
    assert ledger.register(newcomer, HELLO, 3) == [Send(newcomer, Done())]


def test_a_task_that_spark_starts_again_needs_no_new_job():
    ledger = in_the_end(A, leaving=[B])
    out = ledger.register(WorkerId(0, 0, 1), HELLO, 2)
    assert not any(isinstance(instruction, Launch) for instruction in out)


def test_a_failed_job_is_started_again_for_as_many_workers_as_there_are_trials():
    ledger = in_the_end(A, B, C, leaving=[WorkerId(0, 3, 0)])
    ledger.ended(A, final(1), 2)
    out = ledger.job_ended(0, [0, 1, 2, 3], "the task crashed", culprit=1)
    assert [instruction.trial_id for instruction in out if isinstance(instruction, GivenBack)] == [
        "t2",
        "t3",
    ]
    assert [instruction for instruction in out if isinstance(instruction, Launch)] == [
        Launch([1, 2])
    ]


def test_a_failed_job_that_no_trial_needs_is_not_started_again():
    ledger = in_the_end(A, leaving=[B])
    assert ledger.job_ended(3, [5], "no free slot", None) == []


def test_new_jobs_that_fail_again_and_again_end_the_experiment():
    ledger = in_the_end(A, leaving=[B])
    assert ledger.job_ended(0, [0, 1], "crash", 0)[-1] == Launch([0])
    for job in (1, 2):
        assert ledger.job_ended(job, [0], "no python", None) == [Launch([0])]
    assert isinstance(ledger.job_ended(3, [0], "no python", None)[0], GivenUp)


def test_the_copy_of_a_worker_leaves_with_it():
    ledger = with_running(A, speculation=True)
    copy = WorkerId(0, 1, 1)
    ledger.register(B, HELLO, 1)
    ledger.register(copy, HELLO, 1)
    assert ledger.exhausted() == [Send(B, Done()), Send(copy, Done())]


def test_the_copy_of_a_worker_that_runs_a_last_trial_stays():
    ledger = with_running(A, speculation=True)
    copy = WorkerId(0, 0, 1)
    ledger.register(copy, HELLO, 1)
    ledger.register(B, HELLO, 1)
    assert ledger.exhausted() == [Send(B, Done())]
    assert ledger.heartbeat(copy, beat(waiting=True), 2) == [Send(copy, Ack(0, 0, 0))]
    assert ledger.lost(A, "gone", charge=True)[-1] == Began("t1", copy)


def test_an_experiment_without_any_trial_lets_everybody_go_and_ends():
    ledger = Ledger()
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    ledger.exhausted()
    assert ledger.exhausted() == [Send(A, Done()), Send(B, Done()), Finished()]


def test_trials_that_wait_in_the_queue_keep_their_workers():
    ledger = with_running(A, ahead=2)
    suggest(ledger, "t2")
    suggest(ledger, "t3")
    ledger.ended(A, final(1), 2)  # goes on with t2, and one more is asked for
    assert ledger.exhausted() == []
    assert ledger.register(B, HELLO, 3)[-1] == Began("t3", B)
    assert ledger.ended(A, final(2), 4)[-1] == Send(A, Done())
