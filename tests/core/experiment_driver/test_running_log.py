"""What trials report while they run is recorded once, stays small, and survives errors."""

import math

import pytest

from maggy.core.experiment_driver import running_log as module
from maggy.core.experiment_driver.running_log import RunningLog
from maggy.records.running_points import RunningTrial, parse_running
from maggy.trial import Trial


class Store:
    """A store that keeps the text about running trials, and can refuse it."""

    def __init__(self):
        self.text = None
        self.calls = []
        self.refusals = []

    def append_running(self, text):
        self._write("append", text, self.text + text)

    def replace_running(self, text):
        self._write("replace", text, text)

    def remove_running(self):
        self.text = None

    def _write(self, kind, new, text):
        self.calls.append((kind, len(new)))
        if self.refusals:
            # A part of an appended text may be written all the same.
            if kind == "append":
                self.text += new[: self.refusals.pop()]
            else:
                self.refusals.pop()
            raise OSError("full")
        self.text = text

    @property
    def runs(self):
        return parse_running(self.text.encode())


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def log(store):
    return RunningLog(store)


def running_trial(number=1, worker=0):
    trial = Trial({"x": number})
    trial.number = number
    return begin(trial, worker)


def begin(trial, worker=0):
    trial.status, trial.start, trial.worker = Trial.RUNNING, 1000.0 + trial.attempts, worker
    trial.attempts += 1
    return trial


def report(trial, *values):
    for value in values:
        trial.append_point(len(trial.step_history), value)


def as_recorded(trial):
    values = [value if math.isfinite(value) else None for value in trial.metric_history]
    return RunningTrial(
        trial.number, trial.start, trial.worker, trial.attempts,
        trial.step_history, values, [None] * len(values),
    )  # fmt: skip


def test_nothing_is_written_when_there_is_nothing_new(log, store):
    log.write(with_points=True)
    assert store.calls == []
    trial = running_trial()
    log.begin(trial)
    for _ in range(3):
        log.write(with_points=True)
    report(trial, 0.5)
    log.write(with_points=False)
    assert len(store.calls) == 1
    for _ in range(3):
        log.write(with_points=True)
    assert [kind for kind, _ in store.calls] == ["replace", "append"]
    assert store.runs == {trial.trial_id: as_recorded(trial)}


def test_a_trial_that_ends_before_it_is_written_is_not_written(log, store):
    trial = running_trial()
    log.begin(trial)
    report(trial, 0.5)
    log.end(trial.trial_id)
    log.write(with_points=True)
    assert store.calls == []


def test_each_point_is_written_once_and_a_replaced_value_again(log, store):
    trial = running_trial()
    log.begin(trial)
    sizes = []
    for value in (0.125, math.nan, 0.25, math.inf):
        report(trial, value)
        log.write(with_points=True)
        sizes.append(store.calls[-1][1])
    assert max(sizes[1:]) - min(sizes[1:]) < 5
    assert store.runs == {trial.trial_id: as_recorded(trial)}
    trial.append_point(3, 0.5)
    log.write(with_points=True)
    assert store.runs[trial.trial_id].history == [0.125, None, 0.25, 0.5]
    assert len(store.calls) == 5


def test_a_trial_that_lost_its_worker_does_not_run_until_it_begins_anew(log, store):
    trial = running_trial()
    log.begin(trial)
    report(trial, 0.5, 0.25)
    log.write(with_points=True)
    log.give_back(trial.trial_id)
    trial.reset()
    log.write(with_points=False)
    assert store.runs == {}
    log.begin(begin(trial, worker=1))
    report(trial, 0.75)
    log.write(with_points=True)
    assert store.runs == {trial.trial_id: as_recorded(trial)}
    assert store.runs[trial.trial_id].attempts == 2


def test_a_run_that_begins_before_the_loss_of_the_last_is_written_is_not_taken_back(log, store):
    trial = running_trial()
    log.begin(trial)
    log.write(with_points=True)
    log.give_back(trial.trial_id)
    trial.reset()
    log.begin(begin(trial))
    lost = log._given_back.popleft()  # as if it came while the writer has the text
    log.write(with_points=True)
    log._given_back.append(lost)
    log.write(with_points=True)
    assert store.runs == {trial.trial_id: as_recorded(trial)}


def test_points_of_a_lost_run_never_count_for_the_next(log, store):
    trial = running_trial()
    log.begin(trial)
    report(trial, *[0.5] * 10)
    log.write(with_points=True)
    log.give_back(trial.trial_id)
    trial.reset()
    log.begin(begin(trial))
    report(trial, *[0.25] * 3)
    log.write(with_points=True)
    assert store.runs[trial.trial_id].history == [0.25] * 3


def test_the_text_stays_small_although_trials_come_and_go(log, store, monkeypatch):
    monkeypatch.setattr(module, "MANY_CHARACTERS", 10_000)
    lasting = running_trial(0)
    log.begin(lasting)
    for number in range(1, 300):
        trial = running_trial(number)
        log.begin(trial)
        report(trial, *[0.5] * 30)
        report(lasting, float(number))
        log.write(with_points=True)
        assert len(store.text) < 40_000
        assert store.runs[lasting.trial_id] == as_recorded(lasting)
        assert store.runs[trial.trial_id] == as_recorded(trial)
        log.end(trial.trial_id)
    assert 5 < sum(kind == "replace" for kind, _ in store.calls) < 40


def test_to_begin_anew_costs_at_most_as_much_again_as_the_points(log, store, monkeypatch):
    monkeypatch.setattr(module, "MANY_CHARACTERS", 1000)
    trial = running_trial()
    log.begin(trial)
    for _ in range(2000):
        report(trial, 0.5)
        log.write(with_points=True)
    appended = sum(size for kind, size in store.calls if kind == "append")
    replaced = sum(size for kind, size in store.calls if kind == "replace")
    assert replaced < appended


def test_a_trial_that_begins_while_the_text_begins_anew_keeps_its_points(log, store):
    trial, whole = running_trial(), log._whole_text

    def begins_meanwhile():
        log.begin(trial)
        report(trial, 0.5)
        return whole()

    log.begin(running_trial(2))
    log._whole_text = begins_meanwhile
    log.write(with_points=True)
    log._whole_text = whole
    report(trial, 0.25)
    log.write(with_points=True)
    assert store.runs[trial.trial_id] == as_recorded(trial)


@pytest.mark.parametrize("written", [0, 10, 10_000])
def test_after_an_error_everything_is_written_again(log, store, written):
    trial = running_trial()
    log.begin(trial)
    log.write(with_points=True)
    report(trial, 0.5, 0.25)
    store.refusals = [written, written]
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            log.write(with_points=True)
    report(trial, 0.75)
    log.write(with_points=False)  # whoever calls next
    assert store.runs == {trial.trial_id: as_recorded(trial)}
    report(trial, 1.0)
    log.write(with_points=True)
    assert [kind for kind, _ in store.calls][-2:] == ["replace", "append"]
    assert store.runs == {trial.trial_id: as_recorded(trial)}


def test_after_the_end_nothing_is_written(log, store):
    trial = running_trial()
    log.begin(trial)
    log.write(with_points=True)
    report(trial, 0.5)
    log.remove()
    log.write(with_points=True)
    assert store.text is None
