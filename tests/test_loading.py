"""``maggy.load`` opens any recorded experiment, changes nothing, and trusts nothing."""

import json
import os
import shutil
import sys
import uuid
import warnings

import pytest
from helpers.kept_records import RECORDS
from helpers.recorded import SPACE, record_ablation, record_search, record_single, tree
from helpers.results import ended_trial

import maggy
from maggy.ablation.metrics import Analysis
from maggy.common.exceptions import BadArgumentsError
from maggy.common.files import AnyFiles
from maggy.result.ablator_lines import ablator_lines
from maggy.trial import Trial


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("MAGGY_LOG_DIR", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture(params=["disk", "memory"])
def root(request, tmp_path):
    return str(tmp_path / "logs") if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def same(loaded, result):
    """Compare a result that was opened with the one that a driver returned."""
    assert dict(loaded) == dict(result)
    assert loaded.trials == result.trials
    for name in ("kind", "direction", "optimization_key", "confidence", "directory"):
        assert getattr(loaded, name) == getattr(result, name)
    assert type(loaded) is maggy.ExperimentResult


def test_a_search_is_what_the_driver_returned(root):
    recorded = record_search(root)
    loaded = maggy.load(recorded.path)
    same(loaded, recorded.result)
    assert (loaded.state, loaded.running, loaded.searchspace) == ("FINISHED", [], SPACE)
    assert "demo" not in loaded  # the dict is what result.json holds


def test_an_experiment_is_found_by_its_id(root, tmp_path, monkeypatch):
    recorded = record_search(root)
    assert maggy.load("app_1", log_dir=root) == recorded.result
    monkeypatch.setenv("MAGGY_LOG_DIR", root)
    assert maggy.load("app_1") == recorded.result
    monkeypatch.delenv("MAGGY_LOG_DIR")
    here = record_search(tmp_path / "work" / "Experiments", [0.25])
    assert maggy.load("app_1") == here.result
    assert maggy.load(tmp_path / "work" / "Experiments" / "app_1") == here.result
    assert maggy.load("Experiments/app_1/") == here.result


def test_a_directory_may_have_any_name(tmp_path):
    recorded = record_search(tmp_path)
    os.rename(recorded.path, tmp_path / "the best of May")
    assert maggy.load(tmp_path / "the best of May") == recorded.result


@pytest.mark.parametrize("wish", ["app_2", "nowhere/at_1", "", "logs", "memory://nowhere/app_1"])
def test_the_error_for_an_unknown_experiment_says_where_it_was_looked_for(tmp_path, wish):
    record_search(tmp_path / "logs")
    with pytest.raises(maggy.ExperimentNotFoundError) as caught:
        maggy.load(wish, log_dir=tmp_path / "logs")
    assert isinstance(caught.value, FileNotFoundError)
    text = str(caught.value)
    assert repr(wish) in text
    assert "there are: app_1." in text
    assert str(tmp_path / "logs") in text
    if wish == "app_2":
        assert str(tmp_path / "work" / "app_2") in text
        assert text.endswith("Did you mean 'app_1'?")


def test_a_running_experiment_has_the_trials_so_far_and_those_that_run(root):
    running = [{"lr": 0.9, "pool": 9}]
    loaded = maggy.load(record_search(root, state=None, running=running).path)
    assert (loaded.state, loaded["num_trials"], loaded["failed"]) == ("RUNNING", 2, 1)
    (row,) = loaded.running
    assert set(row) == set(loaded.trials[0])
    assert (row["trial_id"], row["status"], row["params"]) == (
        Trial(running[0]).trial_id, "RUNNING", running[0],
    )  # fmt: skip


@pytest.mark.parametrize("state", ["FAILED", "KILLED"])
def test_an_experiment_that_failed_or_was_killed_has_the_trials_that_ended(root, state):
    recorded = record_search(root, [None, None], state=state)
    loaded = maggy.load(recorded.path)
    same(loaded, recorded.result)
    assert (loaded.state, loaded["failed"], loaded["best_id"]) == (state, 2, None)


def test_a_function_that_ran_once_has_no_metric_and_has_not_failed(root):
    loaded = maggy.load(record_single(root).path)
    assert (loaded.kind, loaded.state, loaded["failed"], loaded["num_trials"]) == (
        "single", "FINISHED", 0, 0,
    )  # fmt: skip
    assert maggy.load(record_single(root, "no").path)["failed"] == 1


STUDY = {"None": [0.75], "fare": [0.5], "age": [None]}
REPEATED = {"None": [0.69, 0.70, 0.71], "fare": [0.49, 0.50, 0.511], "age": [0.68, 0.72, 0.70]}


def test_the_differences_of_an_ablation_are_computed_from_its_trials(root):
    recorded = record_ablation(root, STUDY)
    same(maggy.load(recorded.path), recorded.result)
    killed = record_ablation(root, STUDY, state=None)
    killed.store.release()
    loaded = maggy.load(killed.path)
    assert loaded.state == "KILLED"
    assert loaded["differences"] == recorded.result["differences"]


@pytest.mark.slow  # SciPy
def test_the_intervals_of_a_study_with_repeats_have_its_confidence(root):
    recorded = record_ablation(root, REPEATED, repeats=3, confidence=0.8)
    loaded = maggy.load(recorded.path)
    same(loaded, recorded.result)
    assert (loaded.confidence, loaded["base"]["n"]) == (0.8, 3)
    assert loaded["differences"][0]["verdict"] == "helps"


@pytest.mark.slow  # SciPy
def test_intervals_that_cannot_be_computed_here_are_those_that_are_recorded(tmp_path, monkeypatch):
    recorded = record_ablation(tmp_path, REPEATED, repeats=3)
    for name in ("scipy", "scipy.stats"):
        monkeypatch.setitem(sys.modules, name, None)
    loaded = maggy.load(recorded.path)
    assert loaded["differences"][0]["ci_low"] is not None
    assert loaded["differences"] == recorded.result["differences"]


INTERACTIONS = [
    {"components": ["fare", "age"], "interaction": 0.25, "ci_low": None, "ci_high": None}
]


def analysis():
    from maggy.ablation.component import Component

    return Analysis(
        {"interactions": INTERACTIONS, "own": {"any": ["thing"]}},
        {Component.feature("fare"): {"put_back": "age", "contribution": 0.5}},
    )


def test_what_an_ablator_added_is_read_from_the_recorded_result(root):
    recorded = record_ablation(root, STUDY, ablator="Pairs", analysis=analysis())
    loaded = maggy.load(recorded.path)
    same(loaded, recorded.result)
    assert loaded["interactions"] == INTERACTIONS
    assert loaded["differences"][0]["put_back"] == "age"


def test_what_an_ablator_added_to_an_earlier_result_is_left_out(root):
    recorded = record_ablation(root, STUDY, analysis=analysis())
    recorded.store.claim()
    labels = {"ablated_feature": "sex", "ablated_layer": "None"}
    recorded.store.end_trial(ended_trial(labels, 0.5, trial_type="ablation", start=9e9))
    loaded = maggy.load(recorded.path)
    assert [entry["ablated_feature"] for entry in loaded["differences"]] == ["fare", "age", "sex"]
    assert not {"interactions", "own"} & set(loaded)


@pytest.mark.parametrize(
    "value",
    [
        {"interactions": 3}, {"interactions": [3]}, {"interactions": [{"components": "ab"}]},
        {"interactions": [{"components": ["a"], "interaction": "1"}]},
        {"shapley": [{"component": 1, "value": 2}]}, {"rounds": {}}, {"base": {"n": "x"}},
        {"differences": 3}, {"differences": [3]},
        {"differences": [{"ablated_feature": "fare", "ablated_layer": "None", "p_adjusted": "x"}]},
        {"differences": [
            {"ablated_feature": "fare", "ablated_layer": "None", "p_adjusted": 10**400}]},
        {"shapley": [{"component": "a", "value": 10**400}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_recorded_conclusion_of_a_wrong_type_is_left_out(tmp_path, value):
    recorded = record_ablation(tmp_path, STUDY)
    path = tmp_path / "app_1" / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **value}))
    same(maggy.load(recorded.path), recorded.result)


@pytest.mark.parametrize("put_back", [{}, {"put_back": 3}, {"put_back": None}], ids=str)
def test_a_contribution_without_its_component_is_left_out_of_the_text(tmp_path, put_back):
    recorded = record_ablation(tmp_path, STUDY)
    path = tmp_path / "app_1" / "result.json"
    labels = {"ablated_feature": "fare", "ablated_layer": "None"}
    entry = {**labels, "contribution": 0.5, **put_back}
    path.write_text(json.dumps({**json.loads(path.read_text()), "differences": [entry]}))
    loaded = maggy.load(recorded.path)
    assert loaded["differences"][0]["contribution"] == 0.5
    assert "put back" not in "".join(ablator_lines(loaded))


@pytest.mark.parametrize("release", sorted(path.name for path in RECORDS.iterdir()))
@pytest.mark.parametrize("name", ["search", "ablation"])
def test_the_directories_of_every_release_are_opened_and_left_as_they_are(tmp_path, release, name):
    directory = tmp_path / "app_1"
    shutil.copytree(RECORDS / release / name, directory)
    before = tree(tmp_path)
    with pytest.warns(UserWarning, match="trial.json is damaged") as caught:
        loaded = maggy.load(directory)
    assert caught[0].filename == __file__  # the warning points to the user's line
    assert tree(tmp_path) == before
    recorded = json.loads((directory / "result.json").read_text())
    assert loaded.state == "FINISHED"
    # One of its trials was damaged after the end.
    assert len(loaded.trials) == recorded["num_trials"] + recorded["failed"] - 1
    # They had no numbers, and get them in the order in which they started.
    by_start = sorted(loaded.trials, key=lambda trial: trial["start"])
    assert [trial["number"] for trial in by_start] == [*range(1, len(by_start) + 1)]
    assert (loaded["best_id"], loaded["best_val"]) == (recorded["best_id"], recorded["best_val"])
    assert loaded.kind == ("optimization" if name == "search" else "ablation")


def hostile(tmp_path):
    """Return a directory that somebody has made to harm whoever opens it."""
    directory = tmp_path / "app_1"
    record_search(tmp_path, [0.5, 0.25])
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = ended_trial({"secret": 1}, 0.99)
    (outside / "trial.json").write_text(secret.to_json())
    (directory / secret.trial_id).symlink_to(outside)
    linked = directory / Trial({"x": 1}).trial_id
    linked.mkdir()
    (linked / "trial.json").symlink_to(outside / "trial.json")
    (directory / "loop").symlink_to(directory)
    files = {
        "deep": '{"params":' * 200_000 + "1" + "}" * 200_000,
        "deep2": '{"params": {"a": ' + "[" * 5000 + "]" * 5000 + '}, "status": "ERROR"}',
        "huge": '{"params": {"x": 1' + "0" * 5000 + '}, "status": "ERROR"}',
        "huge2": '{"params": {"x": 1e999}, "status": "FINALIZED", "final_metric": 1e999}',
        "huge3": '{"params": {}, "status": "ERROR", "start": 1' + "0" * 400 + "}",
        "name\x1b[2J\nof two lines": "{",
        "pickled": "\x80\x04cos\nsystem\n(S'touch pwned'\ntR.",
    }
    for name, text in files.items():
        (directory / name).mkdir()
        (directory / name / "trial.json").write_text(text, encoding="latin-1")
    (directory / "folder" / "trial.json").mkdir(parents=True)
    (directory / "pipe").mkdir()
    os.mkfifo(directory / "pipe" / "trial.json")
    os.mkfifo(directory / "result.json.new")
    (directory / "result.json").unlink()
    (directory / "result.json").symlink_to("/dev/zero")
    return directory


def test_a_hostile_directory_is_data(tmp_path, capsys):
    directory = hostile(tmp_path)
    before = tree(tmp_path)
    with pytest.warns(UserWarning, match="are damaged") as caught:
        loaded = maggy.load(directory)
    assert tree(tmp_path) == before
    assert [trial["metric"] for trial in loaded.trials] == [0.5, 0.25]
    watched = maggy.watch(directory)
    assert tree(tmp_path) == before
    assert watched.trials == loaded.trials
    text = capsys.readouterr().out
    assert text.count("is damaged") == 14
    assert text.replace("\n", "").isprintable()
    text = str(caught[0].message)
    assert "and 4 more" in text
    assert text.replace("\n", "").isprintable()
    assert max(map(len, text.split("\n"))) < 400


@pytest.mark.parametrize(
    "fields",
    [
        {"identity": 3}, {"identity": None}, {"identity": {"kind": ["x"], "direction": {}}},
        {"identity": {"kind": "ablation", "direction": "up", "optimization_key": 7}},
        {"identity": {"kind": "optimization", "searchspace": [{"name": 3}]}},
        {"identity": {"kind": "optimization", "searchspace": {"a": 1}}},
        {"identity": {"kind": "optimization", "searchspace": [
            {"name": "x", "type": "DOUBLE", "values": [0, 10**400]}]}},
        {"identity": {"kind": "optimization", "searchspace": [
            {"name": "x", "type": "INTEGER", "values": [0, 5], "step": "a", "when": 3}]}},
        {"state": "HACKED"}, {"state": ["FINISHED"]}, {"runs": 3, "confidence": "high"},
        {"confidence": -1.0}, {"confidence": 10**400}, {"name": {"a": 1}},
    ],
    ids=lambda fields: str(fields)[:60],
)  # fmt: skip
def test_fields_of_any_type_are_no_reason_to_fail(tmp_path, fields):
    recorded = record_search(tmp_path)
    path = tmp_path / "app_1" / "maggy.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = maggy.load(recorded.path)
    assert len(loaded.trials) == 3
    assert loaded._repr_html_()


@pytest.mark.parametrize(
    "labels",
    [{}, {"ablated_feature": ["a"]}, {"ablated_feature": {"a": 1}, "ablated_layer": 3},
     {"ablated_layer": "["}, {"ablated_layer": "[" * 5000}, {"ablated_choice": 5}],
    ids=lambda labels: str(labels)[:40],
)  # fmt: skip
def test_labels_of_any_type_are_no_reason_to_fail(tmp_path, labels):
    recorded = record_ablation(tmp_path, STUDY)
    recorded.store.claim()
    recorded.store.end_trial(ended_trial(labels, 0.5, trial_type="ablation"))
    loaded = maggy.load(recorded.path)
    assert len(loaded.trials) == 4
    assert loaded._repr_html_()


def test_without_maggy_json_the_trials_tell_what_they_can(tmp_path):
    recorded = record_ablation(tmp_path, STUDY)
    (tmp_path / "app_1" / "maggy.json").unlink()
    with pytest.warns(UserWarning, match="maggy.json is missing. Its fields are unknown."):
        loaded = maggy.load(recorded.path)
    assert (loaded.kind, loaded.direction, loaded.state) == ("ablation", "max", "KILLED")
    assert loaded["differences"] == recorded.result["differences"]


def test_a_damaged_search_space_is_left_out_with_a_warning(tmp_path):
    recorded = record_search(tmp_path)
    path = tmp_path / "app_1" / "maggy.json"
    fields = json.loads(path.read_text())
    fields["identity"]["searchspace"][0]["values"] = [9, 1]
    path.write_text(json.dumps(fields))
    with pytest.warns(UserWarning, match="search space in maggy.json is damaged"):
        assert maggy.load(recorded.path).searchspace is None


def test_a_store_that_refuses_is_an_error_and_not_an_empty_experiment(tmp_path, monkeypatch):
    recorded = record_search(tmp_path)
    read_inside = AnyFiles.read_inside

    def refuse(self, folder, name):
        if name.endswith("trial.json"):
            raise ConnectionResetError("the store is gone")
        return read_inside(self, folder, name)

    monkeypatch.setattr(AnyFiles, "read_inside", refuse)
    with pytest.raises(ConnectionResetError):
        maggy.load(recorded.path)


@pytest.mark.parametrize("experiment", [3, None, b"app_1", "a\0b"], ids=repr)
def test_what_is_no_path_is_refused_with_the_rule(experiment):
    with pytest.raises(BadArgumentsError, match="must be a directory, a URL or an id, but got"):
        maggy.load(experiment)
