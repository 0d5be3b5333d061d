"""Records in a directory, on a real disk and in fsspec's memory file system."""

import json
import math
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from maggy.common.exceptions import OwnershipError, RecordsError, ResumeError
from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore
from maggy.records.process import Process
from maggy.records.reading import parse_ended_trial
from maggy.result import build_result
from maggy.trial import Trial

FILES = AnyFiles()


@pytest.fixture(params=["disk", "memory"])
def root(request, tmp_path):
    if request.param == "disk":
        yield str(tmp_path / "Experiments")
        return
    url = f"memory://{uuid.uuid4().hex}"
    yield url
    MemoryFileSystem().rm(url, recursive=True)


@pytest.fixture
def store(root):
    return ExperimentStore.create(FILES, root, "app")


def text_of(store, *parts):
    return FILES.read_bytes(FILES.join(store.directory, *parts)).decode()


def json_of(store, *parts):
    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(text_of(store, *parts), parse_constant=refuse)


def run(store, params, metric=0.5, **others):
    """Return a trial that begins and ends at once. A metric of None makes it fail."""
    return run_trial(store, Trial(params), metric, **others)


def run_trial(store, trial, metric=0.5, **others):
    store.begin_trial(trial)
    trial.status = Trial.ERROR if metric is None else Trial.FINALIZED
    trial.final_metric = metric
    for name, value in others.items():
        setattr(trial, name, value)
    store.end_trial(trial)
    return trial


def test_a_new_experiment_has_the_first_free_run_number(root):
    stores = [ExperimentStore.create(FILES, root, "app") for _ in range(3)]
    assert [store.run_id for store in stores] == [1, 2, 3]
    assert [store.experiment_id for store in stores] == ["app_1", "app_2", "app_3"]
    assert stores[2].directory == FILES.join(root, "app_3")
    assert FILES.list(root) == ["app_1", "app_2", "app_3"]


def test_applications_count_their_runs_apart(root):
    assert ExperimentStore.create(FILES, root, "one").run_id == 1
    assert ExperimentStore.create(FILES, root, "two").run_id == 1


def test_an_existing_directory_is_never_used_even_if_it_is_empty(tmp_path):
    (tmp_path / "app_1").mkdir()
    assert ExperimentStore.create(FILES, str(tmp_path), "app").run_id == 2
    assert list((tmp_path / "app_1").iterdir()) == []


def test_experiments_that_start_at_once_get_different_directories(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        stores = list(
            pool.map(lambda _: ExperimentStore.create(FILES, str(tmp_path), "app"), range(40))
        )
    assert sorted(store.run_id for store in stores) == list(range(1, 41))


def test_a_run_number_that_another_process_has_just_taken_is_skipped(tmp_path):
    class Late(AnyFiles):
        def list(self, path):
            return []

    assert [ExperimentStore.create(Late(), str(tmp_path), "app").run_id for _ in range(3)] == [
        1,
        2,
        3,
    ]


def test_the_error_for_a_place_that_cannot_be_written_names_it_and_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    for root, reason in (
        (str(tmp_path / "file"), "FileExistsError"),
        ("nosuch://x/y", "ValueError: Protocol"),
    ):
        with pytest.raises(
            RecordsError,
            match=rf"in {root} they cannot \({reason}.*Choose another place with log_dir",
        ):
            ExperimentStore.create(FILES, root, "app")
    with pytest.raises(ImportError, match="gs:// needs a package"):
        ExperimentStore.create(FILES, "gs://bucket/x", "app")


def test_open_finds_an_experiment_by_id_and_by_directory(root, store):
    store.write_experiment({"name": "mine"})
    for wish in ("app_1", store.directory, store.directory + "/"):
        resumed = ExperimentStore.open(FILES, root, wish)
        assert (resumed.app_id, resumed.run_id, resumed.experiment_id) == ("app", 1, "app_1")
        assert resumed.read_experiment() == {"name": "mine"}


def test_open_takes_a_relative_path_and_a_path_object(tmp_path, monkeypatch):
    store = ExperimentStore.create(FILES, str(tmp_path), "app")
    store.write_experiment({})
    monkeypatch.chdir(tmp_path.parent)
    assert (
        ExperimentStore.open(FILES, "/nowhere", f"{tmp_path.name}/app_1").directory
        == store.directory
    )
    assert ExperimentStore.open(FILES, "/nowhere", tmp_path / "app_1").directory == store.directory


def test_the_error_for_an_unknown_experiment_names_those_that_exist_and_the_closest(root, store):
    store.write_experiment({})
    with pytest.raises(
        ResumeError, match=r"there is no 'apq_1'.* there are: app_1\. Did you mean 'app_1'"
    ):
        ExperimentStore.open(FILES, root, "apq_1")
    with pytest.raises(ResumeError, match="there are: none"):
        ExperimentStore.open(FILES, root + "/elsewhere", "app_1")


@pytest.mark.parametrize("name", ["", "app", "app_x", "_1", ".", ".."])
def test_a_name_that_is_no_experiments_is_refused(root, store, name):
    store.write_experiment({})
    with pytest.raises(ResumeError):
        ExperimentStore.open(FILES, root, name)


DAMAGED = [b"", b"{", b"[1]", b"\xff", b"[" * 200_000]


@pytest.mark.parametrize("content", DAMAGED, ids=range(5))
def test_a_damaged_experiment_record_beside_recorded_trials_is_empty(store, content):
    run(store, {"lr": 1})
    FILES.write_bytes(FILES.join(store.directory, "maggy.json"), content)
    assert store.read_experiment() == {}


def test_an_experiment_record_that_is_a_directory_is_set_aside(tmp_path):
    store = ExperimentStore.create(FILES, str(tmp_path), "app")
    run(store, {"lr": 1})
    (tmp_path / "app_1" / "maggy.json").mkdir()
    resumed = ExperimentStore.open(FILES, str(tmp_path), "app_1")
    assert resumed.read_experiment() == {}
    resumed.set_aside_experiment()
    resumed.write_experiment({"name": "new"})
    assert resumed.read_experiment() == {"name": "new"}
    assert (tmp_path / "app_1" / "maggy.json.damaged-1").is_dir()


@pytest.mark.parametrize("content", DAMAGED, ids=range(5))
def test_a_damaged_experiment_record_is_an_error_that_names_the_file(store, content):
    FILES.write_bytes(FILES.join(store.directory, "maggy.json"), content)
    with pytest.raises(ResumeError, match=r"maggy\.json must hold the experiment's record"):
        store.read_experiment()


def test_the_experiment_record_is_valid_json(store):
    store.write_experiment({"seed": math.nan, "state": "RUNNING"})
    assert json_of(store, "maggy.json") == {"seed": None, "state": "RUNNING"}


def test_the_log_has_the_time_of_each_line(store):
    store.log("first")
    store.log("second \udcff")
    lines = text_of(store, "maggy.log").splitlines()
    assert [line.split(" ", 2)[2] for line in lines[1:]] == ["first", "second \\udcff"]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", line) for line in lines)


def test_each_worker_has_a_log_of_its_own(store):
    store.log_executor(0, 0, "a\n")
    store.log_executor(0, 1, "b\n")
    store.log_executor(0, 0, "c\n")
    assert text_of(store, "executor_0_0.log") == "a\nc\n"
    assert text_of(store, "executor_0_1.log") == "b\n"


def test_output_may_be_written_before_the_trial_begins(store):
    trial = Trial({"x": 1})
    store.append_output(trial.trial_id, "early\n")
    store.begin_trial(trial)
    assert text_of(store, trial.trial_id, "output.log") == "early\n"
    assert json_of(store, trial.trial_id, ".hparams.json") == {"x": 1}


def test_a_trial_that_began_has_its_parameters_and_no_record_of_an_end(store):
    trial = Trial({"kernel": 3, "act": "relu"})
    store.begin_trial(trial)
    store.append_output(trial.trial_id, "hello\n")
    store.append_output(trial.trial_id, "world\n")
    assert store.trial_directory(trial.trial_id) == FILES.join(store.directory, trial.trial_id)
    assert json_of(store, trial.trial_id, ".hparams.json") == {"kernel": 3, "act": "relu"}
    assert text_of(store, trial.trial_id, "output.log") == "hello\nworld\n"
    assert not {"trial.json", ".metric", ".outputs.json"} & set(
        FILES.list(store.trial_directory(trial.trial_id))
    )


def test_a_trial_that_ended_has_outputs_metric_and_record(store):
    trial = run(store, {"lr": 1}, 0.0, outputs={"accuracy": 0.0, "notes": [1, {"a": math.nan}]})
    assert json_of(store, trial.trial_id, ".outputs.json") == {
        "accuracy": 0.0,
        "notes": [1, {"a": None}],
        "log": "output.log",
    }
    assert text_of(store, trial.trial_id, ".metric") == "0.0"
    record = json_of(store, trial.trial_id, "trial.json")
    assert (record["trial_id"], record["status"], record["final_metric"]) == (
        trial.trial_id,
        "FINALIZED",
        0.0,
    )


def test_a_number_that_was_returned_is_stored_under_the_metrics_name(store):
    store.write_hparams_space([], "accuracy")
    trial = run(store, {"lr": 1}, 0.5)
    assert json_of(store, trial.trial_id, ".outputs.json") == {"accuracy": 0.5, "log": "output.log"}


def test_a_users_own_output_called_log_is_kept(store):
    trial = run(store, {"lr": 1}, outputs={"metric": 0.5, "log": "mine"})
    assert json_of(store, trial.trial_id, ".outputs.json")["log"] == "mine"


def test_a_failed_trial_has_a_record_with_the_reason_and_no_metric(store):
    trial = run(store, {"lr": 1}, None, error="Traceback ...")
    names = FILES.list(store.trial_directory(trial.trial_id))
    assert ".metric" not in names
    assert ".outputs.json" not in names
    assert json_of(store, trial.trial_id, "trial.json")["error"] == "Traceback ..."


ENDS = ("trial.json", ".metric", ".outputs.json")
"""The files of a trial that say how it ended."""


def test_a_trial_that_runs_again_keeps_its_record_and_its_output_until_it_ends(store):
    trial = run(store, {"lr": 1}, 0.5)
    store.append_output(trial.trial_id, "first\n")
    before = [text_of(store, trial.trial_id, name) for name in ENDS]
    trial.reset()
    store.begin_trial(trial)
    assert [text_of(store, trial.trial_id, name) for name in ENDS] == before
    run_trial(store, trial, 0.75)
    assert text_of(store, trial.trial_id, ".metric") == "0.75"
    assert json_of(store, trial.trial_id, ".outputs.json")["metric"] == 0.75
    assert json_of(store, trial.trial_id, "trial.json")["final_metric"] == 0.75
    assert text_of(store, trial.trial_id, "output.log") == "first\n"


def test_a_trial_that_fails_when_it_runs_again_has_no_metric_of_its_earlier_end(root, store):
    trial = run(store, {"lr": 1}, 0.5)
    store.write_experiment({})
    resumed = ExperimentStore.open(FILES, root, "app_1")
    trial.reset()
    run_trial(resumed, trial, None, error="Traceback ...")
    names = FILES.list(resumed.trial_directory(trial.trial_id))
    assert {"trial.json", ".metric", ".outputs.json"} & set(names) == {"trial.json"}
    assert json_of(resumed, trial.trial_id, "trial.json")["error"] == "Traceback ..."


def test_tensorboard_finds_only_the_last_end_of_a_trial_that_runs_again(root, store):
    failed, own = run(store, {"lr": 1}, None), "events.out.tfevents.1.users-own"
    FILES.write_bytes(f"{store.trial_directory(failed.trial_id)}/{own}", b"")
    store.write_experiment({})
    resumed = ExperimentStore.open(FILES, root, "app_1", clock=lambda: 2e9)
    resumed.claim()
    ((trial,), _) = resumed.read_trials()
    trial.reset()
    run_trial(resumed, trial, 0.5)
    names = FILES.list(resumed.trial_directory(trial.trial_id))
    assert [name for name in names if name.startswith("events.")] == [
        own,
        "events.out.tfevents.2000000000.maggy",
    ]


def test_no_path_removes_the_record_of_a_trial_and_its_replacement_is_atomic(tmp_path):
    class Watched(AnyFiles):
        changes = []

        def write_bytes(self, path, data, atomic=True):
            self.changes.append((path.rpartition("/")[2], atomic))
            super().write_bytes(path, data, atomic)

        def remove(self, path):
            self.changes.append((path.rpartition("/")[2], "removed"))
            super().remove(path)

    store = ExperimentStore.create(FILES, str(tmp_path), "app")
    store.write_experiment({})
    trials = [run(store, {"lr": 1}, 0.5), run(store, {"lr": 2}, 0.5), run(store, {"lr": 3}, None)]
    resumed = ExperimentStore.open(Watched(), str(tmp_path), "app_1")
    resumed.claim()
    for trial, metric in zip(resumed.read_trials()[0], (0.75, None, 0.75), strict=True):
        trial.reset()
        run_trial(resumed, trial, metric)
    assert {change for name, change in Watched.changes if name == "trial.json"} == {True}
    assert {change for name, change in Watched.changes if name in ENDS} == {True, "removed"}
    assert [trial.trial_id for trial in resumed.read_trials()[0]] == [
        trial.trial_id for trial in trials
    ]


def test_a_directory_has_one_driver_at_a_time(root, store):
    store.write_experiment({})
    elsewhere = Process("other-host")
    with pytest.raises(OwnershipError, match="is owned by process"):
        ExperimentStore.open(FILES, root, "app_1", process=elsewhere).claim()
    store.release()
    resumed = ExperimentStore.open(FILES, root, "app_1", process=elsewhere)
    resumed.claim()
    assert [name for name in FILES.list(store.directory) if "owner" in name] == [
        "owner-1.json",
        "owner-2.json",
    ]
    with pytest.raises(OwnershipError, match="is owned by process 0 on other-host"):
        ExperimentStore.open(FILES, root, "app_1").claim()


def test_an_owner_gives_signs_of_life_while_it_reads_many_trials(root, store):
    now = [1000.0]

    def clock():
        now[0] += 20
        return now[0]

    for number in range(5):
        run(store, {"lr": number})
    store.write_experiment({})
    store.release()
    resumed = ExperimentStore.open(FILES, root, "app_1", clock=clock)
    resumed.claim()
    resumed.read_trials()
    owner = json_of(store, "owner-2.json")
    assert owner["seen"] - owner["since"] >= 100


def test_temporary_files_of_killed_drivers_are_removed_by_the_next_owner(tmp_path):
    store = ExperimentStore.create(FILES, str(tmp_path), "app")
    store.write_experiment({})
    trial = run(store, {"lr": 1})
    directory = tmp_path / "app_1"
    mine = directory / trial.trial_id / "weights.tmp"
    mine.write_text("the user's")
    for parts in (("maggy.json",), (trial.trial_id, "trial.json"), (trial.trial_id, ".metric")):
        path = directory.joinpath(*parts)
        path.with_name(f"{path.name}.1234-140000000000.tmp").write_text("cut")
    ExperimentStore.open(FILES, str(tmp_path), "app_1").claim()
    assert [path.name for path in directory.rglob("*.tmp")] == ["weights.tmp"]
    assert (directory / trial.trial_id / "trial.json").exists()


def test_a_trial_that_never_began_is_recorded_too(store):
    trial = Trial({"lr": 1})
    trial.status, trial.error = Trial.ERROR, "its worker was lost"
    store.end_trial(trial)
    assert json_of(store, trial.trial_id, ".hparams.json") == {"lr": 1}
    assert [trial.trial_id for trial in store.read_trials()[0]] == [trial.trial_id]


def test_trials_are_read_back_in_the_order_in_which_they_ended(root, store):
    expected_ids = [
        run(store, {"lr": number}, None if number == 3 else 0.5).trial_id for number in range(12)
    ]
    store.begin_trial(Trial({"lr": "not ended"}))
    assert [trial.trial_id for trial in store.read_trials()[0]] == expected_ids
    store.write_experiment({})
    resumed = ExperimentStore.open(FILES, root, "app_1")
    assert [trial.trial_id for trial in resumed.read_trials()[0]] == expected_ids
    expected_ids += [run(resumed, {"lr": number}).trial_id for number in range(20, 24)]
    trials, damaged_names = resumed.read_trials()
    assert ([trial.trial_id for trial in trials], damaged_names) == (expected_ids, [])


def test_a_trial_is_read_back_whole(store):
    trial = Trial({"lr": 0.1})
    trial.append_metric({"step": 0, "value": math.nan})
    trial.append_metric({"step": 3, "value": 0.25})
    trial.status, trial.final_metric, trial.duration, trial.start = Trial.FINALIZED, 0.25, 7, 12.5
    trial.early_stop, trial.attempts, trial.outputs = True, 2, {"metric": 0.25}
    store.end_trial(trial)
    ((back,), _) = store.read_trials()
    assert back.to_json() == trial.to_json()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"params": {"lr"',
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"ended": 1}',
        b"[" * 200_000,
        b'{"params": {"lr": 2}, "status": "FINALIZED", "final_metric": "text", "ended": 0}',
        b'{"params": {"lr": 2}, "status": "FINALIZED", "final_metric": 1, "ended": "first"}',
    ],
)
def test_a_torn_record_is_set_aside_and_named(store, content):
    good, torn = run(store, {"lr": 1}), run(store, {"lr": 2})
    FILES.write_bytes(FILES.join(store.directory, torn.trial_id, "trial.json"), content)
    trials, damaged_names = store.read_trials()
    assert ([trial.trial_id for trial in trials], damaged_names) == (
        [good.trial_id],
        [torn.trial_id],
    )
    assert f"{torn.trial_id}.damaged-1" in FILES.list(store.directory)
    assert torn.trial_id not in FILES.list(store.directory)
    assert [trial.trial_id for trial in store.read_trials()[0]] == [good.trial_id]


def test_a_record_that_is_a_directory_is_set_aside(tmp_path):
    store = ExperimentStore.create(FILES, str(tmp_path), "app")
    good, bad = run(store, {"lr": 1}), Trial({"lr": 2})
    (tmp_path / "app_1" / bad.trial_id / "trial.json").mkdir(parents=True)
    assert [trial.trial_id for trial in store.read_trials()[0]] == [good.trial_id]
    assert (tmp_path / "app_1" / f"{bad.trial_id}.damaged-1").exists()


def test_fields_that_this_release_does_not_know_or_that_are_missing_are_no_damage(store):
    trials = [run(store, {"lr": number}) for number in range(4)]
    for number, trial in enumerate(trials):
        record = json_of(store, trial.trial_id, "trial.json")
        record.update(cost=number, format=9)
        for field in (
            "attempts",
            "info_dict",
            *(["trial_id"] if number == 1 else []),
            *(["ended"] if number == 0 else []),
        ):
            del record[field]
        path = FILES.join(store.directory, trial.trial_id, "trial.json")
        FILES.write_bytes(path, json.dumps(record).encode())
    back, damaged_names = store.read_trials()
    assert damaged_names == []
    # One whose place is not recorded comes last.
    assert [trial.trial_id for trial in back] == [
        trial.trial_id for trial in (*trials[1:], trials[0])
    ]
    assert [json.loads(trial.to_json())["cost"] for trial in back] == [1, 2, 3, 0]


def test_records_carry_the_number_of_their_format(store):
    trial = run(store, {"lr": 1})
    assert json_of(store, trial.trial_id, "trial.json")["format"] == 1


def test_a_trial_can_be_damaged_more_than_once(store):
    for number in (1, 2):
        torn = run(store, {"lr": 2})
        FILES.write_bytes(FILES.join(store.directory, torn.trial_id, "trial.json"), b"")
        assert store.read_trials() == ([], [torn.trial_id])
        assert f"{torn.trial_id}.damaged-{number}" in FILES.list(store.directory)


def test_the_record_of_another_trial_or_of_one_that_runs_is_damage(store):
    first, second = run(store, {"lr": 1}), run(store, {"lr": 2})
    FILES.write_bytes(
        FILES.join(store.directory, first.trial_id, "trial.json"),
        text_of(store, second.trial_id, "trial.json").encode(),
    )
    running = run(store, {"lr": 3}, status=Trial.RUNNING)
    assert store.read_trials()[1] == sorted([first.trial_id, running.trial_id])


def test_the_trial_record_is_the_last_file_that_is_written(tmp_path):
    class Watched(AnyFiles):
        writes = []

        def write_bytes(self, path, data, atomic=True):
            self.writes.append((path.rsplit("/", 1)[-1], atomic))
            super().write_bytes(path, data, atomic)

        def append_bytes(self, path, data):
            self.writes.append((path.rsplit("/", 1)[-1], None))
            super().append_bytes(path, data)

    run(ExperimentStore.create(Watched(), str(tmp_path), "app"), {"lr": 1})
    assert Watched.writes[-1] == ("trial.json", True)


def test_the_result_and_the_summary_are_valid_json(store):
    trials = [
        run(
            store,
            {"lr": 1, "layers": [1, 2]},
            0.5,
            outputs={"metric": 0.5, "history": [1], "ok": True},
        ),
        run(store, {"lr": 2}, 0.25),
        run(store, {"lr": 3}, None),
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="metric")
    store.write_result(result, result.trials)
    assert json_of(store, "result.json") == result
    assert json_of(store, ".summary.json") == {
        "combinations": [
            {"parameters": {"lr": 1}, "outputs": {"metric": 0.5, "ok": True}},
            {"parameters": {"lr": 2}, "outputs": {"metric": 0.25}},
        ]
    }


def test_event_files_lie_in_the_experiment_and_in_each_trial(store):
    store.write_hparams_space([{"name": "lr", "type": "DISCRETE", "values": [1]}], "metric")
    trial = run(store, {"lr": 1})
    assert store.has_event_files
    for directory in (store.directory, store.trial_directory(trial.trial_id)):
        assert [name for name in FILES.list(directory) if name.startswith("events.out.tfevents.")]


def test_without_tensorboard_all_files_but_the_event_files_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("maggy.records.directory.find_event_maker", lambda: None)
    store = ExperimentStore.create(FILES, str(tmp_path), "app")
    store.write_hparams_space([{"name": "lr", "type": "DISCRETE", "values": [1]}], "metric")
    trial = run(store, {"lr": 1})
    assert not store.has_event_files
    assert FILES.list(store.directory) == sorted([trial.trial_id, "maggy.log", "owner-1.json"])
    assert FILES.list(store.trial_directory(trial.trial_id)) == [
        ".hparams.json",
        ".metric",
        ".outputs.json",
        "trial.json",
    ]


@pytest.mark.parametrize("value", ["lone surrogate \udcff", 10**400])
def test_a_value_that_tensorboard_cannot_hold_costs_no_record(store, value):
    store.write_hparams_space([{"name": "a", "type": "CATEGORICAL", "values": [value]}], "metric")
    trial = Trial({})
    trial.params["a"] = value  # which the constructor would have refused
    run_trial(store, trial)
    assert json_of(store, trial.trial_id, ".hparams.json") == {"a": value}
    assert json_of(store, trial.trial_id, "trial.json")["params"] == {"a": value}
    assert "TensorBoard cannot show" in text_of(store, "maggy.log")


def test_a_trial_that_is_recorded_as_final_without_a_metric_is_set_aside():
    record = '{"params": %s, "status": "FINALIZED", "trial_id": "t1", "final_metric": null}'
    with pytest.raises(ValueError, match="lacks the metric"):
        parse_ended_trial("t1", (record % '{"x": 1}').encode())
    _, trial = parse_ended_trial("t1", (record % "{}").encode())  # of a function that runs once
    assert trial.status == Trial.FINALIZED
