"""The listener for MLflow from its start to its end, and the export, on a server in memory."""

import json
import os

import pytest
from helpers.mlflow_server import SERVER
from helpers.results import ended_trial, search_result

from maggy.common.exceptions import BadArgumentsError
from maggy.common.files import AnyFiles
from maggy.result import build_result
from maggy.result.rows import make_row
from maggy.tracking import MLflow, export


def test_a_listener_writes_what_it_hears(server, info):
    trial = ended_trial({"x": 1}, 0.5, start=1000.0, duration=300, step_history=[0])
    trial.metric_history = [0.4]
    row = make_row(trial, "accuracy")
    listener = MLflow(tracking_uri=SERVER)
    listener.on_experiment_start(info)
    listener.on_trial_start({**row, "steps": [], "history": [], "status": "RUNNING"})
    listener.on_report(row, [(0, 0.4)])
    listener.on_trial_end(row)
    listener.on_experiment_end(
        build_result([trial], kind="optimization", direction="max", optimization_key="accuracy")
    )
    assert server.of(trial).status == "FINISHED"
    assert server.of(trial).values("accuracy") == {0: 0.4}
    assert server.parent.status == "FINISHED"
    assert server.targets == [(SERVER, "digits", None)]


@pytest.mark.parametrize(
    ("variables", "options", "target"),
    [
        ({}, {}, (None, "digits", None)),
        ({"MLFLOW_TRACKING_URI": SERVER}, {}, (SERVER, "digits", None)),
        ({"MLFLOW_EXPERIMENT_NAME": "active"}, {}, (None, "active", None)),
        ({"MLFLOW_EXPERIMENT_ID": "3"}, {}, (None, None, "3")),
        ({"MLFLOW_EXPERIMENT_ID": "3"}, {"experiment_name": "mine"}, (None, "mine", None)),
    ],
)
def test_the_experiment_is_the_users_the_active_one_or_that_of_the_config(
    server, info, monkeypatch, variables, options, target
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    MLflow(**options).on_experiment_start(info)
    assert server.targets == [target]


def test_workers_learn_of_the_server_and_of_an_experiment_that_exists(server, info):
    variables = MLflow(tracking_uri=SERVER).prepare(info, AnyFiles())
    assert json.loads(variables.pop("MAGGY_RUN_CONTEXT")) == {
        "maggy.experiment_id": "app_1",
        "maggy.role": "run",
    }
    assert variables == {"MLFLOW_TRACKING_URI": SERVER, "MLFLOW_EXPERIMENT_ID": "7"}


def test_workers_learn_of_no_experiment_while_the_server_is_away(server, info):
    server.is_away, server.experiment_id = True, None
    variables = MLflow(tracking_uri=SERVER).prepare(info, AnyFiles())
    assert variables.keys() == {"MAGGY_RUN_CONTEXT", "MLFLOW_TRACKING_URI"}


def test_a_file_on_this_machine_is_no_server_for_workers(server, info):
    variables = MLflow(tracking_uri="sqlite:///mlflow.db").prepare(info, AnyFiles())
    assert variables.keys() == {"MAGGY_RUN_CONTEXT"}


def exported(tmp_path, **options):
    result = search_result([0.4, None, 0.6])
    result.directory = str(tmp_path / "app_1")
    return result, export(result, tracking_uri=SERVER, **options)


def test_an_export_writes_an_experiment_that_no_listener_has_heard_of(server, tmp_path):
    (tmp_path / "app_1").mkdir()
    (tmp_path / "app_1" / "maggy.json").write_text(
        json.dumps({"name": "nightly", "runs": [{"began": 5.0}], "identity": {"optimizer": "TPE"}})
    )
    result, count = exported(tmp_path, tags={"team": "a"})
    assert count == 3
    assert server.targets == [(SERVER, "nightly", None)]
    tags = server.parent.tags
    assert (tags["maggy.experiment_id"], tags["maggy.method"], tags["team"]) == (
        "app_1",
        "TPE",
        "a",
    )
    assert len(server.runs) == 4
    calls = server.calls
    assert export(result, tracking_uri=SERVER) == 0
    assert server.calls == calls


@pytest.mark.parametrize(
    ("variables", "options", "target"),
    [
        ({}, {"experiment_name": "mine"}, ("mine", None)),
        ({"MLFLOW_EXPERIMENT_ID": "3"}, {}, (None, "3")),
    ],
)
def test_an_export_goes_on_where_the_experiment_was_written_last(
    server, tmp_path, monkeypatch, variables, options, target
):
    (tmp_path / "app_1").mkdir()
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert exported(tmp_path, **options)[1] == 3
    assert exported(tmp_path)[1] == 0
    assert [name_and_id[1:] for name_and_id in server.targets] == [target, target]
    assert exported(tmp_path, experiment_name="another")[1] == 3


@pytest.mark.parametrize("record", [None, "torn {", "[]"])
def test_an_export_needs_no_record_of_the_experiment(server, tmp_path, record):
    (tmp_path / "app_1").mkdir()
    if record is not None:
        (tmp_path / "app_1" / "maggy.json").write_text(record)
    assert exported(tmp_path)[1] == 3
    assert server.parent.name == "app_1"


@pytest.mark.parametrize(
    "record",
    [
        {"identity": 3, "runs": 3, "name": ["x"], "description": 3, "drawn_seed": "x"},
        {"identity": {"optimizer": [3]}, "runs": [3], "maggy_version": {}},
        {"runs": [{"began": "now"}]},
    ],
    ids=str,
)
def test_an_export_leaves_out_what_has_a_wrong_type_in_the_record(server, tmp_path, record):
    (tmp_path / "app_1").mkdir()
    (tmp_path / "app_1" / "maggy.json").write_text(json.dumps(record))
    assert exported(tmp_path)[1] == 3
    tags = server.parent.tags
    assert (server.parent.name, tags["maggy.method"]) == ("app_1", "optimization")


@pytest.mark.parametrize("name", ["maggy.json", "mlflow.json"])
def test_an_export_waits_for_no_pipe_and_follows_no_link(server, tmp_path, name):
    folder = tmp_path / "app_1"
    folder.mkdir()
    os.mkfifo(folder / name)
    assert exported(tmp_path)[1] == 3
    (folder / name).unlink()
    (folder / "mlflow.json").unlink(missing_ok=True)
    elsewhere = tmp_path / name
    elsewhere.write_text(json.dumps({"name": "elsewhere", "targets": [3]}))
    (folder / name).symlink_to(elsewhere)
    assert exported(tmp_path)[1] in (0, 3)
    assert server.parent.name == "app_1"
    assert json.loads(elsewhere.read_text())["name"] == "elsewhere"


def test_an_export_needs_the_directory(server):
    with pytest.raises(BadArgumentsError, match="directory"):
        export(search_result([0.5]))


def test_an_experiment_that_runs_is_not_exported(server, tmp_path):
    result = search_result([0.5])
    result.directory, result.state = str(tmp_path), "RUNNING"
    with pytest.raises(BadArgumentsError, match="is exported when it has ended, but"):
        export(result)
    assert server.calls == 0
