"""The ledger when workers, tasks and jobs are lost: what runs again, where, and what it costs."""

import pytest
from helpers.ledgers import HELLO, A, B, C, assign, beat, died, failed, final, suggest, with_running
from msgspec.structs import replace

from maggy.checkpoints.saved import CheckpointNews, Handover, SavedCheckpoint
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    Ended,
    Finished,
    GivenBack,
    GivenUp,
    Kill,
    Launch,
    Lost,
    Mistaken,
    Saved,
    Send,
)
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import (
    Abandon,
    Ack,
    Assign,
    Checked,
    Done,
    Wait,
    WorkerId,
)


def test_a_lost_trial_goes_to_a_worker_that_waits():
    ledger = with_running(A)
    ledger.register(B, HELLO, 1)
    out = ledger.lost(A, "gone", charge=True)
    assert out == [
        Lost(A, "gone"),
        GivenBack("t1", "gone"),
        Send(B, assign(2, "t1")),
        Began("t1", B),
    ]


def test_a_lost_trial_goes_to_the_back_of_the_queue():
    ledger = with_running(A, B)
    ledger.lost(A, "gone", charge=True)
    ledger.lost(B, "gone", charge=True)
    ledger.register(C, HELLO, 1)
    assert list(ledger.running) == ["t1"]
    ledger.ended(C, final(3), 2)
    assert list(ledger.running) == ["t2"]


def test_a_trial_that_was_lost_too_often_ended_without_a_mistake():
    ledger = with_running(A, B, attempts=1, give_up_after=1)
    ledger.lost(A, "gone", charge=True)
    assert not any(
        isinstance(instruction, Mistaken)
        for instruction in ledger.ended(B, failed(2, mistake="KeyError"), 1)
    )


def test_a_trial_that_loses_its_worker_too_often_is_final_with_the_reason():
    ledger = with_running(A, attempts=2)
    ledger.lost(A, "gone", charge=True)
    ledger.register(B, HELLO, 1)
    loss, end = ledger.lost(B, "the machine burnt", charge=True)
    assert loss == Lost(B, "the machine burnt")
    assert (end.trial_id, end.report) == ("t1", None)
    assert end.reason == "its worker was lost 2 times, the last time because: the machine burnt"


def test_a_loss_that_is_not_the_trials_fault_uses_up_no_attempt():
    ledger = with_running(A, attempts=1)
    assert GivenBack("t1", "another crashed") in ledger.lost(A, "another crashed", charge=False)


def test_losing_the_last_trials_worker_for_good_ends_the_experiment():
    ledger = with_running(A, attempts=1)
    ledger.register(B, HELLO, 1)
    ledger.exhausted()
    assert ledger.lost(A, "gone", charge=True)[-1] == Finished()


def test_a_worker_is_lost_once():
    ledger = with_running(A)
    ledger.lost(A, "gone", charge=True)
    assert ledger.lost(A, "gone", charge=True) == []
    assert ledger.lost(C, "never seen", charge=True) == []


def test_a_silent_worker_is_lost_when_its_time_is_over_and_not_before():
    ledger = with_running(A, worker_timeout=60)
    assert ledger.tick(60) == []
    out = ledger.tick(61)
    assert out == [
        Lost(A, "no heartbeat for 61 seconds"),
        GivenBack("t1", "no heartbeat for 61 seconds"),
        Kill(A, 0),
    ]
    assert ledger.tick(62) == []


def test_a_trial_that_its_worker_cannot_end_is_ended_without_it_and_not_run_again():
    ledger = with_running(A, max_trial_seconds=5, worker_timeout=60)
    assert ledger.tick(20) == []
    end, loss, kill, *rest = ledger.tick(21)
    assert (end.trial_id, end.report) == ("t1", None)
    assert end.reason.startswith("exceeded max_trial_seconds=5")
    assert (type(loss), kill, rest) == (Lost, Kill(A, 0), [])


def test_a_time_in_which_the_driver_could_not_listen_is_nobodys_silence_and_no_trials_time():
    ledger = with_running(A, worker_timeout=60, max_trial_seconds=50)
    ledger.heartbeat(A, beat(1), 10)
    assert ledger.tick(125, late=100) == []
    assert ledger.tick(140) == []  # 40 s without the pause, 15 s of them after it
    assert [type(instruction) for instruction in ledger.tick(172)] == [
        Ended,
        Lost,
        Kill,
    ]  # 72 s without the pause, more than 50 s and the 15 s of grace


def test_what_the_driver_missed_does_not_make_up_for_a_later_silence():
    ledger = with_running(A, worker_timeout=60)
    ledger.heartbeat(A, beat(1), 110)
    assert ledger.tick(111, late=100) == []
    assert ledger.tick(171) == []
    assert ledger.tick(172)[0] == Lost(A, "no heartbeat for 61 seconds")


def test_every_kind_of_message_is_a_sign_of_life():
    ledger = with_running(A, B, worker_timeout=60)
    ledger.heartbeat(A, beat(1), 50)
    ledger.ended(B, final(2), 50)
    assert ledger.tick(100) == []


def test_a_worker_that_was_taken_for_lost_drops_its_run_and_is_good_again():
    ledger = with_running(A)
    ledger.lost(A, "silent", charge=True)
    assert ledger.heartbeat(A, beat(1, [(0, 0.5)]), 70) == [
        Send(A, Ack(1, 0, 0)),
        Send(A, Abandon(1)),
    ]
    assert ledger.ended(A, failed(1), 71) == [Send(A, assign(2, "t1")), Began("t1", A)]


def test_the_result_of_a_run_that_was_given_back_does_not_count():
    ledger = with_running(A)
    ledger.lost(A, "silent", charge=True)
    ledger.register(B, HELLO, 1)
    assert ledger.ended(A, final(1), 2) == [Ask()]
    assert list(ledger.running) == ["t1"]


def test_a_checkpoint_of_a_worker_that_was_taken_for_lost_is_handed_to_nobody():
    def saved(run, first, *steps):
        news = [SavedCheckpoint(step, 0.5, f"{step}/run-{run}") for step in steps]
        return replace(beat(run), checkpoints=CheckpointNews(False, first, news))

    def handed_out(out):
        (message,) = [one.message for one in out if isinstance(getattr(one, "message", 0), Assign)]
        return message.handover

    ledger = with_running(A)
    assert [type(one) for one in ledger.heartbeat(A, saved(1, 0, 3), 1)] == [Saved, Send]
    ledger.lost(A, "silent", charge=True)
    assert ledger.heartbeat(A, saved(1, 1, 4), 70) == [
        Send(A, Ack(1, 0, 0)),
        Send(A, Abandon(1)),
    ]
    assert handed_out(ledger.register(B, HELLO, 71)) == Handover("t1/checkpoints/3/run-1", 3, 0.5)
    # Not either while the trial has its next run, nor with the end of the old one.
    assert ledger.heartbeat(A, saved(1, 1, 5), 72) == [Send(A, Ack(1, 0, 0)), Send(A, Abandon(1))]
    late = replace(failed(1), checkpoints=saved(1, 1, 5).checkpoints)
    assert not any(isinstance(one, Saved) for one in ledger.ended(A, late, 73))
    assert handed_out(ledger.lost(B, "silent", charge=True)).step == 3  # A gets the trial again
    (again,) = ledger.heartbeat(A, saved(1, 1, 6), 74)  # it has not heard of that
    assert again.message.handover.step == 3
    assert not any(isinstance(one, Saved) for one in ledger.ended(A, late, 75))


def test_a_task_that_spark_starts_again_replaces_its_older_attempt():
    ledger = with_running(A)
    retried = WorkerId(0, 0, 1)
    out = ledger.register(retried, HELLO, 1)
    reason = "Spark started its task again"
    assert out == [
        Lost(A, reason),
        GivenBack("t1", reason),
        Send(retried, assign(2, "t1")),
        Began("t1", retried),
    ]


def test_an_older_attempt_that_is_back_takes_nothing_from_the_newer_one():
    ledger = with_running(A)
    retried = WorkerId(0, 0, 1)
    ledger.register(retried, HELLO, 1)
    assert ledger.register(A, HELLO, 2) == [Send(A, Wait())]
    assert list(ledger.running) == ["t1"]
    assert ledger.register(WorkerId(0, 0, 2), HELLO, 3)[0] == Lost(
        A, "Spark started its task again"
    )


def test_an_older_attempt_that_comes_late_for_the_first_time_takes_nothing():
    ledger = Ledger()
    ledger.register(WorkerId(0, 0, 1), HELLO, 0)
    assert ledger.register(A, HELLO, 1) == [Send(A, Wait())]


def test_a_speculative_copy_waits_and_takes_over_only_when_the_original_is_lost():
    ledger = with_running(A, speculation=True)
    copy = WorkerId(0, 0, 1)
    assert ledger.register(copy, HELLO, 1) == [Send(copy, Wait())]
    assert ledger.heartbeat(copy, beat(waiting=True), 2) == [Send(copy, Ack(0, 0, 0))]
    assert ledger.lost(A, "gone", charge=True)[-1] == Began("t1", copy)


def test_the_loss_of_a_standby_takes_no_trial_from_the_attempt_that_works():
    ledger = with_running(A)
    ledger.preempted([A], 0)
    second, third = WorkerId(0, 0, 1), WorkerId(0, 0, 2)
    ledger.register(second, HELLO, 1)
    ledger.register(third, HELLO, 2)
    for attempt in (A, second):  # they were taken for lost, and are back as standbys
        ledger.register(attempt, HELLO, 3)
    assert ledger.lost(second, "gone", charge=True) == [Lost(second, "gone")]
    assert ledger.heartbeat(third, beat(3), 4) == [Send(third, Ack(3, 0, 0))]


def test_a_standby_that_still_ends_an_old_run_gets_nothing_before_it_has():
    ledger = with_running(A, speculation=True)
    ledger.lost(A, "silent", charge=True)
    copy = WorkerId(0, 0, 1)
    ledger.register(copy, HELLO, 1)
    ledger.heartbeat(A, beat(1), 2)  # A is back as a standby, and its old run still goes on
    assert not any(
        isinstance(instruction, Began) for instruction in ledger.lost(copy, "gone", charge=True)
    )
    assert ledger.ended(A, failed(1), 3)[-1] == Began("t1", A)


def test_a_worker_that_ends_its_own_process_is_gone_and_its_trial_final():
    ledger = with_running(A)
    out = ledger.ended(A, failed(1, leaving=True), 1)
    assert out == [Ended("t1", None, "it broke", "traceback"), Lost(A, "it broke")]


def test_a_worker_that_leaves_after_it_was_taken_for_lost_gets_no_new_trial():
    ledger = with_running(A)
    ledger.lost(A, "silent", charge=True)
    assert ledger.ended(A, failed(1, leaving=True), 2) == [Lost(A, "it broke")]
    assert list(ledger.running) == []


def test_a_trial_whose_own_process_died_runs_again_and_its_worker_goes_on():
    ledger = with_running(A, attempts=2)
    suggest(ledger, "t2")
    out = ledger.ended(A, died(1), 1)
    assert out[:3] == [GivenBack("t1", "it broke"), Send(A, assign(2, "t2")), Began("t2", A)]
    assert ledger.ended(A, final(2), 2)[1:3] == [Send(A, assign(3, "t1")), Began("t1", A)]


def test_a_trial_whose_own_process_dies_too_often_is_final_with_the_reason():
    ledger = with_running(A, attempts=2)
    ledger.ended(A, died(1), 1)
    end, *_ = ledger.ended(A, died(2), 2)
    assert (end.trial_id, end.report) == ("t1", None)
    assert end.reason == "its worker was lost 2 times, the last time because: it broke"


def test_the_last_trial_whose_own_process_dies_too_often_ends_the_experiment():
    ledger = with_running(A, attempts=1)
    ledger.register(B, HELLO, 1)
    assert Send(B, Done()) in ledger.exhausted()
    out = ledger.ended(A, died(1), 1)
    assert out[-2:] == [Send(A, Done()), Finished()]


def test_a_job_that_failed_is_started_again_and_charges_the_culprit_only():
    ledger = with_running(A, B, attempts=1)
    out = ledger.job_ended(0, [0, 1], "the task crashed", culprit=1)
    assert [instruction.trial_id for instruction in out if isinstance(instruction, GivenBack)] == [
        "t1"
    ]
    assert [instruction.trial_id for instruction in out if isinstance(instruction, Ended)] == ["t2"]
    assert out[-1] == Launch([0, 1])


def test_a_job_that_failed_without_a_known_culprit_charges_all_its_trials():
    ledger = with_running(A, B, attempts=1)
    assert {
        e.trial_id for e in ledger.job_ended(0, [0, 1], "boom", None) if isinstance(e, Ended)
    } == {"t1", "t2"}


def test_a_task_that_ends_in_peace_with_a_trial_assigned_to_it_has_lost_it():
    ledger = with_running(A, attempts=1)
    ledger.register(B, HELLO, 1)
    out = ledger.job_ended(0, [0, 1], None, culprit=None)
    (end,) = [instruction for instruction in out if isinstance(instruction, Ended)]
    assert (
        end.reason == "its worker was lost once, the last time because: its Spark task ended early"
    )
    assert out[-1] == Launch([0, 1])


@pytest.mark.parametrize("speculation", [False, True])
def test_what_a_failed_job_lost_goes_to_none_of_its_own_workers(speculation):
    ledger = with_running(A, attempts=2, speculation=speculation)
    ledger.register(B, HELLO, 1)
    if speculation:
        ledger.register(WorkerId(0, 0, 1), HELLO, 1)
    out = ledger.job_ended(0, [0, 1], "boom", None)
    assert [instruction.trial_id for instruction in out if isinstance(instruction, GivenBack)] == [
        "t1"
    ]
    assert not any(isinstance(instruction, (Began, Ended, Send)) for instruction in out)


def test_workers_of_a_job_that_is_over_are_sent_away_and_get_no_trial():
    ledger = with_running(A, B)
    ledger.job_ended(0, [0, 1], "the task crashed", culprit=1)
    for reply in (
        ledger.heartbeat(A, beat(1), 1),
        ledger.ended(A, failed(1), 1),
        ledger.register(A, HELLO, 1),
        ledger.checked(A, Checked(None, ""), 1),
    ):
        assert reply == [Send(A, Done())]
    assert list(ledger.running) == []


def test_jobs_that_serve_no_trial_three_times_in_a_row_end_the_experiment():
    ledger = Ledger()
    assert ledger.job_ended(0, [0], "no python", None) == [Launch([0])]
    assert ledger.job_ended(1, [0], "no python", None) == [Launch([0])]
    out = ledger.job_ended(2, [0], "no python", None)
    assert out == [GivenUp("3 Spark jobs in a row ended without running a trial: no python")]


def test_a_place_that_fails_while_a_worker_lives_is_tried_again_when_a_trial_begins():
    ledger = Ledger()
    ledger.register(A, HELLO, 0)
    for job in (1, 2):
        assert ledger.job_ended(job, [1], "no python", None) == [Launch([1])]
    assert ledger.job_ended(3, [1], "no python", None) == []
    assert suggest(ledger, "t1") == [Send(A, assign(1, "t1")), Began("t1", A), Launch([1])]


def test_a_job_that_served_a_trial_starts_the_count_anew():
    ledger = with_running(A, attempts=9)
    ledger.job_ended(5, [7], "no python", None)
    ledger.job_ended(6, [7], "no python", None)
    assert ledger.job_ended(0, [0], "crash", 0)[-1] == Launch([0])
    assert ledger.job_ended(8, [7], "no python", None)[-1] == Launch([7])


def test_a_job_that_ends_after_the_experiment_is_of_no_interest():
    ledger = Ledger()
    ledger.stop_all()
    assert ledger.job_ended(0, [0], "cancelled", None) == []


def test_a_trial_that_one_silent_worker_gives_back_does_not_go_to_another_silent_worker():
    ledger = with_running(A, attempts=2, worker_timeout=60)
    ledger.register(B, HELLO, 0)
    out = ledger.tick(61)
    assert [instruction for instruction in out if isinstance(instruction, (Began, Ended))] == []
    assert GivenBack("t1", "no heartbeat for 61 seconds") in out
    assert ledger.register(C, HELLO, 62)[:1] == [Send(C, assign(2, "t1"))]
