"""The command ``maggy``: its exit codes, its help, and that no terminal obeys what it writes."""

import io
import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest
from helpers.recorded import record_ablation, record_search, record_single, tree

import maggy
from maggy.checkpoints.keeping import CheckpointKeeper
from maggy.checkpoints.run import CheckpointPlace
from maggy.checkpoints.saved import CheckpointPair, SavedCheckpoint
from maggy.cli.command_line import COMMANDS, main
from maggy.cli.compare import CompareCommand
from maggy.common.files import AnyFiles
from maggy.live.follower import Follower
from maggy.live.panel_html import panel_part
from maggy.result import ExperimentResult
from maggy.trial import Trial

ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b[31mred\x1b]0;title\x07\r\u202e\x7f"


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGGY_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "logs"


@pytest.fixture
def run(capsys):
    """Run the command, and return its exit code, its answer and its remarks."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_every_command_has_a_help_with_examples(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"\n    {command.name}" in out
        code, text, _ = run(command.name, "--help")
        assert code == 0
        assert "examples:" in text
        assert command.summary in text
        assert max(map(len, text.splitlines())) <= 88


def test_the_commands_are_these():
    assert [command.name for command in COMMANDS] == [
        "list", "show", "watch", "best", "export", "dashboard", "report", "compare", "resume-hint",
        "doctor",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["show"], ["export", "app_1"], ["export", "app_1", "--csv", "--json"],
     ["export", "app_1", "--csv", "--study-name", "x"], ["list", "--nonsense"],
     ["dashboard", "app_1", "--port", "65536"], ["dashboard", "app_1", "--port", "-1"]],
    ids=str,
)  # fmt: skip
def test_wrong_use_is_2(logs, run, arguments):
    record_search(logs)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "maggy: " in err or "usage: maggy" in err


def test_an_unknown_option_shows_how_the_subcommand_is_used(logs, run):
    record_search(logs)
    err = run("export", "app_1", "--csv", "--nonsense")[2]
    assert err.startswith("usage: maggy export ")
    assert err.endswith("maggy export: error: unrecognized arguments: --nonsense\n")


@pytest.mark.parametrize("command", ["show", "best", "resume-hint", "export"])
def test_an_experiment_that_is_not_there_is_3_with_the_places_that_were_searched(
    logs, run, command
):
    record_search(logs)
    options = ["--csv"] if command == "export" else []
    code, out, err = run(command, "app_7", *options)
    assert (code, out) == (3, "")
    assert str(logs / "app_7") in err
    assert "app_1" in err


def test_a_store_that_refuses_is_3(logs, run, monkeypatch):
    record_search(logs)

    def refuse(self, folder, name):
        raise ConnectionResetError("the store is gone")

    monkeypatch.setattr(AnyFiles, "read_inside", refuse)
    code, _, err = run("show", "app_1")
    assert (code, err) == (3, "maggy: the store is gone\n")


@pytest.mark.parametrize("command", ["show", "best"])
@pytest.mark.parametrize(("state", "code"), [("FAILED", 1), ("FINISHED", 0), ("KILLED", 0)])
def test_an_experiment_that_failed_is_1(logs, run, command, state, code):
    record_search(logs, state=state)
    assert run(command, "app_1")[0] == code


def test_without_a_metric_there_is_no_best_which_is_1(logs, run):
    record_search(logs, [None])
    code, out, err = run("best", "app_1")
    assert (code, out) == (1, "")
    assert "No trial" in err


def test_the_best_parameters_are_json(logs, run):
    record_search(logs)
    assert json.loads(run("best", "app_1")[1]) == {"lr": 0.1 * 3, "pool": 3}
    best = json.loads(run("best", "app_1", "--json")[1])
    assert (best["metric"], best["params"]["pool"]) == (0.75, 3)


def test_a_list_has_aligned_columns_and_the_newest_first(logs, run, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    runs = [{"began": 1795680000.0}]
    record_search(logs)
    record_ablation(logs, {"None": [0.75], "fare": [0.5]}, name="a long name", runs=runs)
    assert run("list") == (
        0,
        "id     name         kind          state     trials  best  started\n"
        "app_2  a long name  ablation      FINISHED  2       0.75  2026-11-26 08:00\n"
        "app_1  demo         optimization  FINISHED  3       0.75  2026-11-26 07:18\n",
        "",
    )


def test_a_list_counts_the_trials_of_experiments_without_a_recorded_result(logs, run):
    record_search(logs, state=None)
    record_single(logs)
    rows = json.loads(run("list", "--json")[1])
    facts = {row["id"]: (row["kind"], row["state"], row["trials"], row["best"]) for row in rows}
    assert facts == {
        "app_1": ("optimization", "RUNNING", 3, 0.75),
        "app_2": ("single", "FINISHED", 1, None),
    }


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-" + "9" * 4300, "NaN", "1e999"])
def test_a_list_leaves_out_numbers_that_no_float_holds(logs, run, number):
    recorded = record_search(logs)
    for name, field in (("result.json", "best_val"), ("maggy.json", "ended")):
        path = Path(recorded.path, name)
        text = json.dumps({**json.loads(path.read_text()), field: "here"})
        path.write_text(text.replace('"here"', number))
    assert "0.75" not in run("list")[1]
    (summary,) = json.loads(run("list", "--json")[1])
    assert (summary["best"], summary["ended"]) == (None, None)
    assert run("show", "app_1")[0] == 0


def test_a_list_of_nothing(logs, run):
    code, out, err = run("list")
    assert (code, out) == (3, "")
    assert str(logs) in err
    logs.mkdir()
    assert run("list") == (0, "", f"maggy: There are no experiments in {logs}.\n")
    assert run("list", "--json") == (0, "[]\n", "")
    record_search(logs / "deeper")
    assert "app_1" in run("list", "--log-dir", logs / "deeper")[1]


def test_a_list_leaves_out_what_this_user_may_not_read(logs, run, monkeypatch):
    record_search(logs)
    (logs / "app_2").mkdir()
    (logs / "app_2" / "maggy.json").write_text("{}")
    list_names = AnyFiles.list

    def list_allowed(self, path):
        if path.endswith("app_2"):
            raise PermissionError(13, "Permission denied", path)
        return list_names(self, path)

    monkeypatch.setattr(AnyFiles, "list", list_allowed)
    code, out, err = run("list")
    assert (code, out.count("app_1"), "app_2" in out) == (0, 1, False)
    assert err.startswith("maggy: app_2 cannot be read, and is left out: [Errno 13]")


def test_an_experiment_is_shown(logs, run, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    record_search(logs)
    code, out, err = run("show", "app_1")
    assert (code, err) == (0, "")
    assert (
        out
        == f"""\
experiment  app_1
name        demo
directory   {logs}/app_1
kind        optimization with RandomSearch
metric      accuracy (max)
state       FINISHED
started     2026-11-26 07:18, ended after 1 min 0 s
seed        7
release     2.1.0
trials      3: 2 finished, 0 stopped early, 1 failed; 0 running
best        0.75, trial {_id(0.1 * 3, 3)} with {{"lr": 0.30000000000000004, "pool": 3}}

#  trial             lr   pool  accuracy  status    seconds
3  {_id(0.1 * 3, 3)}  0.3  3     0.75      finished  1.50
1  {_id(0.1, 1)}  0.1  1     0.50      finished  1.50
2  {_id(0.2, 2)}  0.2  2               failed    1.50

Failed (tracebacks with --failures)
  {_id(0.2, 2)}  ValueError: too bad
"""
    )
    assert "Traceback: no\nValueError: too bad\n" in run("show", "app_1", "--failures")[1]


def _id(lr, pool):
    return maggy.Trial({"lr": lr, "pool": pool}).trial_id


def test_only_the_best_trials_are_shown_unless_all_are_asked_for(logs, run):
    record_search(logs, [0.01 * number for number in range(30)])
    out = run("show", "app_1")[1]
    assert "10 more trials are shown with --all." in out
    assert (_id(0.1 * 30, 30) in out, _id(0.1, 1) in out) == (True, False)
    assert _id(0.1, 1) in run("show", "app_1", "--all")[1]


def test_a_running_experiment_is_shown_with_what_runs(logs, run):
    record_search(logs, state=None, running=[{"lr": 0.9, "pool": 9}])
    out = run("show", "app_1")[1]
    assert "state       RUNNING\n" in out
    assert f'Running\n  {_id(0.9, 9)}  {{"lr": 0.9, "pool": 9}}\n' in out
    shown = json.loads(run("show", "app_1", "--json")[1])
    assert (shown["state"], shown["result"]["num_trials"], shown["ended"]) == ("RUNNING", 2, None)
    assert [row["params"] for row in shown["running"]] == [{"lr": 0.9, "pool": 9}]


def test_a_function_that_ran_once_is_shown_without_trials(logs, run):
    record_single(logs)
    out = run("show", "app_1")[1]
    assert "kind        single\n" in out
    assert "metric" not in out
    assert "trial" not in out


@pytest.mark.parametrize(
    ("name", "analysis", "text"),
    [
        ("interactions", {"components": ["fare", "age"], "interaction": 0.25}, "fare, age  +0.25"),
        ("shapley", {"component": "fare", "value": 0.5}, "fare  +0.5"),
        ("rounds", {"component": "age", "difference": -0.5}, "age  -0.5"),
    ],
)
def test_an_ablation_is_shown_with_what_its_ablator_found(logs, run, name, analysis, text):
    record_ablation(logs, {"None": [0.75], "fare": [0.5], "age": [0.25]})
    path = logs / "app_1" / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: [analysis]}))
    out = run("show", "app_1")[1]
    assert text in out
    assert "-0.25" in out


@pytest.mark.slow  # SciPy
def test_an_ablation_with_repeats_is_shown_by_component(logs, run):
    record_ablation(logs, {"None": [0.69, 0.7], "fare": [0.49, 0.51]}, repeats=2)
    components, runs = run("show", "app_1")[1].split("\n\n")[1:3]
    assert components.startswith("Mean difference from the base of the same repeat\nwithout")
    # A run has no difference of its own there.
    assert "difference" not in runs
    best = next(line for line in run("show", "app_1")[1].splitlines() if line.startswith("best"))
    assert best.startswith("best        0.7, trial ")
    assert best.endswith("}, a single run")


def test_an_experiment_that_does_not_fit_the_command_is_2(logs, run):
    record_single(logs)
    code, out, err = run("compare", "app_1", "app_1")
    assert (code, out) == (2, "")
    assert err.startswith("maggy: Only searches and ablations can be compared, but")


def test_damaged_records_are_remarked_on_and_left_out(logs, run):
    record_search(logs)
    (logs / "app_1" / _id(0.1, 1) / "trial.json").write_text("{")
    code, out, err = run("show", "app_1")
    assert code == 0
    assert "trials      2:" in out
    assert err.startswith(f"maggy: {_id(0.1, 1)}/trial.json is damaged, and left out: ")


def test_the_argument_that_resumes_is_the_answer_and_the_rest_are_remarks(logs, run):
    record_search(logs)
    code, out, err = run("resume-hint", "app_1")
    assert (code, out) == (0, f"resume={str(logs / 'app_1')!r}\n")
    for text in ("optimizer RandomSearch", "seed=7", "retry_failed=True", "has finished"):
        assert text in err
    assert "(1 of 3)" in err
    record_search(logs, state=None)
    assert "is running" in run("resume-hint", "app_2")[2]
    os.rename(logs / "app_1", logs / "my best")
    code, out, err = run("resume-hint", "my best")
    assert (code, out) == (2, "")
    assert "<application>_<number>" in err


def test_trials_that_go_on_from_checkpoints_are_counted_before_a_resume(logs, run):
    record_search(logs, state="KILLED")
    place = CheckpointPlace(str(logs / "app_1"), "token_file", "token")
    keeper = CheckpointKeeper(AnyFiles(), place, lambda name: f"{logs}/app_1/{name}", keep_all=True)
    pair = CheckpointPair(SavedCheckpoint(0, 0.5, "0/a"))
    for lr in (0.7, 0.8):
        keeper.record(Trial({"lr": lr}), pair, [0], [0.5])
    keeper.record(Trial({"lr": 0.1, "pool": 1}), pair, [0], [0.5])  # this one has ended
    damaged = logs / "app_1" / "0123456789abcdef"
    damaged.mkdir()
    (damaged / "checkpoints.json").write_text("{")
    assert "2 trials had begun and not ended. Their training" in run("resume-hint", "app_1")[2]
    record_search(logs, state=None)
    assert "had begun" not in run("resume-hint", "app_2")[2]


def test_nothing_that_a_command_reads_is_changed(logs, run):
    record_search(logs, state=None, running=[{"lr": 0.9, "pool": 9}])
    before = tree(logs)
    for arguments in (["list"], *([name, "app_1"] for name in ("show", "best", "resume-hint"))):
        assert run(*arguments)[0] == 0
    assert run("export", "app_1", "--csv")[0] == run("export", "app_1", "--json")[0] == 0
    assert tree(logs) == before


def hostile(logs):
    """Record a search in whose every text there is something that a terminal obeys."""
    recorded = record_search(logs, [0.5, None], name=f"name{ESCAPE}\nnext", description=ESCAPE)
    (logs / f"evil{ESCAPE}_1").mkdir()
    (logs / f"evil{ESCAPE}_1" / "maggy.json").write_text("{")
    params = {"lr": f"value{ESCAPE}", f"key{ESCAPE}": [ESCAPE]}
    good, bad = (maggy.Trial({**params, "number": number}) for number in (1, 2))
    good.status, good.final_metric = good.FINALIZED, 0.9
    bad.status, bad.error, bad.failure_reason = bad.ERROR, f"Traceback{ESCAPE}", f"no{ESCAPE}"
    recorded.store.claim()
    for trial in (good, bad):
        recorded.store.end_trial(trial)
    recorded.store.begin_trial(maggy.Trial(params))
    fields = recorded.store.read_experiment()
    fields["identity"] |= {"optimizer": f"optimizer{ESCAPE}", "optimization_key": f"key{ESCAPE}"}
    recorded.store.write_experiment({**fields, "state": "RUNNING"})


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--json"], ["show", "app_1", "--failures"], ["show", "app_1"],
     ["show", "app_1", "--json"], ["best", "app_1"], ["export", "app_1", "--csv"],
     ["export", "app_1", "--json"], ["resume-hint", "app_1"], ["show", ESCAPE]],
    ids=str,
)  # fmt: skip
def test_no_terminal_obeys_what_is_written(logs, run, arguments):
    hostile(logs)
    _, out, err = run(*arguments)
    written = out + err
    assert written.replace("\n", "").replace("\t", "").isprintable()
    assert "red" in written or arguments[0] in ("best", "resume-hint")


def test_a_terminal_with_few_characters_gets_escapes(logs, monkeypatch):
    record_search(logs, name="ä漢")
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["list"]) == 0
    output.flush()
    assert rb"\xe4\u6f22" in output.buffer.getvalue()


def maggy_process(*arguments, **options):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONUNBUFFERED", None)  # users' output waits in memory
    command = [sys.executable, "-m", "maggy", *map(str, arguments)]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["list"], ["export", "app_1", "--json"], ["--help"]], ids=" ".join
)
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(logs, arguments):
    record_search(logs, [0.5] * 300)
    reading, writing = os.pipe()
    os.close(reading)
    with maggy_process(*arguments, stdout=writing) as process:
        os.close(writing)
        _, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.slow
def test_the_command_is_a_module_too_and_says_its_version(logs):
    with maggy_process("--version", stdout=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=600)
    assert (process.returncode, out.decode(), err) == (0, f"maggy {maggy.__version__}\n", b"")


@pytest.mark.slow
def test_help_loads_neither_numpy_nor_spark():
    code = (
        "import sys; from maggy.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'pyspark', 'tensorflow', 'optuna'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert out.splitlines()[-1] == "[]"


class FakeArgcomplete:
    """Stand for the package argcomplete, which need not be installed."""

    def __init__(self):
        self.parsers = []

    def autocomplete(self, parser):
        self.parsers.append(parser)


def test_a_shell_is_offered_ids_and_directories(logs, run, monkeypatch, tmp_path):

    from maggy.cli.arguments import add_experiment

    package = FakeArgcomplete()
    monkeypatch.setitem(sys.modules, "argcomplete", package)
    record_search(logs)
    run("list")
    assert len(package.parsers) == 1
    parser = ArgumentParser()
    add_experiment(parser)
    action = next(action for action in parser._actions if action.dest == "experiment")
    (tmp_path / "applications").mkdir()
    (tmp_path / "apple").write_text("")
    complete = action.completer
    assert complete("app", Namespace(log_dir=None)) == ["app_1", "applications/"]
    assert complete("logs/", Namespace(log_dir=None)) == ["logs/app_1"]
    assert complete("nothing", Namespace(log_dir=None)) == []


def test_both_experiments_of_a_comparison_are_completed(logs):
    record_search(logs)
    parser = ArgumentParser()
    CompareCommand().add_arguments(parser)
    completers = [action.completer for action in parser._actions if action.dest in ("a", "b")]
    for complete in completers:
        assert complete("app", Namespace(log_dir=None)) == ["app_1"]
    assert len(completers) == 2


def test_without_argcomplete_the_command_works(logs, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    record_search(logs)
    assert run("list")[0] == 0


def test_the_marker_for_argcomplete_is_where_it_looks():
    source = Path(sys.modules["maggy.cli.command_line"].__file__).read_text(encoding="utf-8")
    assert "PYTHON_ARGCOMPLETE_OK" in source[:1024]


def test_ctrl_c_ends_the_command_without_a_traceback(logs, run, monkeypatch):
    record_search(logs)

    def interrupt(self, folder, name):
        raise KeyboardInterrupt

    monkeypatch.setattr(AnyFiles, "read_inside", interrupt)
    assert run("show", "app_1") == (130, "", "")


def test_a_report_is_written_beside_the_caller_or_where_the_user_says(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ExperimentResult, "report", lambda _, path: str(tmp_path / path))
    recorded = record_search(tmp_path / "root")
    assert run("report", recorded.path) == (0, f"{tmp_path}/app_1.html\n", "")
    assert run("report", recorded.path, "-o", "x.html") == (0, f"{tmp_path}/x.html\n", "")


def test_a_report_that_cannot_be_written_is_wrong_use(run, tmp_path, monkeypatch):
    def refuse(*_):
        raise FileNotFoundError("no such folder")

    monkeypatch.setattr(ExperimentResult, "report", refuse)
    recorded = record_search(tmp_path / "root")
    code, _, err = run("report", recorded.path, "-o", "no/x.html")
    assert code == 2
    assert "no/x.html" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--json"),
        ("show", "app_1"),
        ("show", "app_1", "--json"),
        ("watch", "app_1"),
        ("watch", "app_1", "--json"),
        ("best", "app_2"),
        ("best", "missing"),
        ("export", "app_1", "--json"),
        ("resume-hint", "app_1"),
    ],
)
def test_no_answer_and_no_remark_has_the_credentials_of_a_store(
    run, tmp_path, monkeypatch, arguments
):
    logs = f"memory://key:secret@bucket/{tmp_path.name}"
    monkeypatch.setenv("MAGGY_LOG_DIR", logs)
    monkeypatch.chdir(tmp_path)
    record_search(logs)
    record_search(logs, [None])
    _, out, err = run(*arguments)
    assert out + err
    assert "secret" not in out + err
    assert not [path for path in tmp_path.iterdir() if b"key:secret" in path.read_bytes()]


def test_errors_warnings_and_panels_have_no_credentials_of_a_store(tmp_path):
    logs = f"memory://key:secret@bucket/{tmp_path.name}"
    with pytest.raises(FileNotFoundError) as missing:
        maggy.load(f"{logs}/app_9")
    path = record_search(logs, [0.5]).path
    log = AnyFiles().read_bytes(f"{path}/maggy.log").decode()
    (name,) = [name for name in AnyFiles().list(path) if len(name) == 16]
    AnyFiles().write_bytes(f"{path}/{name}/trial.json", b"{")
    with pytest.warns(UserWarning, match="damaged") as damage:
        result = maggy.load(path)
    assert result.directory == path
    panel = panel_part("foot", Follower(AnyFiles(), path).look().snapshot)
    for text in (str(missing.value), log, str(damage[0].message), panel):
        assert "***@bucket" in text
        assert "secret" not in text


def test_the_experiment_of_a_warm_start_is_shown(logs, run):
    record_search(logs, warm_start={"experiment_id": "app_7", "num_trials": 30})
    assert "\nwarm start  30 trials of app_7\n" in run("show", "app_1")[1]
    record_search(logs, warm_start=["damaged"])
    code, out, _ = run("show", "app_2")
    assert (code, "warm start" in out) == (0, False)


def test_if_every_trial_failed_all_of_them_run_again(logs, run):
    record_search(logs, (None, None))
    assert "Every trial failed (2), so all of them run again." in run("resume-hint", "app_1")[2]
