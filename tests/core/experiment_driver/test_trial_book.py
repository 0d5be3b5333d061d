"""The trial book without a thread: events go in, calls of the policy and notices come out."""

import math
from collections import deque

import pytest

from maggy.common.exceptions import ExperimentError
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    DecisionWanted,
    Ended,
    Finished,
    GivenBack,
    Points,
    Probed,
)
from maggy.core.experiment_driver.notices import (
    AllTrialsEnded,
    ExperimentEnds,
    Remark,
    RuleFailed,
    SuggestionsExhausted,
    TrialBegan,
    TrialEnded,
    TrialGivenBack,
    TrialStopped,
    TrialSuggested,
)
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.trial_book import TrialBook
from maggy.core.messages import Final, WorkerId
from maggy.earlystop import Decision
from maggy.trial import Trial

WORKER = WorkerId(0, 0, 0)


class Clock:
    """A monotonic clock in seconds that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


class Desk:
    """A trial book and its notices."""

    def __init__(self, policy, past_trials=(), again=()):
        self.policy = policy
        self.clock = Clock()
        self.book = TrialBook(policy, list(past_trials), again, self.clock, lambda: 1000.0)
        self.notices = deque(self.book.start())

    def put(self, *events):
        """Handle events, as the policy thread does when no other event waits."""
        for event in events:
            self.notices.extend(self.book.handle(event))
        self.notices.extend(self.book.announce_ends())

    def wait(self, seconds):
        """Let time pass until the next deadline of the book."""
        self.clock.now += seconds
        self.notices.extend(self.book.check_time())

    def next(self):
        return self.notices.popleft()

    def kinds(self):
        """Take all notices, and return their classes."""
        kinds = [type(notice) for notice in self.notices]
        self.notices.clear()
        return kinds


class Scripted(Policy):
    """A policy that suggests the trials of a list, and keeps the steps of its checks."""

    kind, name = "optimization", "Given"

    def __init__(self, *trials):
        self.trials = list(trials)
        self.checks = []

    def start(self, trial_store, final_store, seed):
        pass

    def suggest(self, finished):
        return self.trials.pop(0) if self.trials else None

    def identity(self):
        return {}

    def is_check_due(self, trial, steps):
        return True

    def decide(self, trial, final_store):
        self.checks.append(trial.step_history[-1])
        return Decision.CONTINUE


class Withdrawing(Scripted):
    """A policy that can return the trial of a component out of turn."""

    def withdraw(self, label):
        matches = [trial for trial in self.trials if trial.params["x"] == label]
        self.trials = [trial for trial in self.trials if trial not in matches]
        return matches


@pytest.mark.parametrize("restores", [True, False])
@pytest.mark.parametrize("reached", [True, False])
def test_a_resumed_experiment_ends_at_once_if_its_records_say_so(restores, reached):
    class Threshold(Scripted):
        def restore(self, trials):
            return restores

        def should_end(self, final_store):
            return "enough" if any(trial.final_metric >= 0.9 for trial in final_store) else None

    record, failed = Trial({"x": 1}), Trial({"x": 2})
    record.status, record.final_metric = Trial.FINALIZED, 0.95 if reached else 0.85
    failed.status = Trial.ERROR
    desk = Desk(Threshold(Trial({"x": 3})), [failed, record])
    desk.put(Ask())
    assert desk.kinds() == ([ExperimentEnds, SuggestionsExhausted] if reached else [TrialSuggested])


@pytest.mark.parametrize("restores", [True, False])
def test_recorded_trials_keep_their_numbers_and_new_trials_get_others(restores):
    class Resumed(Scripted):
        def restore(self, trials):
            return restores

    record = Trial({"x": 1})
    record.status, record.final_metric, record.number = Trial.FINALIZED, 0.5, 2
    suggestions = [] if restores else [Trial({"x": 1})]
    desk = Desk(Resumed(*suggestions, Trial({"x": 2}), Trial({"x": 3})), [record])
    desk.put(Ask())
    desk.put(Ask())
    trials = [notice.trial for notice in desk.notices if isinstance(notice, TrialSuggested)]
    assert [(trial.params["x"], trial.number) for trial in trials] == [(2, 1), (3, 3)]
    assert record.number == 2


@pytest.mark.parametrize("restores", [True, False])
def test_a_paused_trial_of_an_earlier_call_waits_for_a_policy_that_knows_it(restores):
    class Resumed(Scripted):
        continues_paused = True

        def restore(self, trials):
            return restores

    paused, half_trained = Trial({"x": 1}), Trial({"x": 2})
    for trial, status in ((paused, Trial.PAUSED), (half_trained, Trial.RUNNING)):
        trial.append_metric({"step": 0, "value": 0.5})
        trial.status = status
    policy = Resumed(Trial({"x": 3}), *([paused] if restores else []))
    desk = Desk(policy, again=[paused, half_trained])
    desk.put(Ask(), Ask(), Ask(), Ask())
    suggestions = [notice.trial for notice in desk.notices if isinstance(notice, TrialSuggested)]
    expected = [2, 3, 1] if restores else [1, 2, 3]
    assert [trial.params["x"] for trial in suggestions] == expected
    assert all(trial.status == Trial.SCHEDULED for trial in suggestions)


def test_a_trial_that_runs_again_forgets_why_it_was_stopped():
    trial = Trial({"x": 1})
    trial.stop_reason = "stopped at step 3"
    trial.reset()
    assert (trial.stop_reason, trial.info_dict) == (None, {})


def test_points_that_come_with_the_end_of_a_trial_are_kept_and_not_checked():
    policy = Scripted(Trial({"x": 1}))
    desk = Desk(policy)
    desk.put(Ask())
    trial = desk.next().trial
    for event in (
        Began(trial.trial_id, WORKER),
        Points(trial.trial_id, [(1, 0.5)]),
        Points(trial.trial_id, [(2, 0.25)], last=True),
        Ended(trial.trial_id, Final(1, 0, [], 0, [], 0.25, {"metric": 0.25}, False), "", ""),
    ):
        desk.put(event)
    assert list(desk.notices) == [TrialBegan(trial), TrialEnded(trial)]
    assert trial.metric_history == [0.5, 0.25]
    assert policy.checks == [1]


def test_a_trial_notes_the_worker_of_its_last_run():
    desk = Desk(Scripted(Trial({"x": 1})))
    desk.put(Ask())
    trial = desk.next().trial
    assert trial.worker is None
    desk.put(Began(trial.trial_id, WorkerId(0, 2, 0)))
    desk.put(GivenBack(trial.trial_id, "lost"), Ask(), Began(trial.trial_id, WorkerId(1, 3, 0)))
    assert trial.worker == 3


def test_the_same_trial_object_cannot_be_suggested_twice():
    once = Trial({"x": 1})
    desk = Desk(Scripted(once, once))
    desk.put(Ask())
    assert desk.kinds() == [TrialSuggested]
    with pytest.raises(ExperimentError, match="must suggest a new Trial each time"):
        desk.put(Ask())


def test_steps_that_are_no_numbers_are_left_out():
    desk = Desk(Scripted(Trial({"x": 1})))
    desk.put(Ask())
    trial = desk.next().trial
    desk.put(Points(trial.trial_id, [(float("nan"), 1.0), (0, 0.5), (float("inf"), 2.0)]))
    desk.put(Ended(trial.trial_id, None, "reason", ""))
    assert list(desk.notices) == [TrialEnded(trial)]
    assert trial.step_history == [0]


@pytest.mark.parametrize("trial_id", ["../../evil", "x" * 300, "", ".", "owner-1.json", 5])
def test_a_trial_whose_id_is_no_plain_file_name_is_refused_with_a_sentence(trial_id):
    trial = Trial({"x": 1})
    trial.trial_id = trial_id
    with pytest.raises(
        ExperimentError, match=r"^Given must suggest trials whose trial_id is a plain file name"
    ):
        Desk(Scripted(trial)).put(Ask())


# Failed trials that run again.


class Resumed(Scripted):
    """A policy that repeats its trials or takes over the recorded ones, and keeps the reports."""

    def __init__(self, *trials, restores=False):
        super().__init__(*trials)
        self.restores, self.restored_ids, self.reports = restores, [], []

    def restore(self, trials):
        self.restored_ids = [trial.trial_id for trial in trials]
        return self.restores

    def suggest(self, finished):
        if finished is not None:
            self.reports.append((finished.trial_id, finished.final_metric))
        return super().suggest(finished)


def failed_and_good():
    """Return two failed trials in a list, and a trial that ended well."""
    trials = [Trial({"x": number}) for number in range(3)]
    for trial in trials[:2]:
        trial.status, trial.error, trial.attempts = Trial.ERROR, "Traceback ...", 1
        trial.info_dict.update(reason="ValueError", note="the optimizer's")
    trials[2].status, trials[2].final_metric = Trial.FINALIZED, 0.5
    return trials[:2], trials[2]


def end(desk, trial, metric):
    desk.put(Began(trial.trial_id, WORKER))
    report = Final(1, 0, [], 0, [], metric, {"metric": metric}, False)
    desk.put(Ended(trial.trial_id, report, "", ""))


@pytest.mark.parametrize("restores", [True, False])
def test_failed_trials_run_again_first_under_their_ids_and_with_a_clean_history(restores):
    failed, good = failed_and_good()
    ids = [trial.trial_id for trial in failed]
    desk = Desk(Resumed(Trial({"x": 9}), restores=restores), [good], failed)
    desk.put(Ask(), Ask(), Ask())
    suggested = [desk.next().trial for _ in range(3)]
    assert [trial.trial_id for trial in suggested] == [*ids, Trial({"x": 9}).trial_id]
    assert [(trial.status, trial.error, trial.info_dict) for trial in suggested[:2]] == 2 * [
        (Trial.SCHEDULED, None, {"note": "the optimizer's"})
    ]
    end(desk, suggested[0], 0.75)
    assert list(desk.notices) == [TrialBegan(suggested[0]), TrialEnded(suggested[0])]
    assert [trial.final_metric for trial in desk.book.ended] == [0.5, 0.75]
    assert suggested[0].attempts == 2


@pytest.mark.parametrize("ends_first", [True, False])
def test_a_new_policy_gets_a_retried_trials_end_once_and_after_it_has_suggested_the_trial(
    ends_first,
):
    failed, good = failed_and_good()
    policy = Resumed(*(Trial({"x": number}) for number in range(5)))
    desk = Desk(policy, [good], failed)
    desk.put(Ask(), Ask())
    again = [desk.next().trial for _ in range(2)]
    if ends_first:
        end(desk, again[0], 0.75)
        assert desk.kinds() == [TrialBegan, TrialEnded]
        assert policy.reports == []
    desk.put(Ask())
    assert desk.next().trial.params == {"x": 3}
    if not ends_first:
        end(desk, again[0], 0.75)
        assert desk.kinds() == [TrialBegan, TrialEnded]
    desk.put(Ask(), Ask())
    assert desk.next().trial.params == {"x": 4}
    assert desk.kinds() == [SuggestionsExhausted]
    assert sorted(policy.reports) == sorted([(again[0].trial_id, 0.75), (good.trial_id, 0.5)])
    assert len(desk.book.final_store) == 2


def test_an_optimizer_that_takes_over_the_records_knows_of_failed_trials_too():
    failed, good = failed_and_good()
    policy = Resumed(restores=True)
    Desk(policy, [good], failed)
    assert sorted(policy.restored_ids) == sorted(trial.trial_id for trial in (*failed, good))


def probe(policy, *failures, past_trials=(), slow=()):
    """Return a desk after a check in which these components failed, with one trial requested."""
    desk = Desk(policy, past_trials)
    desk.put(
        Probed(
            [(label, f"no {label}", f"the traceback of {label}") for label in failures],
            list(slow),
        )
    )
    desk.put(Ask())
    return desk


def test_the_trial_of_a_component_that_cannot_be_built_is_an_error_before_any_other_begins():
    desk = probe(Withdrawing(Trial({"x": "base"}), Trial({"x": "broken"})), "broken")
    assert [(type(notice), notice.trial.params["x"]) for notice in desk.notices] == [
        (TrialEnded, "broken"),
        (TrialSuggested, "base"),
    ]
    failure = desk.book.ended[0]
    assert (failure.status, failure.error, failure.info_dict["reason"]) == (
        Trial.ERROR,
        "the traceback of broken",
        "no broken",
    )
    assert (failure.attempts, failure.duration, list(desk.book.trial_store)) == (
        0,
        0,
        [desk.notices[1].trial.trial_id],
    )


def test_a_component_that_the_policy_does_not_withdraw_keeps_its_turn():
    desk = probe(Scripted(Trial({"x": "broken"})), "broken")
    assert desk.kinds() == [TrialSuggested]


def test_the_trial_of_a_component_that_cannot_be_built_is_not_ended_again_when_it_is_recorded():
    record = Trial({"x": "broken"})
    record.status = Trial.ERROR
    desk = probe(
        Withdrawing(Trial({"x": "broken"}), Trial({"x": "base"})), "broken", past_trials=[record]
    )
    assert desk.kinds() == [TrialSuggested]
    assert desk.book.ended == [record]


def test_a_component_that_takes_long_to_build_is_only_remarked():
    desk = probe(Withdrawing(Trial({"x": "slow"})), slow=["slow"])
    text = "slow took too long to be built in the check; its trial builds it again."
    assert desk.next() == Remark(text)
    assert desk.kinds() == [TrialSuggested]
    assert desk.book.ended == []


# Decisions of the book itself.


def running(*trials, policy=Scripted):
    """Return a desk on which these trials run."""
    desk = Desk(policy(*trials))
    for trial in trials:
        desk.put(Ask())
        desk.put(Began(trial.trial_id, WORKER))
    desk.notices.clear()
    return desk


@pytest.mark.parametrize("metric", [float("nan"), float("inf"), float("-inf")])
def test_a_trial_whose_metric_is_not_finite_is_an_error(metric):
    trial = Trial({"x": 1})
    desk = running(trial)
    report = Final(1, 0, [], 0, [], metric, {"metric": metric}, False)
    desk.put(Ended(trial.trial_id, report, "", ""))
    assert (trial.status, trial.final_metric, trial.info_dict["reason"]) == (
        Trial.ERROR,
        None,
        "metric is NaN",
    )
    assert (desk.book.ended, list(desk.book.final_store)) == ([trial], [])


def test_the_end_of_a_trial_is_announced_after_the_next_suggestion():
    trial, following = Trial({"x": 1}), Trial({"x": 2})
    desk = running(trial)
    desk.policy.trials.append(following)
    notices = [*desk.book.handle(Ended(trial.trial_id, None, "reason", "")), "no notice yet"]
    notices += desk.book.handle(Ask())
    assert notices == ["no notice yet", TrialSuggested(following, {"x": 2}), TrialEnded(trial)]


def test_the_end_of_a_trial_is_announced_before_the_next_one_begins():
    trial, following = Trial({"x": 1}), Trial({"x": 2})
    desk = running(trial)
    desk.policy.trials.append(following)
    desk.put(Ask())  # ahead, while the first trial runs
    desk.notices.clear()
    notices = [
        *desk.book.handle(Ended(trial.trial_id, None, "reason", "")),
        *desk.book.handle(Began(following.trial_id, WORKER)),
    ]
    assert notices == [TrialEnded(trial), TrialBegan(following)]


def test_a_trial_that_is_given_back_has_an_empty_history_and_begins_again():
    trial = Trial({"x": 1})
    desk = running(trial)
    desk.put(Points(trial.trial_id, [(1, 0.5)]), GivenBack(trial.trial_id, "lost"))
    assert (trial.status, trial.metric_history) == (Trial.SCHEDULED, [])
    desk.put(Began(trial.trial_id, WORKER))
    assert list(desk.notices) == [TrialGivenBack(trial, "lost"), TrialBegan(trial)]
    assert (trial.status, trial.attempts) == (Trial.RUNNING, 2)


def test_the_times_of_points_stay_in_step_with_them():
    trial = Trial({"x": 1})
    desk = running(trial)
    points = [(0, 0.5), (1, 0.25), (1, 0.125), (0, 9.0), (float("nan"), 1.0), (2, 0.0)]
    desk.put(Points(trial.trial_id, points, times=[5.0, 6.0, 7.0, 8.0, 9.0, 10.0]))
    assert trial.step_history == [0, 1, 2]
    assert list(trial.time_history) == [5.0, 7.0, 10.0]
    desk.put(Points(trial.trial_id, [(3, 1.0)]))
    assert len(trial.time_history) == 4
    assert math.isnan(trial.time_history[3])
    desk.put(GivenBack(trial.trial_id, "lost"))
    assert list(trial.time_history) == []


def test_the_last_ends_are_announced_before_the_end_of_the_experiment():
    trial = Trial({"x": 1})
    desk = running(trial)
    notices = [
        *desk.book.handle(Ended(trial.trial_id, None, "reason", "")),
        *desk.book.handle(Finished()),
    ]
    assert notices == [TrialEnded(trial), AllTrialsEnded()]


def test_a_trial_lasts_from_its_begin_to_its_end_in_milliseconds():
    trial = Trial({"x": 1})
    desk = running(trial)
    desk.clock.now += 1.25
    desk.put(Ended(trial.trial_id, None, "reason", ""))
    assert (trial.start, trial.duration) == (1000.0, 1250)


class Stopping(Scripted):
    def decide(self, trial, final_store):
        return Decision.STOP if trial.metric_history[-1] < 0 else Decision.CONTINUE


def test_a_trial_is_stopped_when_the_policy_says_so():
    good, bad = Trial({"x": 1}), Trial({"x": 2})
    desk = running(good, bad, policy=Stopping)
    desk.put(Points(good.trial_id, [(1, 0.5)]), Points(bad.trial_id, [(1, -0.5)]))
    assert list(desk.notices) == [TrialStopped(bad.trial_id)]


def test_a_question_is_answered_after_the_policy_has_seen_the_points():
    trial = Trial({"x": 2})
    desk = running(trial, policy=Stopping)
    wanted = DecisionWanted(trial.trial_id, 1, 1)
    desk.put(Points(trial.trial_id, [(1, -0.5)]), wanted)
    assert list(desk.notices) == [TrialStopped(trial.trial_id), wanted]


class Failing(Scripted):
    def decide(self, trial, final_store):
        raise ValueError("a broken rule")


def test_a_rule_that_fails_stops_nothing_and_is_reported_once():
    trial = Trial({"x": 1})
    desk = running(trial, policy=Failing)
    desk.put(Points(trial.trial_id, [(1, 0.5)]), Points(trial.trial_id, [(2, 0.5)]))
    assert desk.kinds() == [RuleFailed]


class Impatient(Scripted):
    def should_end(self, final_store):
        return "one is enough"


def test_when_a_rule_ends_the_experiment_running_trials_are_stopped_and_none_is_suggested():
    first, second = Trial({"x": 1}), Trial({"x": 2})
    desk = running(first, second, policy=Impatient)
    end(desk, first, 0.5)
    desk.policy.trials.append(Trial({"x": 3}))
    desk.put(Ask())
    assert list(desk.notices)[1:] == [
        ExperimentEnds("one is enough"),
        TrialStopped(second.trial_id),
        TrialEnded(first),
        SuggestionsExhausted(),
    ]


def test_a_trial_that_begins_again_while_the_experiment_ends_is_stopped():
    first, second = Trial({"x": 1}), Trial({"x": 2})
    desk = running(first, second, policy=Impatient)
    end(desk, first, 0.5)
    desk.put(GivenBack(second.trial_id, "lost"))
    desk.notices.clear()
    desk.put(Began(second.trial_id, WORKER))
    assert list(desk.notices) == [TrialBegan(second), TrialStopped(second.trial_id)]


class Idle(Scripted):
    """A policy that answers "IDLE" while its list begins with this word."""


def test_an_idle_policy_is_asked_again_after_a_tenth_of_a_second_or_when_a_trial_ends():
    desk = Desk(Idle("IDLE", "IDLE", Trial({"x": 1}), "IDLE", Trial({"x": 2})))
    assert desk.book.next_deadline() is None
    desk.put(Ask())
    assert (desk.kinds(), desk.book.next_deadline()) == ([], 0.1)
    desk.wait(0.05)
    assert (desk.kinds(), desk.book.next_deadline()) == ([], 0.1)
    desk.wait(0.05)
    assert (desk.kinds(), desk.book.next_deadline()) == ([], 0.2)
    desk.wait(0.1)
    trial = desk.next().trial
    desk.put(Ask())
    assert desk.kinds() == []
    end(desk, trial, 0.5)
    assert desk.kinds() == [TrialBegan, TrialSuggested, TrialEnded]


def test_with_es_seconds_running_trials_are_checked_by_time_and_not_by_steps():
    class Timed(Stopping):
        es_seconds = 10.0

    trial = Trial({"x": 1})
    desk = running(trial, policy=Timed)
    desk.put(Points(trial.trial_id, [(1, -0.5)]))
    assert (desk.kinds(), desk.book.next_deadline()) == ([], 10.0)
    desk.wait(10.0)
    assert list(desk.notices) == [TrialStopped(trial.trial_id)]
    assert desk.book.next_deadline() == 20.0


def test_points_of_a_trial_that_has_ended_are_ignored():
    trial = Trial({"x": 1})
    desk = running(trial)
    desk.put(Ended(trial.trial_id, None, "reason", ""), Points(trial.trial_id, [(1, 0.5)]))
    assert (trial.metric_history, desk.policy.checks) == ([], [])


def test_equal_configurations_get_numbered_ids():
    trials = [Trial({"x": 1}) for _ in range(3)]
    base = trials[0].trial_id
    running(*trials)
    assert [trial.trial_id for trial in trials] == [base, f"{base}_2", f"{base}_3"]


def test_what_is_no_trial_is_refused_with_a_sentence():
    with pytest.raises(ExperimentError, match="must suggest a Trial, None or 'IDLE', but got dict"):
        Desk(Scripted({"x": 1})).put(Ask())


def test_an_unknown_event_is_an_error_that_names_it():
    with pytest.raises(AssertionError, match="TrialSuggested"):
        Desk(Scripted()).put(TrialSuggested(Trial({"x": 1}), {}))


@pytest.mark.parametrize(
    "params",
    [{"x": 2**70}, {"x": float("nan")}, {"x": object()}, {1: 0.3}, None],
    # The text of an object has its address, and all processes of a run need the same ids.
    ids=["a large integer", "not a number", "an object", "a key", "no dict"],
)
def test_a_suggestion_that_the_policy_could_not_make_fails_its_trial_only(params):
    class Faulty(Scripted):
        def suggest(self, finished):
            return Trial(self.trials.pop(0))

    desk = Desk(Faulty(params, {"x": 2}))
    desk.put(Ask())
    suggestion, end = desk.notices
    assert suggestion.trial.params == {"x": 2}
    assert end.trial.status == Trial.ERROR
    assert end.trial.failure_reason.startswith("Given must suggest parameters that can be sent")


def test_three_suggestions_in_a_row_that_the_policy_could_not_make_end_the_experiment():
    class Faulty(Scripted):
        def suggest(self, finished):
            return Trial({"x": 2**70})

    desk = Desk(Faulty())
    with pytest.raises(ExperimentError, match="that happened 3 times in a row"):
        desk.put(Ask())
    assert [trial.status for trial in desk.book.ended] == [Trial.ERROR] * 3
