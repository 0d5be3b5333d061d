"""The rules of every store of records, over the directory and over a small database in memory."""

import json
import math
import uuid

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from maggy.common.exceptions import OwnershipError, ResumeError
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.messages import WorkerId
from maggy.records.contract import RecordStore
from maggy.records.directory import ExperimentStore
from maggy.records.process import Process
from maggy.trial import Trial

OTHER = Process("other-host")


class Database:
    """The rows of one experiment: what a database would hold."""

    def __init__(self):
        self.owner = None
        self.experiment = None
        self.result = None
        self.trials = {}  # id -> JSON text, in the order of the ends
        self.begun = {}
        self.text = {}
        self.running = {}  # by owner
        self.damaged = {}


class DatabaseStore(RecordStore):
    """A store that is no directory. It shows that the driver and its readers need no files."""

    has_event_files = False
    points_seconds = 0.0

    def __init__(self, database, owner):
        self.directory = f"database://{id(database)}"
        self.app_id, self.run_id, self.experiment_id = "app", 1, "app_1"
        self.database = database
        self.owner = owner

    def trial_directory(self, trial_id):
        return f"{self.directory}/{trial_id}"

    def claim(self):
        if self.database.owner not in (None, self.owner):
            raise OwnershipError("An experiment is run by one driver at a time.")
        self.database.owner = self.owner

    def renew_ownership(self):
        if self.database.owner not in (None, self.owner):
            raise OwnershipError("An experiment is run by one driver at a time.")

    def proof(self):
        return "owner", self.owner

    def release(self):
        self.database.owner = None

    def interrupted_ids(self):
        return []

    def write_experiment(self, record):
        self.database.experiment = json.dumps(_finite(record))

    def read_experiment(self):
        try:
            return json.loads(self.database.experiment or "")
        except ValueError as error:
            if self.database.trials:
                return {}
            raise ResumeError("No experiment is recorded here.") from error

    def set_aside_experiment(self):
        self.database.damaged["experiment"] = self.database.experiment
        self.database.experiment = None

    def write_hparams_space(self, parameters, metric):
        pass

    def write_result(self, result, rows):
        self.database.result = json.dumps(_finite(result)), list(rows)

    def log(self, line):
        self._append("log", f"{line}\n")

    def append_log(self, text):
        self._append("log", text)

    def log_executor(self, partition, number, text):
        self._append(f"executor {partition} {number}", text)

    def begin_trial(self, trial):
        self.database.begun[trial.trial_id] = json.dumps(trial.params)

    def append_output(self, trial_id, text):
        self._append(trial_id, text)

    def append_running(self, text):
        self.database.running[self.owner] = self.database.running.get(self.owner, "") + text

    def replace_running(self, text):
        self.database.running[self.owner] = text

    def remove_running(self):
        self.database.running.clear()

    def end_trial(self, trial):
        self.database.begun.setdefault(trial.trial_id, json.dumps(trial.params))
        self.database.trials.pop(trial.trial_id, None)
        self.database.trials[trial.trial_id] = trial.to_json()

    def read_trials(self):
        trials, names = [], []
        for trial_id, text in list(self.database.trials.items()):
            try:
                trials.append(Trial.from_json(text))
            except ValueError:
                names.append(trial_id)
                self.database.damaged[trial_id] = self.database.trials.pop(trial_id)
        return trials, names

    def _append(self, name, text):
        self.database.text[name] = self.database.text.get(name, "") + text


def _finite(record):
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }


class OnDatabase:
    """Open and damage the records of an experiment in a database."""

    def __init__(self):
        self.database = Database()

    def create(self):
        store = DatabaseStore(self.database, "first")
        store.claim()
        return store

    def open(self):
        return DatabaseStore(self.database, "second")

    def damage_experiment(self):
        self.database.experiment = "{"

    def damage_trial(self, trial_id):
        self.database.trials[trial_id] = "{"

    def output(self, trial_id):
        return self.database.text[trial_id]

    def running(self):
        return list(self.database.running.values())


class OnFiles:
    """Open and damage the records of an experiment in a directory."""

    def __init__(self, root):
        self.files = AnyFiles()
        self.root = root

    def create(self):
        store = ExperimentStore.create(self.files, self.root, "app")
        store.write_experiment({})
        return store

    def open(self):
        return ExperimentStore.open(self.files, self.root, "app_1", process=OTHER)

    def damage_experiment(self):
        self.files.write_bytes(f"{self.root}/app_1/maggy.json", b"{")

    def damage_trial(self, trial_id):
        self.files.write_bytes(f"{self.root}/app_1/{trial_id}/trial.json", b"{")

    def output(self, trial_id):
        return self.files.read_bytes(f"{self.root}/app_1/{trial_id}/output.log").decode()

    def running(self):
        directory = f"{self.root}/app_1"
        names = [name for name in self.files.list(directory) if name.startswith("running-")]
        owners = sorted({name.split("-")[1] for name in names})
        texts = {
            owner: b"".join(
                self.files.read_bytes(f"{directory}/{name}")
                for name in names
                if name.split("-")[1] == owner
            )
            for owner in owners
        }
        return [text.decode() for text in texts.values()]


@pytest.fixture(params=["disk", "memory", "database"])
def place(request, tmp_path):
    if request.param == "disk":
        yield OnFiles(str(tmp_path))
    elif request.param == "memory":
        url = f"memory://{uuid.uuid4().hex}"
        yield OnFiles(url)
        MemoryFileSystem().rm(url, recursive=True)
    else:
        yield OnDatabase()


@pytest.fixture
def store(place):
    return place.create()


def trial_with(status=Trial.FINALIZED, **params):
    trial = Trial(params)
    trial.status = status
    trial.final_metric = 0.5 if status == Trial.FINALIZED else None
    return trial


def ids(trials):
    return [trial.trial_id for trial in trials]


def test_a_store_keeps_the_contract(store):
    assert isinstance(store, RecordStore)
    assert (store.app_id, store.run_id, store.experiment_id) == ("app", 1, "app_1")
    assert store.trial_directory("abc").startswith(store.directory)


def test_a_class_that_lacks_a_method_is_no_store():
    class Incomplete(RecordStore):
        pass

    with pytest.raises(TypeError, match="read_trials"):
        Incomplete()


def test_a_store_has_one_owner_at_a_time(place, store):
    second = place.open()
    with pytest.raises(OwnershipError, match="one driver at a time"):
        second.claim()
    store.renew_ownership()
    store.release()
    second.claim()
    second.renew_ownership()


def test_the_record_of_the_experiment_is_replaced_and_has_finite_numbers_only(store):
    store.write_experiment({"state": "RUNNING", "seed": 1})
    store.write_experiment({"state": "FINISHED", "seed": math.nan})
    assert store.read_experiment() == {"state": "FINISHED", "seed": None}


def test_a_damaged_record_of_the_experiment_is_empty_only_beside_recorded_trials(place, store):
    place.damage_experiment()
    with pytest.raises(ResumeError):
        store.read_experiment()
    store.end_trial(trial_with(x=1))
    assert store.read_experiment() == {}
    store.set_aside_experiment()
    store.write_experiment({"state": "RUNNING"})
    assert store.read_experiment() == {"state": "RUNNING"}


def test_trials_are_read_in_the_order_of_their_ends_whether_or_not_they_have_begun(place, store):
    trials = [trial_with(x=number) for number in range(4)]
    trials.append(trial_with(Trial.ERROR, x=9))
    for trial in trials[::2]:
        store.begin_trial(trial)
    for trial in reversed(trials):
        store.end_trial(trial)
    for reader in (store, place.open()):
        read, damaged_names = reader.read_trials()
        assert ids(read) == ids(reversed(trials))
        assert [trial.to_json() for trial in reversed(read)] == [
            trial.to_json() for trial in trials
        ]
        assert damaged_names == []


def test_a_trial_that_has_begun_is_not_read_until_it_has_ended(store):
    trial = trial_with(x=1)
    store.begin_trial(trial)
    assert store.read_trials() == ([], [])


def test_an_earlier_end_stays_recorded_until_the_next_one(place, store):
    trial, other = trial_with(x=1), trial_with(x=2)
    store.end_trial(trial)
    store.end_trial(other)
    again = trial_with(x=1)
    again.final_metric = 0.75
    store.begin_trial(again)
    assert ids(store.read_trials()[0]) == ids([trial, other])
    store.end_trial(again)
    read, _ = place.open().read_trials()
    assert [(trial.trial_id, trial.final_metric) for trial in read] == [
        (other.trial_id, 0.5),
        (trial.trial_id, 0.75),
    ]


def test_an_end_may_be_written_twice(store):
    trial = trial_with(x=1)
    store.end_trial(trial)
    store.end_trial(trial)
    assert ids(store.read_trials()[0]) == ids([trial])


def test_a_damaged_trial_is_named_once_and_counts_as_not_run(place, store):
    good, torn = trial_with(x=1), trial_with(x=2)
    for trial in (good, torn):
        store.end_trial(trial)
    place.damage_trial(torn.trial_id)
    read, damaged_names = store.read_trials()
    assert (ids(read), damaged_names) == (ids([good]), [torn.trial_id])
    read, damaged_names = store.read_trials()
    assert (ids(read), damaged_names) == (ids([good]), [])


def test_output_may_come_before_the_beginning(place, store):
    trial = trial_with(x=1)
    store.append_output(trial.trial_id, "one\n")
    store.begin_trial(trial)
    store.append_output(trial.trial_id, "two\n")
    store.end_trial(trial)
    assert place.output(trial.trial_id) == "one\ntwo\n"


def test_what_is_recorded_of_running_trials_grows_is_replaced_and_goes(place, store):
    store.append_running("1\n")
    store.append_running("2\n")
    assert place.running() == ["1\n2\n"]
    for text in ("3\n", "4\n"):
        store.replace_running(text)
        assert place.running() == [text]
        store.append_running("5\n")
        assert place.running() == [f"{text}5\n"]
    store.remove_running()
    assert place.running() == []
    store.remove_running()
    assert store.points_seconds >= 0


def test_what_an_earlier_owner_has_recorded_of_running_trials_stays_until_the_end(place, store):
    store.replace_running("1\n")
    store.release()
    second = place.open()
    second.claim()
    second.append_running("2\n")
    second.replace_running("3\n")
    store.append_running("4\n")  # a driver that was suspended
    assert place.running() == ["1\n4\n", "3\n"]
    second.remove_running()
    assert place.running() == []


def test_the_result_and_the_logs_cost_no_error(store):
    store.write_hparams_space([{"name": "x", "type": "DISCRETE", "values": [1]}], "metric")
    store.write_result(
        {"best_val": math.inf}, [{"params": {"x": 1}, "outputs": {"metric": 1}, "metric": 1.0}]
    )
    store.log("a line")
    store.log_executor(0, 0, "text\n")


@pytest.mark.loopback
def test_the_driver_s_recorder_writes_to_any_store(place, store):
    recorder = Recorder(store, pytest.fail)
    trial = trial_with(x=1)
    recorder.experiment({"state": "RUNNING"})
    recorder.worker_registered(WorkerId(0, 0, 0), "host", 1)
    recorder.trial_begins(trial)
    recorder.lines(trial.trial_id, WorkerId(0, 0, 0), ["hello"])
    recorder.trial_ended(trial)
    recorder.close()
    reader = place.open()
    reader.claim()
    assert reader.read_experiment() == {"state": "RUNNING"}
    assert ids(reader.read_trials()[0]) == ids([trial])
    assert place.output(trial.trial_id) == "hello\n"
