"""Records, checkpoints and data on a real HDFS, by hdfs-native and by hops; ``tox -e hdfs``."""

import json
import os
import threading

import pytest
from helpers import hdfs_cluster, hopsworks_platform
from helpers.checkpoints import count_up, die_on_record
from helpers.remote_records import check_trial_files, text_of

from maggy import Searchspace, experiment, load
from maggy.ablation import register_training_dataset
from maggy.common.files import AnyFiles
from maggy.config import HyperparameterOptConfig
from maggy.core.environment import HopsworksEnvironment
from maggy.core.experiment_driver.recorder import Recorder
from maggy.datasets.registry import find_training_dataset
from maggy.experiment_config import OptimizationConfig
from maggy.records.directory import ExperimentStore

pytestmark = pytest.mark.slow
FILES = AnyFiles()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    jars = hdfs_cluster.fetch_jars(os.environ["MAGGY_HADOOP"])
    cluster = hdfs_cluster.HdfsCluster(tmp_path_factory.mktemp("hdfs") / "cluster", jars)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def place(cluster, request):
    return f"{cluster.url}/{request.node.name.replace('[', '-').rstrip(']')}"


def search(place, train, trials=3, **others):
    space = Searchspace(x=("DOUBLE", [0.0, 1.0]))
    config = HyperparameterOptConfig(
        trials, "randomsearch", space, seed=1, hb_interval=0.05, log_dir=place, **others
    )
    return experiment.lagom(train, config)


def test_a_search_leaves_its_records_and_goes_on(place, spark):
    def train(x):
        print("training")
        return x

    first = search(place, train)
    second = search(place, train)
    assert [result.directory[-2:] for result in (first, second)] == ["_1", "_2"]
    check_trial_files(first)
    before = text_of(second.directory, "maggy.log")
    resumed = search(place, train, 5, resume=first.directory)
    assert len(resumed.trials) == 5
    assert text_of(second.directory, "maggy.log") == before


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_goes_on_from_its_checkpoint_after_its_process_was_killed(place, spark, isolation):
    def train(x, reporter):
        trained, fail_at = [], 1 if x == 2 else None
        total = count_up({"x": x}, reporter, fail_at=fail_at, fails=die_on_record, trained=trained)
        return {"metric": total, "epochs": len(trained)}

    space = Searchspace(x=("DISCRETE", [1, 2]))
    config = OptimizationConfig(
        2, "gridsearch", space, hb_interval=0.1, log_dir=place, isolation=isolation
    )
    result = experiment.lagom(train, config)
    rows = {row["params"]["x"]: row for row in result.trials}
    assert (rows[2]["attempts"], rows[2]["history"]) == (2, [2, 5, 9, 14])
    assert rows[2]["outputs"]["epochs"] in (2, 3)  # of four
    for opened in (result, load(result.directory)):
        checkpoint = opened.best_checkpoint()
        assert (checkpoint.step, (checkpoint / "total").read_text()) == (3, "14")


def test_an_atomic_write_replaces_the_file_in_one_step(place):
    FILES.make_directory(place)
    path = f"{place}/file"
    FILES.write_bytes(path, b"0" * 1000)
    contents, over = set(), threading.Event()

    def read():
        while not over.is_set():
            contents.add(FILES.read_bytes(path))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 10):
        FILES.write_bytes(path, b"%d" % number * 1000)
    over.set()
    reader.join()
    assert len(contents) > 1
    assert all(len(content) == 1000 and len(set(content)) == 1 for content in contents)
    assert FILES.list(place) == ["file"]


def test_experiments_that_start_at_once_get_a_directory_each(place):
    class Blind(AnyFiles):
        def list(self, path):
            return []

    stores, threads = [], []
    for _ in range(6):
        threads.append(
            threading.Thread(
                target=lambda: stores.append(ExperimentStore.create(Blind(), place, "app"))
            )
        )
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(store.run_id for store in stores) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("part", ["namenode", "datanode"])
def test_an_hdfs_that_is_ill_for_a_minute_costs_no_trial(
    place, cluster, spark, monkeypatch, capsys, part
):
    real, down, back, timers = Recorder.trial_begins, threading.Event(), threading.Event(), []

    def come_back():
        back.set()
        cluster.start_part(part)

    def begin(self, trial):
        if not down.is_set():
            down.set()
            cluster.stop_part(part)
            timers.append(threading.Timer(65, come_back))
            timers[0].start()
        real(self, trial)

    def train(x):
        print("training")
        return x

    monkeypatch.setattr(Recorder, "trial_begins", begin)
    try:
        result = search(place, train, 4)
    finally:
        for timer in timers:  # the next test needs the cluster again
            timer.join()
    assert back.is_set()
    output = capsys.readouterr().out
    assert output.count("kept in memory") == 1  # 0 if hdfs-native retries by itself
    assert "could not be written" not in output
    store = ExperimentStore.open(FILES, place, result.directory)
    assert sorted(trial.trial_id for trial in store.read_trials()[0]) == sorted(
        t["trial_id"] for t in result.trials
    )
    for trial in result.trials:
        assert text_of(result.directory, trial["trial_id"], "output.log") == "training\n"
    assert json.loads(text_of(result.directory, "maggy.json"))["state"] == "FINISHED"
    cluster.wait()


def test_data_sets_are_registered_from_there_and_kept_there(place, monkeypatch):
    FILES.make_directory(f"{place}/in")
    FILES.write_bytes(f"{place}/in/a.csv", b"fare,survived\n1.5,0\n2.5,1\n")
    monkeypatch.setenv("MAGGY_DATASET_DIR", f"{place}/datasets")
    register_training_dataset(f"{place}/in/a.csv", "t")
    dataset = find_training_dataset("t", 1, "survived")
    dataset.load()
    assert dataset.columns["fare"].tolist() == [1.5, 2.5]


@pytest.fixture
def platform(tmp_path, monkeypatch, cluster):
    platform, server = hopsworks_platform.set_up(tmp_path, monkeypatch)
    platform.hopsfs = cluster.url
    monkeypatch.setenv("PYDOOP_STANDIN", cluster.url)
    FILES.make_directory(f"{cluster.url}/Projects/demo/Experiments", exist_ok=True)
    yield platform
    server.shutdown()
    server.server_close()
    hopsworks_platform.forget_hops()


def test_hops_keeps_an_experiment_in_a_real_hdfs(platform, spark, cluster):
    first = search(None, lambda x: x)
    again = search(None, lambda x: x)
    resumed = search(None, lambda x: x, 5, resume=first.directory)
    assert (first.directory[-2:], again.directory[-2:]) == ("_1", "_2")
    assert len(resumed.trials) == 5
    ml_id = first.directory.rsplit("/", 1)[-1]
    assert platform.experiments[ml_id]["state"] == "FINISHED"
    store = ExperimentStore.open(HopsworksEnvironment().files, HopsworksEnvironment().root(), ml_id)
    assert len(store.read_trials()[0]) == 5
    assert "maggy.json" in FILES.list(f"{cluster.url}/Projects/demo/Experiments/{ml_id}")
