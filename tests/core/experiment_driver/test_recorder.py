"""When the records of a trial are written: its beginning when there is time, its end always, and in that order."""

import json
import threading

import pytest
from helpers.waiting import HANG, wait_until

from maggy.common.files import AnyFiles
from maggy.core.experiment_driver import recorder as module
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.messages import WorkerId
from maggy.records.directory import ExperimentStore
from maggy.records.ownership import Ownership
from maggy.records.process import Process
from maggy.trial import Trial

pytestmark = pytest.mark.loopback

FILES = AnyFiles()


@pytest.fixture
def store(tmp_path):
    return ExperimentStore.create(FILES, str(tmp_path), "app")


@pytest.fixture
def said():
    return []


@pytest.fixture
def recorder(store, said):
    made = Recorder(store, said.append)
    yield made
    made.close()


@pytest.fixture
def busy(store, recorder, monkeypatch):
    """Until this is set, the writer is busy with something else."""
    begun, done, real = threading.Event(), threading.Event(), store.log
    monkeypatch.setattr(store, "log", lambda line: (begun.set(), done.wait(), real(line)))
    recorder.log("busy")
    assert begun.wait(
        HANG
    )  # else it might still ask who owns the directory when the test has gone on
    yield done
    done.set()


def ended(number):
    trial = Trial({"x": number})
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    return trial


def names(store, trial):
    return FILES.list(store.trial_directory(trial.trial_id))


def writes(monkeypatch):
    """The names of the files of trials that are written from now on."""
    written, real = [], AnyFiles.write_bytes

    def write(self, path, *rest, **options):
        real(self, path, *rest, **options)
        if "/owner-" not in path:
            written.append(path.rpartition("/")[2])

    monkeypatch.setattr(AnyFiles, "write_bytes", write)
    return written


def test_a_trial_that_ends_before_its_beginning_is_written_is_five_writes(
    store, recorder, busy, monkeypatch
):
    written, trial = writes(monkeypatch), ended(1)
    recorder.trial_begins(trial)
    recorder.trial_ended(trial)
    busy.set()
    recorder.close()
    assert len(written) == len(set(written)) == 5
    assert set(written) == set(names(store, trial))
    assert written[-1] == "trial.json"


def test_much_output_is_written_without_a_rest(store, recorder, monkeypatch):
    monkeypatch.setattr(module, "MANY_CHARACTERS", 1000)
    monkeypatch.setattr(recorder._writer, "sweep", lambda function: None)  # it rests
    written = threading.Event()
    real = store.append_output
    monkeypatch.setattr(store, "append_output", lambda *file: (real(*file), written.set()))
    trial = Trial({"x": 1})
    for _ in range(10):
        recorder.lines(trial.trial_id, WorkerId(0, 0, 0), ["x" * 100])
    assert written.wait(10)


def test_the_beginning_of_a_trial_is_written_when_there_is_time(store, recorder, busy):
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    busy.set()
    recorder.close()
    assert ".hparams.json" in names(store, trial)
    assert "trial.json" not in names(store, trial)


def test_a_beginning_that_cannot_be_written_holds_up_no_other_and_no_output(
    store, recorder, said, busy, monkeypatch
):
    broken, fine = Trial({"x": 1}), Trial({"x": 2})
    real = store.begin_trial

    def begin(trial):
        if trial is broken:
            raise NotADirectoryError("a file is in the way")
        real(trial)

    monkeypatch.setattr(store, "begin_trial", begin)
    recorder.trial_begins(broken)
    recorder.trial_begins(fine)
    recorder._add(store.append_output, fine.trial_id, text="a line\n")
    busy.set()

    def has_begun():
        recorder.log("a record")  # each further record gives the writer another turn
        recorder._add(store.append_output, fine.trial_id, text="more\n")
        return ".hparams.json" in names(store, fine)

    wait_until(has_begun, "the beginning of the other trial", pause=0.05)
    assert {".hparams.json", "output.log"} <= set(names(store, fine))
    assert len(said) == 1


def test_a_trial_never_begins_after_its_end(store, recorder, monkeypatch):
    """Many times, since it would take a certain moment: that would remove the record of its end."""
    for number in range(300):
        trial = ended(number)
        recorder.trial_begins(trial)
        recorder.trial_ended(trial)
    recorder.close()
    found, damaged = store.read_trials()
    assert len(found) == 300
    assert damaged == []


def test_what_fails_for_a_moment_is_written_all_the_same(store, recorder, said, monkeypatch):
    real, failures = store.begin_trial, iter([OSError("away"), OSError("away")])

    def begin(trial):
        for failure in failures:
            raise failure
        real(trial)

    monkeypatch.setattr(store, "begin_trial", begin)
    trial = Trial({"x": 1})
    recorder.trial_begins(trial)
    recorder.close()
    assert json.loads(
        FILES.read_bytes(f"{store.trial_directory(trial.trial_id)}/.hparams.json")
    ) == {"x": 1}
    assert len(said) == 1


@pytest.fixture
def now(store):
    """The owner's clock, and a driver on another host that may follow it."""
    time = [1000.0]
    store.ownership._clock = lambda: time[0]
    store.ownership.check()
    return time


def follow(store, now):
    now[0] += 100
    Ownership(
        FILES, store.directory, clock=lambda: now[0], process=Process("other-host", pid=7)
    ).take()


def test_once_another_driver_owns_the_directory_nothing_more_is_written_and_it_is_told_once(
    store, recorder, said, busy, now
):
    lost, told = [], threading.Event()
    recorder.when_lost(lambda error: (lost.append(error), told.set()))
    recorder.trial_ended(ended(1))
    recorder.trial_begins(Trial({"x": 2}))
    follow(store, now)
    before = sorted(FILES.list(store.directory))
    busy.set()
    assert told.wait(HANG)
    recorder.log("more")
    recorder.close()
    assert [str(error) for error in lost] == [str(lost[0])]
    assert "is now owned by process 7 on other-host" in str(lost[0])
    assert sorted(FILES.list(store.directory)) == before
    assert "more" not in FILES.read_bytes(f"{store.directory}/maggy.log").decode()
    assert said == []


def test_that_another_driver_owns_the_directory_is_told_later_to_one_who_asks_later(
    store, recorder, now
):
    follow(store, now)
    recorder.log("more")
    recorder.close()
    lost = []
    recorder.when_lost(lost.append)
    assert lost == [recorder.lost]


def test_a_closed_recorder_has_given_the_directory_back(store, recorder):
    recorder.log("a line")
    recorder.close()
    Ownership(FILES, store.directory, process=Process("other-host")).take()
