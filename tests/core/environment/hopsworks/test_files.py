"""Records in HopsFS: the real hops package over a stand-in for pydoop."""

import pickle

import pytest

from maggy.core.environment import (
    ExperimentCard,
    ExperimentEnd,
)
from maggy.core.environment.hopsworks.package import import_hops
from maggy.records.directory import ExperimentStore
from maggy.trial import Trial

pytestmark = pytest.mark.loopback

PROJECT = "hdfs://namenode:8020/Projects/demo"
CARD = ExperimentCard("app_1", "app", "mine", "what it is", "randomsearch", "max", "metric", 0.0)
END = ExperimentEnd("FINISHED", 1.5, "abc", 0.5)


def create(environment, app_id, log_dir=None):
    """Make the directory of a new experiment, as a launch does."""
    root = environment.root(log_dir)
    return ExperimentStore.create(
        environment.files, root, app_id, lambda: environment.experiments(root)
    )


def test_experiments_lie_in_the_project(environment):
    assert environment.root() == f"{PROJECT}/Experiments"
    assert environment.root("Resources/mine/") == f"{PROJECT}/Resources/mine"
    assert environment.root("/Projects/other/x") == "hdfs://namenode:8020/Projects/other/x"
    assert environment.root("s3://bucket/x") == "s3://bucket/x"
    assert environment.root("file:///tmp/x") == "/tmp/x"


def test_the_operations_on_files_keep_their_contract(environment):
    root = environment.root("x")
    path = environment.files.join(root, "file")
    assert environment.files.list(root) == []
    environment.files.make_directory(root)
    environment.files.make_directory(root, exist_ok=True)
    with pytest.raises(FileExistsError):
        environment.files.make_directory(root)
    for atomic in (True, False):
        environment.files.write_bytes(path, b"a longer text", atomic)
        environment.files.write_bytes(path, b"short", atomic)
        assert environment.files.read_bytes(path) == b"short"
    environment.files.append_bytes(path, b" and more")
    environment.files.append_bytes(environment.files.join(root, "log"), b"new")
    assert environment.files.read_bytes(path) == b"short and more"
    assert environment.files.list(root) == ["file", "log"]
    environment.files.rename(path, environment.files.join(root, "other"))
    environment.files.remove(environment.files.join(root, "other"))
    environment.files.remove(environment.files.join(root, "other"))
    assert environment.files.list(root) == ["log"]
    with pytest.raises(FileNotFoundError):
        environment.files.read_bytes(path)


def test_a_crash_in_the_middle_of_an_atomic_write_leaves_the_old_content(environment, monkeypatch):
    hdfs = import_hops("hdfs")
    path = environment.files.join(environment.root(), "file")
    environment.files.write_bytes(path, b"old")
    real, calls_left = hdfs.rename, [1]

    def crash(source, target):
        if not calls_left:
            raise KeyboardInterrupt
        calls_left.pop()
        real(source, target)

    monkeypatch.setattr(hdfs, "rename", crash)
    with pytest.raises(KeyboardInterrupt):
        environment.files.write_bytes(path, b"new")
    assert environment.files.exists(path)
    assert environment.files.read_bytes(path) == b"old"
    monkeypatch.setattr(hdfs, "rename", real)
    environment.files.write_bytes(path, b"new")
    assert environment.files.read_bytes(path) == b"new"
    assert environment.files.list(environment.root()) == ["file"]


def test_an_experiment_is_recorded_in_hopsfs_and_read_back(environment, platform):
    store = create(environment, "application_1")
    assert store.directory == f"{PROJECT}/Experiments/application_1_1"
    trial = Trial({"x": 1})
    store.begin_trial(trial)
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    store.end_trial(trial)
    store.write_experiment({"state": "FINISHED"})
    folder = platform.files / "Projects/demo/Experiments/application_1_1"
    assert {"maggy.json", "maggy.log", trial.trial_id} <= {path.name for path in folder.iterdir()}
    assert {".hparams.json", ".outputs.json", ".metric", "trial.json"} <= {
        path.name for path in (folder / trial.trial_id).iterdir()
    }
    store_again = ExperimentStore.open(environment.files, environment.root(), "application_1_1")
    assert [record.trial_id for record in store_again.read_trials()[0]] == [trial.trial_id]
    assert create(environment, "application_1").run_id == 2


def test_a_run_number_is_never_used_twice_wherever_the_records_are(environment, platform):
    """The service identifies an experiment by its name alone."""
    create(environment, "application_1")
    for number, elsewhere in ((2, "Resources/mine"), (3, platform.files.parent.as_uri())):
        store = create(environment, "application_1", elsewhere)
        assert store.run_id == number
        card = ExperimentCard(
            store.experiment_id, "application_1", "mine", "", "f", "max", "metric", 0.0
        )
        environment.register(card, lambda text: None).close(END)


def test_an_experiment_with_its_records_elsewhere_does_not_need_hopsfs(
    environment, platform, monkeypatch, tmp_path
):
    def fail(path):
        raise OSError("the name node is in safe mode")

    monkeypatch.setattr(import_hops("hdfs"), "exists", fail)
    messages = []
    store = create(environment, "app", (tmp_path / "x").as_uri())
    assert store.run_id == 1
    environment.register(CARD, messages.append).close(END)
    assert len(messages) == 1
    assert "safe mode" in messages[0]


def test_a_file_that_was_removed_during_a_replacement_does_not_come_back(environment, monkeypatch):
    hdfs = import_hops("hdfs")
    path = environment.files.join(environment.root(), "file")
    # A driver that died has left both files.
    for name, data in ((path, b"new"), (path + ".previous", b"old")):
        environment.files.write_bytes(name, data, atomic=False)
    assert environment.files.read_bytes(path) == b"new"
    real, calls_left = hdfs.delete, [1]

    def crash(name):
        if not calls_left:
            raise KeyboardInterrupt
        calls_left.pop()
        real(name)

    monkeypatch.setattr(hdfs, "delete", crash)
    with pytest.raises(KeyboardInterrupt):
        environment.files.remove(path)
    assert environment.files.read_bytes(path) == b"new"


def test_a_new_file_is_created_only_once(environment):
    environment.files.make_directory(f"{PROJECT}/x", exist_ok=True)
    path = f"{PROJECT}/x/owner-1.json"
    environment.files.create_bytes(path, b"first")
    with pytest.raises(FileExistsError):
        environment.files.create_bytes(path, b"second")
    assert environment.files.read_bytes(path) == b"first"
    assert environment.files.list(f"{PROJECT}/x") == ["owner-1.json"]


def test_the_next_owner_of_a_directory_removes_the_temporary_files_of_the_last(
    environment, platform
):
    store = create(environment, "app")
    store.write_experiment({})
    trial = Trial({"x": 1})
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    store.end_trial(trial)
    store.release()
    for name in ("maggy.json", f"{trial.trial_id}/trial.json"):
        environment.files.write_bytes(f"{store.directory}/{name}.writing", b"cut", atomic=False)
    next_store = ExperimentStore.open(environment.files, environment.root(), "app_1")
    next_store.claim()
    names = environment.files.list(store.directory) + environment.files.list(
        store.trial_directory(trial.trial_id)
    )
    assert [name for name in names if name.endswith(".writing")] == []
    assert [name for name in names if name.startswith("owner-")] == ["owner-1.json", "owner-2.json"]
    assert [record.trial_id for record in next_store.read_trials()[0]] == [trial.trial_id]


def test_the_environment_travels_to_a_worker(environment):
    environment.files.write_bytes(environment.files.join(environment.root(), "file"), b"x")
    copy = pickle.loads(pickle.dumps(environment))
    assert copy.files.read_bytes(copy.files.join(copy.root(), "file")) == b"x"
