"""``maggy export``: CSV without formulas, JSON with everything, and a study of Optuna."""

import csv
import io
import json

import pytest
from helpers.mlflow_server import FakeServer
from helpers.recorded import record_ablation, record_search
from helpers.results import ended_trial

import maggy
from maggy.cli.command_line import main
from maggy.cli.export import csv_cell


@pytest.fixture
def export(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MAGGY_LOG_DIR", str(tmp_path))

    def export(*options):
        code = main(["export", "app_1", *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return export


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"), ("\uff1d1", "'\uff1d1"), ("\uff20x", "'\uff20x"),
        ("\t=1", "'\t=1"), ("\r=1", "'=1"), ("\x1b[1m=1", "'=1"),
        ("-1e-5", "-1e-5"), ("+3.5", "+3.5"), ("-.5", "-.5"), (-1, "-1"), (-0.5, "-0.5"),
        ("-inf", "'-inf"), ("-1 = x", "'-1 = x"), ("a=b", "a=b"), ("", ""), (None, ""),
        (True, "True"), ([1, "="], '[1, "="]'), ({"a": None}, '{"a": null}'), ("-", "'-"),
    ],
)  # fmt: skip
def test_a_text_that_a_spreadsheet_would_take_for_a_formula_begins_with_an_apostrophe(value, text):
    assert csv_cell(value) == text


def test_csv_has_the_columns_and_values_of_the_data_frame(tmp_path, export):
    recorded = record_search(tmp_path)
    code, out, _ = export("--csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    frame = recorded.result.to_pandas()
    assert list(rows[0]) == list(frame.columns)
    assert [row["trial_id"] for row in rows] == list(frame["trial_id"])
    assert [row["metric"] for row in rows] == ["0.5", "", "0.75"]
    assert rows[1]["error"] == "Traceback: no\nValueError: too bad"


def test_csv_of_a_study_with_repeats_has_repeat_and_seed(tmp_path, export):
    record_ablation(tmp_path, {"None": [0.7, 0.8], "fare": [0.5, 0.6]}, repeats=2)
    rows = list(csv.DictReader(io.StringIO(export("--csv")[1])))
    assert [(row["repeat"], row["seed"]) for row in rows[1:3]] == [("0", "100"), ("1", "101")]


def test_csv_of_records_that_lack_repeat_or_seed_has_empty_cells(tmp_path, export):
    recorded = record_ablation(tmp_path, {"None": [0.7, 0.8], "fare": [0.5, 0.6]}, repeats=2)
    path = tmp_path / "app_1" / recorded.result.trials[1]["trial_id"] / "trial.json"
    record = json.loads(path.read_text())
    record["info_dict"] = {"repeat": "one"}
    path.write_text(json.dumps(record))
    code, out, _ = export("--csv")
    cells = [(row["repeat"], row["seed"]) for row in csv.DictReader(io.StringIO(out))]
    assert (code, cells.count(("", "")), len(cells)) == (0, 1, 4)
    assert maggy.load(recorded.path).to_pandas()["seed"].isna().sum() == 1


def test_names_and_values_of_parameters_are_no_formulas(tmp_path, export):
    recorded = record_search(tmp_path, [])
    recorded.store.claim()
    recorded.store.end_trial(ended_trial({"=name": "=HYPERLINK(1)"}, 0.5))
    head, row = csv.reader(io.StringIO(export("--csv")[1]))
    assert (head[1], row[1]) == ("'=name", "'=HYPERLINK(1)")


def test_a_time_beyond_calendars_is_unknown(tmp_path, export):
    recorded = record_search(tmp_path, [])
    recorded.store.claim()
    recorded.store.end_trial(ended_trial({"x": 1}, 0.5, start=1e300, duration=10**300))
    (row,) = csv.DictReader(io.StringIO(export("--csv")[1]))
    assert row["started"] == ""
    assert maggy.load("app_1").to_pandas()["started"].isna().all()
    for command in ("show", "list"):
        assert main([command, *(["app_1"] if command == "show" else [])]) == 0


def test_csv_without_a_trial_is_a_head(tmp_path, export):
    record_search(tmp_path, [])
    assert export("--csv")[1].startswith("trial_id,metric,status,")


def test_json_has_everything(tmp_path, export):
    recorded = record_search(tmp_path)
    content = json.loads(export("--json")[1])
    assert content["result"] == dict(recorded.result)
    assert content["trials"] == recorded.result.trials
    assert content["searchspace"] == list(maggy.load(recorded.path).searchspace)
    assert (content["id"], content["state"], content["running"]) == ("app_1", "FINISHED", [])


@pytest.mark.slow  # Optuna with SQLAlchemy
def test_a_study_of_optuna_has_the_trials_and_is_never_added_to(tmp_path, export):
    import optuna

    record_search(tmp_path)
    url = f"sqlite:///{tmp_path}/study.db"
    code, out, err = export("--optuna", url)
    assert (code, out) == (0, "")
    assert "3 trials are in the study 'app_1'" in err
    study = optuna.load_study(study_name="app_1", storage=url)
    assert [trial.value for trial in study.trials] == [0.5, None, 0.75]
    code, _, err = export("--optuna", url)
    assert code == 2
    assert err == (
        "maggy: The storage has a study 'app_1' already. Choose another name: --study-name.\n"
    )
    assert export("--optuna", url, "--study-name", "another")[0] == 0
    assert export("--optuna", "nonsense://x")[0] == 2


@pytest.fixture
def server(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    server = FakeServer()
    server.experiments = []

    def make(uri, name, experiment_id):
        server.experiments.append(name)
        server.uri = uri
        return server

    monkeypatch.setattr("maggy.tracking.mlflow.MlflowServer", make)
    monkeypatch.setattr("maggy.tracking.mlflow.find_spec", lambda name: object())
    return server


URI = "http://me:secret@localhost:5000"


def test_mlflow_gets_what_it_lacks_and_nothing_twice(tmp_path, export, server, monkeypatch):
    record_search(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", URI)
    code, out, err = export("--mlflow")
    assert (code, out, server.experiments) == (0, "", ["demo"])
    assert err == (
        "maggy: 3 trials were written to MLflow at http://***@localhost:5000. It had 0 already.\n"
    )
    assert len(server.runs) == 4
    code, _, err = export("--mlflow")
    assert (code, len(server.runs)) == (0, 4)
    assert "0 trials were written" in err
    assert "It had 3 already" in err


def test_mlflow_may_be_named_by_options(tmp_path, export, server):
    record_search(tmp_path)
    assert export("--mlflow", "--tracking-uri", URI, "--experiment-name", "mine")[0] == 0
    assert (server.uri, server.experiments) == (URI, ["mine"])


def test_a_server_that_is_away_is_1_and_an_experiment_that_runs_is_2(tmp_path, export, server):
    record_search(tmp_path, state=None)
    code, _, err = export("--mlflow", "--tracking-uri", URI)
    assert code == 2
    assert "is exported when it has ended" in err
    record_search(tmp_path)
    server.is_away = True
    code = main(["export", "app_2", "--mlflow", "--tracking-uri", URI])
    assert code == 1


def test_what_mlflow_refuses_is_1_without_a_password(tmp_path, export, server, monkeypatch, capsys):
    record_search(tmp_path)

    def refuse():
        raise ValueError(f"{URI} says no\nand why")

    monkeypatch.setattr(server, "connect", refuse)
    code, _, err = export("--mlflow", "--tracking-uri", URI)
    assert (code, err) == (
        1,
        "maggy: Not everything is in MLflow at http://***@localhost:5000. "
        "http://***@localhost:5000 says no\n",
    )


@pytest.mark.parametrize(
    "options",
    [["--csv", "--tracking-uri", "x"], ["--json", "--experiment-name", "x"],
     ["--mlflow", "--study-name", "x"], ["--mlflow", "--csv"]],
    ids=" ".join,
)  # fmt: skip
def test_an_option_of_another_format_is_wrong_use(tmp_path, export, options):
    record_search(tmp_path)
    try:
        code, _, err = export(*options)
        assert f"{options[1]} must stand with" in err
    except SystemExit as end:
        code = end.code
    assert code == 2
