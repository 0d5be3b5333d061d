"""Records and data on an S3 server (moto) and in fsspec's memory, with real Spark."""

import json
import pickle
import re
import threading
import uuid

import numpy as np
import pytest
from helpers.remote_records import check_trial_files, run_ids_at_once, text_of
from helpers.s3_server import S3, new_bucket
from helpers.waiting import HANG, running, wait_until

import maggy
from maggy import Searchspace, experiment
from maggy.ablation import register_training_dataset
from maggy.common.exceptions import AblationError, BadArgumentsError, RecordsError, ResumeError
from maggy.common.files import AnyFiles
from maggy.config import HyperparameterOptConfig
from maggy.core.experiment_driver.recorder import Recorder
from maggy.datasets.registry import find_training_dataset
from maggy.records import writer
from maggy.records.directory import ExperimentStore
from maggy.trial import Trial

pytestmark = pytest.mark.slow
FILES = AnyFiles()


@pytest.fixture(scope="module")
def s3():
    server = S3()
    yield server
    server.stop()


def errors_told(monkeypatch):
    """Return a list that collects the error messages of the writer of records."""
    sentences, tell = [], writer.RecordWriter._tell

    def remember(self, message):
        tell(self, message)
        sentences.append(message)

    monkeypatch.setattr(writer.RecordWriter, "_tell", remember)
    return sentences


@pytest.fixture
def bucket(s3, monkeypatch):
    """Return the URL of a new bucket."""
    with new_bucket(s3, monkeypatch) as url:
        yield url


@pytest.fixture(params=["s3", "memory"])
def place(request):
    if request.param == "s3":
        return request.getfixturevalue("bucket")
    return f"memory://{uuid.uuid4().hex}"


def search(place, train, trials=3, **others):
    space = Searchspace(x=("DOUBLE", [0.0, 1.0]))
    config = HyperparameterOptConfig(
        trials,
        "randomsearch",
        space,
        seed=1,
        hb_interval=0.05,
        log_dir=f"{place}/experiments",
        **others,
    )
    return experiment.lagom(train, config)


def test_a_search_leaves_the_same_records_as_on_a_disk(place, spark, tmp_path):
    def train(x):
        print("training")
        return x

    def names(result):
        return [re.sub(r"tfevents\.\d+", "tfevents", name) for name in FILES.list(result.directory)]

    # With two workers it would depend on their speed which of them has a log.
    remote, local = (search(root, train, num_workers=1) for root in (place, tmp_path))
    assert names(remote) == names(local)
    check_trial_files(remote)
    assert json.loads(text_of(remote.directory, "maggy.json"))["state"] == "FINISHED"
    assert "The experiment has ended: FINISHED." in text_of(remote.directory, "maggy.log")


def test_a_running_experiment_is_looked_at_in_the_store(place, spark, monkeypatch, tmp_path):
    monkeypatch.setattr("maggy.records.directory.REMOTE_POINTS_SECONDS", 0.1)
    gate = tmp_path / "gate"

    def train(x, reporter):
        import time
        from pathlib import Path

        while not Path(gate).exists():
            reporter.broadcast(x)
            print("training")
            time.sleep(0.05)
        return x

    with running(lambda: search(place, train, 2), release=gate.touch) as background:
        wait_until(lambda: FILES.list(f"{place}/experiments"))
        directory = f"{place}/experiments/{FILES.list(f'{place}/experiments')[0]}"
        wait_until(lambda: FILES.exists(f"{directory}/maggy.json"))

        def look(count):
            rows = maggy.load(directory).running
            return rows if len(rows) == 2 and min(len(row["steps"]) for row in rows) > count else []

        for count in (0, 5, 10):
            rows = wait_until(lambda count=count: look(count), "new points")
        assert [row["number"] for row in rows] == [1, 2]
        assert all(set(row["history"]) == {row["params"]["x"]} for row in rows)
        gate.touch()
        result = background.result()
    assert not [name for name in FILES.list(result.directory) if name.startswith("running-")]
    assert maggy.load(result.directory).trials == result.trials


def test_an_experiment_goes_on_and_a_new_one_leaves_it_alone(place, spark):
    first = search(place, lambda x: x, 2)
    before = {
        name: FILES.read_bytes(f"{first.directory}/{name}")
        for name in ("result.json", "maggy.log", "maggy.json")
    }
    second = search(place, lambda x: x, 2)
    assert second.directory == first.directory[:-1] + "2"
    assert {name: FILES.read_bytes(f"{first.directory}/{name}") for name in before} == before
    for directory in (first.directory, first.directory.rsplit("/", 1)[-1]):
        resumed = search(place, lambda x: 1.0, 4, resume=directory)
        assert resumed.directory == first.directory
        assert len(resumed.trials) == 4
    with pytest.raises(ResumeError, match=r"In .*/experiments there are: .*_1, .*_2"):
        search(place, lambda x: x, resume="local_9")


def test_a_torn_record_counts_as_not_run(place, spark):
    first = search(place, lambda x: x, 2)
    torn = first.trials[0]["trial_id"]
    path = f"{first.directory}/{torn}/trial.json"
    FILES.write_bytes(path, FILES.read_bytes(path)[:-5])
    resumed = search(place, lambda x: 1.0, 2, resume=first.directory)
    assert [trial["metric"] for trial in resumed.trials if trial["trial_id"] == torn] == [1.0]
    assert f"{torn}.damaged-1" in FILES.list(first.directory)


def test_experiments_that_start_at_once_get_a_directory_each(place):
    assert run_ids_at_once(place, 6) == [1, 2, 3, 4, 5, 6]


def test_lost_answers_of_the_store_cost_no_directory(bucket, monkeypatch):
    """The server carries out the first put of these files, but its answer does not arrive."""
    from aiobotocore.httpsession import AIOHTTPSession
    from botocore.exceptions import ConnectionClosedError

    send, to_lose = AIOHTTPSession.send, [".claimed", "maggy.log", "owner-1.json"]

    async def lose_answers(self, request):
        answer = await send(self, request)
        name = request.url.rpartition("/")[2]
        if request.method == "PUT" and name in to_lose:
            to_lose.remove(name)
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    monkeypatch.setattr(AIOHTTPSession, "send", lose_answers)
    store = ExperimentStore.create(AnyFiles(), bucket, "app")
    assert (store.run_id, store.proof()[0], FILES.list(bucket)) == (1, "owner-1.json", ["app_1"])
    # A text may hold a line twice.
    assert FILES.list(store.directory) == ["maggy.log", "maggy.log.000001", "owner-1.json"]
    assert to_lose == []


def test_what_another_process_has_written_is_seen_at_once(bucket):
    import fsspec

    other = fsspec.filesystem("s3", skip_instance_cache=True)
    for number in range(3):
        assert len(FILES.list(f"{bucket}/x")) == number
        other.pipe_file(f"{bucket}/x/app_{number}/maggy.json", b"{}")
    assert not FILES.exists(f"{bucket}/x/app_3")
    other.pipe_file(f"{bucket}/x/app_3/maggy.json", b"{}")
    assert FILES.exists(f"{bucket}/x/app_3")
    # The listing lacks the new file, and has another size of the old one.
    assert FILES.list(f"{bucket}/x/app_3") == ["maggy.json"]
    other.pipe_file(f"{bucket}/x/app_3/owner-2.json", b"owner")
    other.pipe_file(f"{bucket}/x/app_3/maggy.json", b"longer than before")
    assert FILES.read_bytes(f"{bucket}/x/app_3/owner-2.json") == b"owner"
    with FILES.open_to_read(f"{bucket}/x/app_3/maggy.json") as file:
        assert file.read() == b"longer than before"


def test_a_store_that_goes_away_costs_no_trial(bucket, s3, spark, monkeypatch, capsys):
    """Stop the store before the first trial, and start it again after the last one.

    By then lagom waits for the records.
    """
    monkeypatch.setattr(writer, "LONGEST_DELAY", 0.5)
    begin, end, sentences = Recorder.trial_begins, Recorder.trial_ended, errors_told(monkeypatch)
    down, ends = threading.Event(), []

    def begin_without_store(self, trial):
        if not down.is_set():
            s3.stop()
            down.set()
        begin(self, trial)

    def count_end(self, trial):
        ends.append(trial)
        end(self, trial)

    def come_back():
        wait_until(
            lambda: (sentences and len(ends) == 4) or over.is_set(),
            "the end of all trials, and an error",
        )
        if down.is_set():
            s3.start()

    over = threading.Event()
    monkeypatch.setattr(Recorder, "trial_begins", begin_without_store)
    monkeypatch.setattr(Recorder, "trial_ended", count_end)
    with running(come_back, release=over.set) as store_is_back:
        result = search(bucket, lambda x: x, 4)
        store_is_back.result()
    output = capsys.readouterr().out
    assert output.count("Records cannot be written at the moment") == 1
    assert "could not be written" not in output
    assert result["num_trials"] == 4
    store = ExperimentStore.open(FILES, bucket, result.directory)
    assert sorted(trial.trial_id for trial in store.read_trials()[0]) == sorted(
        t["trial_id"] for t in result.trials
    )
    assert json.loads(text_of(result.directory, "maggy.json"))["state"] == "FINISHED"


def test_a_store_that_is_not_there_in_the_beginning_is_an_error_at_once(bucket, spark):
    with pytest.raises(
        RecordsError,
        match=r"in s3://no-such-bucket/experiments they cannot .* bucket does not exist",
    ):
        search("s3://no-such-bucket", lambda x: x)


def test_a_store_that_refuses_access_is_an_error_in_the_beginning_and_away_in_the_middle(
    bucket, s3, spark, monkeypatch, capsys
):
    def refuse(count):
        import requests

        requests.post(f"{s3.url}/moto-api/reset-auth", data=str(count), timeout=HANG)

    refuse(0)
    try:
        with pytest.raises(RecordsError, match=r"PermissionError: .*Choose another place"):
            search(bucket, lambda x: x)
        refuse(float("inf"))
        real, refusal, over = ExperimentStore.end_trial, threading.Event(), threading.Event()
        sentences = errors_told(monkeypatch)

        def end(self, trial):
            if not refusal.is_set():
                refuse(0)
                refusal.set()
            real(self, trial)

        def allow_again():
            wait_until(lambda: sentences or over.is_set(), "an error")
            refuse(float("inf"))

        monkeypatch.setattr(ExperimentStore, "end_trial", end)
        with running(allow_again, release=over.set) as allowing:
            result = search(bucket, lambda x: x)
            allowing.result()
    finally:
        refuse(float("inf"))
    assert (
        capsys.readouterr().out.count("Records cannot be written at the moment (PermissionError")
        == 1
    )
    assert len(ExperimentStore.open(FILES, bucket, result.directory).read_trials()[0]) == 3


@pytest.fixture
def frame():
    import pandas

    return pandas.DataFrame({"fare": [1.5, 2.5], "age": [3, 4], "survived": [0, 1]})


def columns_of(dataset):
    dataset = pickle.loads(pickle.dumps(dataset))  # a worker gets a pickle
    dataset.load()
    return {name: column.tolist() for name, column in dataset.columns.items()}


def test_a_data_set_may_be_registered_from_a_url(place, frame, experiments, tmp_path):
    FILES.make_directory(f"{place}/in", exist_ok=True)
    FILES.write_bytes(f"{place}/in/a.csv", frame.to_csv(index=False).encode())
    frame.to_parquet(tmp_path / "a.parquet")
    FILES.make_directory(f"{place}/folder", exist_ok=True)
    FILES.write_bytes(f"{place}/folder/part-0.parquet", (tmp_path / "a.parquet").read_bytes())
    FILES.write_bytes(f"{place}/folder/_SUCCESS", b"")
    for url in (f"{place}/in/a.csv", f"{place}/folder"):
        register_training_dataset(url, "t")
        dataset = find_training_dataset("t", 1, "survived")
        dataset.check_names(["age"])
        assert columns_of(dataset) == {"fare": [1.5, 2.5], "age": [3, 4], "survived": [0, 1]}
    with pytest.raises(BadArgumentsError, match="nothing is at"):
        register_training_dataset(f"{place}/missing.csv", "t")


def test_data_sets_may_be_kept_at_a_url(place, frame, monkeypatch):
    monkeypatch.setenv("MAGGY_DATASET_DIR", f"{place}/datasets")
    assert register_training_dataset(frame, "t") == f"{place}/datasets/t_1"
    register_training_dataset(frame[["age", "survived"]], "t")  # replaces the first one
    assert columns_of(find_training_dataset("t", 1, "survived")) == {
        "age": [3, 4],
        "survived": [0, 1],
    }
    names = FILES.list(f"{place}/datasets/t_1")
    assert len(names) == 2
    assert "schema.json" in names
    with pytest.raises(AblationError, match=r"registered in the versions 1\."):
        find_training_dataset("t", 2, "survived")
    with pytest.raises(AblationError, match=r"Did you mean 't'|The registered data sets are: t"):
        find_training_dataset("u", 1, "survived")


def test_tfrecord_files_of_a_url_are_read_on_the_worker(place, experiments, tmp_path):
    import tensorflow as tf

    for part in range(2):
        with tf.io.TFRecordWriter(str(tmp_path / "part")) as records:
            feature = {
                "fare": tf.train.Feature(float_list=tf.train.FloatList(value=[part + 0.5])),
                "survived": tf.train.Feature(int64_list=tf.train.Int64List(value=[part])),
            }
            records.write(
                tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
            )
        FILES.make_directory(f"{place}/records", exist_ok=True)
        FILES.write_bytes(f"{place}/records/part-r-0000{part}", (tmp_path / "part").read_bytes())
    FILES.write_bytes(f"{place}/records/_SUCCESS", b"")
    register_training_dataset(f"{place}/records", "t")
    dataset = pickle.loads(pickle.dumps(find_training_dataset("t", 1, "survived")))
    batches = list(dataset.dataset(1, 2).as_numpy_iterator())
    np.testing.assert_array_equal(batches[0][0], [[0.5], [1.5]])
    np.testing.assert_array_equal(batches[0][1], [0, 1])


def test_a_trial_that_is_recorded_twice_after_an_outage_is_recorded_once(place):
    store = ExperimentStore.create(FILES, place, "app")
    trial = Trial({"x": 1})
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    real = AnyFiles.write_bytes
    failed = []

    class Failing(AnyFiles):
        def write_bytes(self, path, data, atomic=True):
            if path.endswith("trial.json") and not failed:
                failed.append(path)
                raise ConnectionError("refused")
            real(self, path, data, atomic)

    store._files = Failing()
    records = writer.RecordWriter(on_error=lambda message: None)
    records.submit(store.end_trial, trial)
    assert records.close()
    assert [record.trial_id for record in store.read_trials()[0]] == [trial.trial_id]
