"""The keeper alone: events in, calls of the policy and word to the listener out."""

import queue

import pytest
from waiting import HANG

from maggy.common.exceptions import ExperimentError
from maggy.core.experiment_driver.instructions import Ask, Began, Ended, Points, Probed, WorkerId
from maggy.core.experiment_driver.keeper import Keeper
from maggy.core.experiment_driver.policy import Policy
from maggy.core.messages import Final
from maggy.trial import Trial

WORKER = WorkerId(0, 0, 0)


class Listener:
    """Puts everything that it is told into a queue."""

    def __init__(self):
        self.news = queue.SimpleQueue()

    def __getattr__(self, name):
        return lambda *arguments: self.news.put((name, *arguments))

    def next(self):
        return self.news.get(timeout=HANG)


class Given(Policy):
    """Suggests what it was given, and notes which checks are asked of it."""

    kind, name = "optimization", "Given"

    def __init__(self, *trials):
        self.trials = list(trials)
        self.checked = []

    def start(self, trial_store, final_store, seed):
        pass

    def suggest(self, finished):
        return self.trials.pop(0) if self.trials else None

    def identity(self):
        return {}

    def due(self, trial, steps):
        return True

    def stops(self, trial, final_store):
        self.checked.append(trial.step_history[-1])
        return False


class Withdrawing(Given):
    """Gives the trial of the component with this label out of its turn."""

    def withdraw(self, label):
        found = [trial for trial in self.trials if trial.params["x"] == label]
        self.trials = [trial for trial in self.trials if trial not in found]
        return found[0] if found else None


@pytest.fixture
def kept():
    keepers = []

    def start(*trials):
        listener, policy = Listener(), Given(*trials)
        keeper = Keeper(policy, listener, [])
        keepers.append(keeper)
        keeper.start()
        return keeper, listener, policy

    yield start
    for keeper in keepers:
        keeper.close(timeout=HANG)


@pytest.mark.parametrize("restores", [True, False])
@pytest.mark.parametrize("reached", [True, False])
def test_a_resumed_experiment_ends_at_once_if_its_records_say_so(restores, reached):
    class Threshold(Given):
        def restore(self, ended):
            return restores

        def ends(self, final_store):
            return "enough" if any(trial.final_metric >= 0.9 for trial in final_store) else None

    recorded, failed = Trial({"x": 1}), Trial({"x": 2})
    recorded.status, recorded.final_metric = Trial.FINALIZED, 0.95 if reached else 0.85
    failed.status = Trial.ERROR
    listener = Listener()
    keeper = Keeper(Threshold(Trial({"x": 3})), listener, [failed, recorded])
    keeper.start()
    try:
        keeper.put(Ask())
        news = [listener.next()[0] for _ in range(2 if reached else 1)]
        assert news == (["experiment_ends", "exhausted"] if reached else ["suggested"])
    finally:
        keeper.close(timeout=HANG)


def test_points_that_come_with_the_end_of_a_trial_are_kept_and_not_checked(kept):
    keeper, listener, policy = kept(Trial({"x": 1}))
    keeper.put(Ask())
    _, trial, _ = listener.next()
    for event in (
        Began(trial.trial_id, WORKER),
        Points(trial.trial_id, [(1, 0.5)]),
        Points(trial.trial_id, [(2, 0.25)], last=True),
        Ended(trial.trial_id, Final(1, 0, [], 0, [], 0.25, {"metric": 0.25}, False), "", ""),
    ):
        keeper.put(event)
    assert listener.next() == ("trial_began", trial)
    assert listener.next() == ("trial_ended", trial)
    assert trial.metric_history == [0.5, 0.25]
    assert policy.checked == [1]


def test_the_same_trial_object_cannot_be_suggested_twice(kept):
    once = Trial({"x": 1})
    keeper, listener, _ = kept(once, once)
    keeper.put(Ask())
    keeper.put(Ask())
    assert listener.next()[0] == "suggested"
    told, error = listener.next()
    assert told == "policy_failed"
    assert isinstance(error, ExperimentError)
    assert "must suggest a new Trial each time" in str(error)


def test_steps_that_are_no_numbers_are_left_out(kept):
    keeper, listener, _ = kept(Trial({"x": 1}))
    keeper.put(Ask())
    _, trial, _ = listener.next()
    keeper.put(Points(trial.trial_id, [(float("nan"), 1.0), (0, 0.5), (float("inf"), 2.0)]))
    keeper.put(Ended(trial.trial_id, None, "reason", ""))
    assert listener.next() == ("trial_ended", trial)
    assert trial.step_history == [0]


@pytest.mark.parametrize("trial_id", ["../../evil", "x" * 300, "", ".", "owner-1.json", 5])
def test_a_trial_whose_id_is_no_plain_file_name_is_refused_with_a_sentence(kept, trial_id):
    trial = Trial({"x": 1})
    trial.trial_id = trial_id
    keeper, listener, _ = kept(trial)
    keeper.put(Ask())
    told, error = listener.next()
    assert told == "policy_failed"
    assert str(error).startswith("Given must suggest trials whose trial_id is a plain file name")


# Failed trials that run again


class Resumed(Given):
    """Goes through its trials again, or takes over those that are recorded; notes what it is told."""

    def __init__(self, *trials, restores=False):
        super().__init__(*trials)
        self.restores, self.restored, self.told = restores, [], []

    def restore(self, ended):
        self.restored = [trial.trial_id for trial in ended]
        return self.restores

    def suggest(self, finished):
        if finished is not None:
            self.told.append((finished.trial_id, finished.final_metric))
        return super().suggest(finished)


def failed_and_good():
    """Two trials that had failed and one that had not."""
    trials = [Trial({"x": number}) for number in range(3)]
    for trial in trials[:2]:
        trial.status, trial.error, trial.attempts = Trial.ERROR, "Traceback ...", 1
        trial.info_dict.update(reason="ValueError", note="the optimizer's")
    trials[2].status, trials[2].final_metric = Trial.FINALIZED, 0.5
    return trials[:2], trials[2]


@pytest.fixture
def resumed():
    keepers = []

    def start(policy, ended, again):
        listener = Listener()
        keeper = Keeper(policy, listener, ended, again=again)
        keepers.append(keeper)
        keeper.start()
        return keeper, listener

    yield start
    for keeper in keepers:
        keeper.close(timeout=10)


def end(keeper, trial, metric):
    keeper.put(Began(trial.trial_id, WORKER))
    report = Final(1, 0, [], 0, [], metric, {"metric": metric}, False)
    keeper.put(Ended(trial.trial_id, report, "", ""))


@pytest.mark.parametrize("restores", [True, False])
def test_failed_trials_run_again_first_under_their_ids_and_with_a_clean_history(resumed, restores):
    failed, good = failed_and_good()
    ids = [trial.trial_id for trial in failed]
    keeper, listener = resumed(Resumed(Trial({"x": 9}), restores=restores), [good], failed)
    for _ in range(3):
        keeper.put(Ask())
    suggested = [listener.next()[1] for _ in range(3)]
    assert [trial.trial_id for trial in suggested] == [*ids, Trial({"x": 9}).trial_id]
    assert [(trial.status, trial.error, trial.info_dict) for trial in suggested[:2]] == 2 * [
        (Trial.SCHEDULED, None, {"note": "the optimizer's"})
    ]
    end(keeper, suggested[0], 0.75)
    assert listener.next()[0] == "trial_began"
    assert listener.next() == ("trial_ended", suggested[0])
    assert [trial.final_metric for trial in keeper.ended] == [0.5, 0.75]
    assert suggested[0].attempts == 2


@pytest.mark.parametrize("ends_first", [True, False])
def test_a_policy_that_starts_anew_is_told_of_a_trial_that_runs_again_once_and_after_it_has_suggested_it(
    resumed, ends_first
):
    failed, good = failed_and_good()
    policy = Resumed(*(Trial({"x": number}) for number in range(5)))
    keeper, listener = resumed(policy, [good], failed)
    keeper.put(Ask(), Ask())
    again = [listener.next()[1] for _ in range(2)]
    if ends_first:
        end(keeper, again[0], 0.75)
        assert [listener.next()[0] for _ in range(2)] == ["trial_began", "trial_ended"]
        assert policy.told == []
    keeper.put(Ask())
    assert listener.next()[1].params == {"x": 3}
    if not ends_first:
        end(keeper, again[0], 0.75)
        assert [listener.next()[0] for _ in range(2)] == ["trial_began", "trial_ended"]
    keeper.put(Ask(), Ask())
    assert listener.next()[1].params == {"x": 4}
    assert listener.next()[0] == "exhausted"
    assert sorted(policy.told) == sorted([(again[0].trial_id, 0.75), (good.trial_id, 0.5)])
    assert len(keeper.final_store) == 2


def test_an_optimizer_that_takes_over_the_records_knows_of_failed_trials_too(resumed):
    failed, good = failed_and_good()
    policy = Resumed(restores=True)
    resumed(policy, [good], failed)
    assert sorted(policy.restored) == sorted(trial.trial_id for trial in (*failed, good))


def probed(policy, *failures, ended=(), slow=()):
    """What the listener hears when these components cannot be built and then one trial is asked for."""
    listener = Listener()
    keeper = Keeper(policy, listener, list(ended))
    keeper.start()
    try:
        keeper.put(
            Probed(
                [(label, f"no {label}", f"the traceback of {label}") for label in failures],
                list(slow),
            )
        )
        keeper.put(Ask())
        news = []
        while not news or news[-1][0] not in ("suggested", "exhausted"):
            news.append(listener.next())
        return news, keeper
    finally:
        keeper.close(timeout=10)


def test_the_trial_of_a_component_that_cannot_be_built_is_an_error_before_any_other_begins():
    news, keeper = probed(Withdrawing(Trial({"x": "base"}), Trial({"x": "broken"})), "broken")
    assert [(name, args[0].params["x"]) for name, *args in news] == [
        ("trial_ended", "broken"),
        ("suggested", "base"),
    ]
    broken = keeper.ended[0]
    assert (broken.status, broken.error, broken.info_dict["reason"]) == (
        Trial.ERROR,
        "the traceback of broken",
        "no broken",
    )
    assert (broken.attempts, broken.duration, list(keeper.trial_store)) == (
        0,
        0,
        [news[1][1].trial_id],
    )


def test_a_component_that_the_policy_does_not_withdraw_keeps_its_turn():
    news, _ = probed(Given(Trial({"x": "broken"})), "broken")
    assert [name for name, *_ in news] == ["suggested"]


def test_the_trial_of_a_component_that_cannot_be_built_is_not_ended_again_when_it_is_recorded():
    recorded = Trial({"x": "broken"})
    recorded.status = Trial.ERROR
    news, keeper = probed(
        Withdrawing(Trial({"x": "broken"}), Trial({"x": "base"})), "broken", ended=[recorded]
    )
    assert [name for name, *_ in news] == ["suggested"]
    assert keeper.ended == [recorded]


def test_a_component_that_takes_long_to_build_is_only_remarked():
    news, keeper = probed(Withdrawing(Trial({"x": "slow"})), slow=["slow"])
    assert [name for name, *_ in news] == ["remark", "suggested"]
    assert "slow took too long to be built in the check; its trial builds it again" in news[0][1]
    assert keeper.ended == []
