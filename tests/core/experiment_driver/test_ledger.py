"""The ledger, event by event: which instructions follow from an event."""

import pytest
from helpers.ledgers import HELLO, A, B, C, assign, beat, failed, final, suggest, with_running

from maggy import __version__
from maggy.core.experiment_driver.give_up import Mistake
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    CheckFailed,
    DecisionWanted,
    Ended,
    Finished,
    GivenBack,
    GivenUp,
    Lines,
    Lost,
    Mistaken,
    Paused,
    Points,
    Probed,
    Refused,
    Send,
)
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import (
    Ack,
    Check,
    Checked,
    Decided,
    Done,
    Failed,
    Final,
    Heartbeat,
    Pause,
    Register,
    Stop,
    Wait,
    WorkerId,
)
from maggy.version import PROTOCOL


def test_a_new_worker_has_the_driver_ask_for_a_trial():
    assert Ledger().register(A, HELLO, 0) == [Ask()]


def test_a_suggestion_goes_to_the_worker_that_waits_longest():
    ledger = Ledger()
    ledger.register(B, HELLO, 0)
    ledger.register(A, HELLO, 0)
    assert suggest(ledger, "t1") == [Send(B, assign(1, "t1")), Began("t1", B)]
    assert suggest(ledger, "t2") == [Send(A, assign(2, "t2")), Began("t2", A)]


def test_one_suggestion_is_asked_for_each_worker_that_waits_and_not_more():
    ledger = Ledger()
    assert ledger.register(A, HELLO, 0) == [Ask()]
    assert ledger.register(A, HELLO, 1) == [Send(A, Wait())]
    assert ledger.register(B, HELLO, 1) == [Ask()]


def test_trials_are_kept_ready_so_that_a_free_worker_gets_the_next_one_at_once():
    ledger = Ledger(ahead=2)
    assert ledger.register(A, HELLO, 0) == [Ask()] * 3
    assert suggest(ledger, "t1") == [Send(A, assign(1, "t1")), Began("t1", A)]
    assert suggest(ledger, "t2") == suggest(ledger, "t3") == []
    assert ledger.ended(A, final(1), 1) == [
        Ended("t1", final(1), "", ""),
        Send(A, assign(2, "t2")),
        Began("t2", A),
        Ask(),
    ]


def test_trials_that_were_kept_ready_are_run_when_there_are_no_more():
    ledger = Ledger(ahead=2)
    ledger.register(A, HELLO, 0)
    suggest(ledger, "t1")
    suggest(ledger, "t2")
    assert ledger.exhausted() == []
    assert ledger.ended(A, final(1), 1)[1:] == [Send(A, assign(2, "t2")), Began("t2", A)]
    assert ledger.ended(A, final(2), 2)[-1] == Finished()


def test_a_repeated_request_gets_the_same_assignment_again():
    ledger = with_running(A)
    assert ledger.register(A, HELLO, 1) == [Send(A, assign(1, "t1"))]
    assert ledger.heartbeat(A, beat(run=0, waiting=True), 1) == [Send(A, assign(1, "t1"))]


def test_a_heartbeat_hands_on_what_is_new_and_acknowledges_all():
    ledger = with_running(A)
    first = Heartbeat(1, 0, [(0, 0.1), (1, 0.2)], 0, [(True, "x")], False)
    assert ledger.heartbeat(A, first, 1) == [
        Points("t1", [(0, 0.1), (1, 0.2)]),
        Lines("t1", A, [(True, "x")]),
        Send(A, Ack(1, 2, 1)),
    ]
    again = Heartbeat(1, 0, [(0, 0.1), (1, 0.2), (2, 0.3)], 0, [(True, "x")], False)
    assert ledger.heartbeat(A, again, 2) == [Points("t1", [(2, 0.3)]), Send(A, Ack(1, 3, 1))]
    assert ledger.heartbeat(A, first, 3) == [Send(A, Ack(1, 3, 1))]


def test_a_question_goes_behind_its_points_and_is_answered_while_the_run_goes_on():
    ledger = with_running(A)
    question = Heartbeat(1, 0, [(0, 0.1), (1, 0.2)], 0, [], False, asks=True)
    wanted = DecisionWanted("t1", 1, 2)
    acknowledgement = Send(A, Ack(1, 2, 0))
    points = Points("t1", [(0, 0.1), (1, 0.2)])
    assert ledger.heartbeat(A, question, 1) == [points, wanted, acknowledgement]
    assert ledger.heartbeat(A, question, 2) == [wanted, acknowledgement]
    assert ledger.decided(wanted) == [Send(A, Decided(1, 2))]
    assert ledger.decided(DecisionWanted("t1", 7, 2)) == []
    ledger.ended(A, final(1), 3)
    assert ledger.decided(wanted) == []


def test_points_that_the_worker_had_to_drop_leave_a_gap_and_no_error():
    ledger = with_running(A)
    assert ledger.heartbeat(A, beat(1, [(9, 0.9)], first=9), 1) == [
        Points("t1", [(9, 0.9)]),
        Send(A, Ack(1, 10, 0)),
    ]


def test_the_last_points_come_before_the_end():
    ledger = with_running(A)
    message = final(1, points=[(0, 0.5)])
    assert ledger.ended(A, message, 1)[:2] == [
        Points("t1", [(0, 0.5)], True),
        Ended("t1", message, "", ""),
    ]


def test_a_worker_that_ends_a_trial_wants_the_next():
    ledger = with_running(A)
    assert ledger.ended(A, final(1), 1)[-1] == Ask()


def test_a_failed_trial_is_final_and_does_not_run_again():
    ledger = with_running(A)
    assert ledger.ended(A, failed(1), 1) == [Ended("t1", None, "it broke", "traceback"), Ask()]


def test_an_end_said_twice_counts_once():
    ledger = with_running(A)
    ledger.ended(A, final(1), 1)
    assert ledger.ended(A, final(1, metric=2.0), 2) == [Send(A, Wait())]
    suggest(ledger, "t2")
    assert ledger.ended(A, final(1), 3) == [Send(A, assign(2, "t2"))]


def test_the_end_of_another_workers_run_changes_nothing():
    ledger = with_running(A, B)
    assert ledger.ended(A, final(2), 1) == [Send(A, assign(1, "t1"))]
    assert set(ledger.running) == {"t1", "t2"}


def test_a_stop_is_told_at_once_and_with_every_heartbeat_of_that_run():
    ledger = with_running(A)
    assert ledger.stop("t1") == [Send(A, Stop(1))]
    assert ledger.stop("t1") == []
    assert ledger.heartbeat(A, beat(1), 1) == [Send(A, Ack(1, 0, 0)), Send(A, Stop(1))]


def paused(run):
    return Final(run, 0, [], 0, [], 0.5, {}, True, paused=True)


def test_a_pause_is_told_like_a_stop_and_frees_the_worker_at_the_end_of_the_run():
    ledger = with_running(A)
    assert ledger.pause("t1") == [Send(A, Pause(1))]
    assert ledger.pause("t1") == ledger.pause("unknown") == []
    assert ledger.heartbeat(A, beat(1), 1) == [Send(A, Ack(1, 0, 0)), Send(A, Pause(1))]
    assert ledger.ended(A, paused(1), 2) == [Paused("t1", paused(1)), Ask()]
    assert (list(ledger.running), ledger.finished) == ([], False)
    assert ledger.ended(A, paused(1), 3) == [Send(A, Wait())]
    again = ledger.suggested("t1", {}, "dir")
    assert [type(one) for one in again] == [Send, Began]


def test_a_trial_that_is_stopped_while_it_pauses_ends():
    ledger = with_running(A)
    ledger.pause("t1")
    ledger.stop("t1")
    assert ledger.heartbeat(A, beat(1), 1)[-1] == Send(A, Stop(1))
    assert ledger.ended(A, paused(1), 2)[0] == Ended("t1", paused(1), "", "")


def test_a_trial_that_pauses_when_there_is_no_further_one_goes_on_at_once():
    ledger = with_running(A)
    ledger.pause("t1")
    ledger.exhausted()
    out = ledger.ended(A, paused(1), 2)
    assert [type(one) for one in out] == [GivenBack, Send, Began]
    assert out[1].message.trial_id == "t1"
    assert not ledger.finished


@pytest.mark.parametrize("trial_id", ["t1", "unknown"])
def test_a_stop_of_a_trial_that_does_not_run_has_no_effect(trial_id):
    ledger = with_running(A)
    ledger.ended(A, final(1), 1)
    assert ledger.stop(trial_id) == []


def test_a_retried_trial_is_no_longer_to_be_stopped():
    ledger = with_running(A)
    ledger.stop("t1")
    ledger.lost(A, "gone", charge=True)
    ledger.register(B, HELLO, 1)
    assert ledger.heartbeat(B, beat(2), 2) == [Send(B, Ack(2, 0, 0))]


def test_the_last_trials_end_ends_the_experiment():
    ledger = with_running(A, B)
    ledger.register(C, HELLO, 1)
    ledger.exhausted()
    assert ledger.ended(A, final(1), 3) == [Ended("t1", final(1), "", ""), Send(A, Done())]
    assert not ledger.finished
    assert ledger.ended(B, final(2), 3) == [
        Ended("t2", final(2), "", ""),
        Send(B, Done()),
        Finished(),
    ]
    assert ledger.finished


def test_an_experiment_without_any_trial_ends():
    ledger = Ledger()
    ledger.register(A, HELLO, 0)
    assert ledger.exhausted() == [Send(A, Done()), Finished()]


def test_a_worker_that_comes_after_the_end_is_sent_away():
    ledger = Ledger()
    ledger.register(A, HELLO, 0)
    ledger.exhausted()
    assert ledger.register(B, HELLO, 1) == [Send(B, Done())]
    assert ledger.heartbeat(A, beat(waiting=True), 1) == [Send(A, Done())]


def test_stopping_everything_tells_every_worker_and_makes_no_trial_final():
    ledger = with_running(A, B)
    assert ledger.stop_all() == [Send(A, Done()), Send(B, Done())]
    late = Failed(1, 0, [(0, 0.5)], 0, [], "the experiment has ended", "")
    assert ledger.ended(A, late, 1) == [Points("t1", [(0, 0.5)], True), Send(A, Done())]
    assert ledger.heartbeat(B, beat(2), 1) == [Send(B, Done())]
    assert suggest(ledger, "t3") == []


def test_a_trial_that_ended_well_just_before_it_was_cut_off_counts():
    ledger = with_running(A)
    ledger.stop_all()
    message = final(1)
    assert ledger.ended(A, message, 1) == [Ended("t1", message, "", ""), Send(A, Done())]
    assert ledger.ended(A, message, 2) == [Send(A, Done())]


def test_the_study_is_checked_by_the_first_worker_before_anything_is_asked():
    ledger = Ledger(check_first=True)
    assert ledger.register(A, HELLO, 0) == [Send(A, Check())]
    assert ledger.register(B, HELLO, 0) == [Send(B, Wait())]
    assert ledger.register(A, HELLO, 1) == [Send(A, Check())]
    assert ledger.heartbeat(A, beat(), 2) == [Send(A, Ack(0, 0, 0))]
    assert ledger.checked(A, Checked(None, ""), 3) == [Ask(), Ask()]
    assert ledger.checked(A, Checked(None, ""), 4) == [Send(A, Wait())]


def test_a_study_that_does_not_hold_ends_the_experiment_without_a_trial():
    ledger = Ledger(check_first=True)
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    out = ledger.checked(A, Checked("no layer x", "AblationError"), 1)
    assert out == [CheckFailed("no layer x", "AblationError"), Send(A, Done()), Send(B, Done())]


def test_components_that_cannot_be_built_are_said_before_anything_is_asked():
    ledger = Ledger(check_first=True)
    ledger.register(A, HELLO, 0)
    failures = [("Custom model: mine", "NameError: tf", "Traceback")]
    assert ledger.checked(A, Checked(None, "", failures, ["slow one"]), 1) == [
        Probed(failures, ["slow one"]),
        Ask(),
    ]


def test_a_worker_that_leaves_with_its_check_gets_no_trial_and_its_check_holds():
    ledger = Ledger(check_first=True)
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    out = ledger.checked(A, Checked(None, "", [], ["stuck"], leaving=True), 1)
    assert out == [Probed([], ["stuck"]), Lost(A, "it leaves"), Ask()]
    assert suggest(ledger, "t1") == [Send(B, assign(1, "t1")), Began("t1", B)]


def test_components_that_cost_two_workers_are_built_in_the_check_no_more():
    ledger = Ledger(check_first=True)
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    assert Send(B, Check(probe=True)) in ledger.lost(A, "gone", charge=True)
    ledger.lost(B, "gone", charge=True)
    again = WorkerId(1, 0, 0)
    assert ledger.register(again, HELLO, 0) == [Send(again, Check(probe=False))]
    assert ledger.register(again, HELLO, 0) == [Send(again, Check(probe=False))]


def test_when_the_checking_worker_is_lost_another_one_checks():
    ledger = Ledger(check_first=True)
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    assert ledger.lost(A, "gone", charge=True) == [Lost(A, "gone"), Send(B, Check())]
    assert ledger.checked(B, Checked(None, ""), 2) == [Ask()]


def test_a_check_holds_though_its_worker_was_taken_for_lost_meanwhile():
    ledger = Ledger(check_first=True)
    ledger.register(A, HELLO, 0)
    ledger.register(B, HELLO, 0)
    ledger.lost(A, "silent", charge=True)
    assert ledger.checked(A, Checked(None, ""), 1) == [Ask()]
    assert ledger.checked(B, Checked("too late", "X"), 2) == [Ask()]


def test_messages_of_a_worker_that_never_registered_are_ignored():
    ledger = Ledger()
    assert (
        ledger.heartbeat(A, beat(1), 0)
        == ledger.ended(A, final(1), 0)
        == ledger.checked(A, Checked(None, ""), 0)
        == []
    )


@pytest.mark.parametrize(
    "identity",
    [b"", b"1.2", b"1.2.3.4", b"a.b.c", b"-1.0.0", b"1..2", b"\xff.0.0", "٣.0.0".encode()],
)
def test_a_routing_id_that_is_not_ours_names_no_worker(identity):
    assert WorkerId.decode(identity) is None


def test_a_routing_id_names_its_worker():
    assert WorkerId.decode(WorkerId(3, 14, 2).encode()) == WorkerId(3, 14, 2)


def test_the_same_mistake_in_the_first_trials_ends_the_experiment_before_another_begins():
    ledger = with_running(A, B, give_up_after=2)
    suggest(ledger, "t3")
    assert not ledger.finished
    ledger.ended(A, failed(1, mistake="KeyError", location="line 7"), 1)
    out = ledger.ended(B, failed(2, mistake="KeyError", location="line 7"), 2)
    assert out == [
        Ended("t2", None, "it broke", "traceback"),
        Mistaken(Mistake("KeyError", "line 7")),
        Send(A, Done()),
        Send(B, Done()),
    ]
    assert ledger.finished


def test_a_mistake_that_is_said_twice_counts_once():
    ledger = with_running(A, B, give_up_after=2)
    for now in (1, 2, 3):
        ledger.ended(A, failed(1, mistake="KeyError"), now)
    assert not ledger.finished


def test_a_mistake_in_the_last_trials_leaves_nothing_to_give_up():
    ledger = with_running(A, B, give_up_after=2)
    ledger.register(WorkerId(0, 2, 0), HELLO, 1)
    ledger.exhausted()
    ledger.ended(A, failed(1, mistake="KeyError"), 1)
    assert ledger.ended(B, failed(2, mistake="KeyError"), 2)[-1] == Finished()


# Workers with another release of Maggy.


def test_a_worker_with_another_protocol_ends_the_experiment_and_the_error_names_both():
    ledger = with_running(A)
    stranger = Register("elsewhere", 1, 0, PROTOCOL + 1, "9.9.9")
    refusal, *messages = ledger.register(B, stranger, 1)
    assert isinstance(refusal, Refused)
    assert f"the driver has {__version__} (protocol {PROTOCOL})" in refusal.reason
    assert f"elsewhere has 9.9.9 (protocol {PROTOCOL + 1})" in refusal.reason
    assert messages == [Send(A, Done()), Send(B, Done())]
    assert ledger.finished


def test_a_worker_without_a_protocol_number_is_refused_too():
    (refusal, *_) = Ledger().register(A, Register("old", 1), 0)
    assert "old has an unknown release (protocol 0)" in refusal.reason


def test_a_worker_with_another_protocol_is_only_told_to_leave_when_the_experiment_is_over():
    ledger = Ledger()
    ledger.stop_all()
    assert ledger.register(A, Register("old", 1), 0) == [Send(A, Done())]


def test_instructions_of_different_kinds_are_never_equal():
    assert Ask() == Ask()
    assert Ask() != Finished()
    assert Refused("reason") != GivenUp("reason")
    with pytest.raises(AttributeError):
        Refused("reason").reason = "another"


def test_the_times_of_points_are_handed_on_in_step_with_them():
    ledger = with_running(A)
    first = Heartbeat(1, 0, [(0, 0.1), (1, 0.2)], 0, [], False, [5.0, 6.0])
    assert ledger.heartbeat(A, first, 1)[0] == Points("t1", first.points, times=[5.0, 6.0])
    last = Final(1, 1, [(1, 0.2), (2, 0.3)], 0, [], 0.3, {}, False, times=[6.0, 7.0])
    assert ledger.ended(A, last, 2)[0] == Points("t1", [(2, 0.3)], True, [7.0])
