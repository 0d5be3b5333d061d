"""``maggy.load`` opens what a real Spark session has recorded, and equals what lagom returned."""

import json
import signal
import statistics
import subprocess
import sys
import threading
import time

import pytest
from helpers.recorded import tree
from helpers.waiting import process, running, wait_until

import maggy
from maggy import AblationStudy, Searchspace, experiment
from maggy.experiment_config import AblationConfig, LagomConfig, OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(
    x=("DOUBLE", [0.1, 1.0], "log"),
    n=("INTEGER", [1, 4]),
    kernel=("CATEGORICAL", [(3, 3), (5, 5)]),
    depth=("INTEGER", [1, 3], {"when": {"kernel": [(3, 3)]}}),
)


def same(loaded, result):
    """Compare a result that was opened with the one that lagom returned."""
    assert dict(loaded) == dict(result)
    assert loaded.trials == result.trials
    for name in ("kind", "direction", "optimization_key", "confidence", "directory", "state"):
        assert getattr(loaded, name) == getattr(result, name)
    assert loaded.searchspace == result.searchspace
    assert loaded.running == result.running == []


def search(train, num_trials=6, space=SPACE, **options):
    return experiment.lagom(
        train,
        OptimizationConfig(
            num_trials, "randomsearch", space, direction="min", optimization_key="loss",
            seed=3, hb_interval=0.1, **options,
        ),
    )  # fmt: skip


def train(x, n, kernel, reporter, depth=0):
    if n == 2:
        raise ValueError("too bad")
    for step in range(3):
        reporter.broadcast(float("nan") if step == 1 else x * step, step)
    return {"loss": x * n + depth, "kernel": kernel, "missing": float("nan")}


def test_a_search_is_opened_as_lagom_returned_it_also_when_it_was_resumed():
    result = search(train)
    assert 0 < result["failed"] < 6
    assert result.state == "FINISHED"
    same(maggy.load(result.directory), result)
    again = search(train, 8, resume=result.directory, retry_failed=True)
    assert len(again.trials) == 8
    same(maggy.load(result.directory.rpartition("/")[2]), again)


def ablate(dataset_function):
    lacks = dataset_function(1, 1)
    return 1.0 - 0.25 * len(lacks)


def dataset(num_epochs, batch_size, ablated_feature):
    return [ablated_feature] if isinstance(ablated_feature, str) else ablated_feature or []


@pytest.mark.parametrize("ablator", ["loco", "pairs", "leave_one_in", "shapley", "backward"])
def test_an_ablation_is_opened_as_lagom_returned_it(ablator):
    study = AblationStudy("passengers", 1, "survived", dataset_generator=dataset)
    study.features.include("fare", "age")
    repeats, confidence = (3, 0.8) if ablator in ("loco", "leave_one_in") else (1, 0.95)
    config = AblationConfig(study, ablator, repeats=repeats, confidence=confidence)
    result = experiment.lagom(ablate, config)
    assert result["num_trials"] > 2
    same(maggy.load(result.directory), result)


def test_a_function_that_ran_once_is_opened_without_its_value(experiments):
    assert experiment.lagom(lambda: 7, LagomConfig()) == 7
    (directory,) = experiments.iterdir()
    loaded = maggy.load(directory)
    assert (loaded.kind, loaded.state, loaded["failed"]) == ("single", "FINISHED", 0)
    assert [row["status"] for row in loaded.trials] == ["FINALIZED"]


def test_a_failed_and_a_running_experiment_are_opened_too(experiments, tmp_path):
    def fail(x):
        raise ValueError("too bad")

    space = Searchspace(x=("DOUBLE", [0, 1]))
    with pytest.raises(maggy.ExperimentError):
        search(fail, 2, space)
    failed = maggy.load(next(experiments.iterdir()))
    assert (failed.state, failed["failed"], failed["best_id"]) == ("FAILED", 2, None)
    assert failed.trials[0]["error"].endswith("ValueError: too bad\n")

    gate = tmp_path / "gate"

    def wait(n):
        import time
        from pathlib import Path

        while n > 1 and not Path(gate).exists():
            time.sleep(0.05)
        return n

    numbers = Searchspace(n=("INTEGER", [1, 3]))
    initial = [{"n": 1}, {"n": 2}, {"n": 3}]
    with running(
        lambda: search(wait, 3, numbers, initial_trials=initial), release=gate.touch
    ) as background:
        (directory,) = wait_until(
            lambda: [path for path in experiments.iterdir() if path.name.endswith("_2")]
        )
        wait_until((directory / "maggy.json").exists)

        def load_once_the_last_two_run():
            # Two may run before: the first trial is one of them until it has ended.
            result = maggy.load(directory)
            numbers_running = sorted(row["params"]["n"] for row in result.running)
            return result if numbers_running == [2, 3] else None

        loaded = wait_until(load_once_the_last_two_run)
        assert (loaded.state, loaded["num_trials"]) == ("RUNNING", 1)
        gate.touch()
        result = background.result()
    same(maggy.load(directory), result)
    before = tree(directory)
    maggy.load(directory)
    assert tree(directory) == before


LOOK = """
import json, sys, time
import maggy

looks = []
# The values are the times at which they were reported. Two updates are seen.
while len({look[1] for look in looks}) < 3:
    rows = [row for row in maggy.load(sys.argv[1]).running if row["history"]]
    if len(rows) == 2:
        ages = [time.time() - row["history"][-1] for row in rows]
        looks.append((max(ages), min(len(row["steps"]) for row in rows), rows[0]))
    time.sleep(0.1)
rows[0]["history"] = rows[0]["history"][:2]
print(json.dumps([[look[0] for look in looks], rows[0]]))
"""


def test_another_process_sees_the_points_of_running_trials_a_few_seconds_old(experiments, tmp_path):
    gate = tmp_path / "gate"

    def wait(n, reporter):
        import time
        from pathlib import Path

        while not Path(gate).exists():
            reporter.broadcast(time.time())
            time.sleep(0.05)
        return n

    numbers = Searchspace(n=("INTEGER", [1, 3]))
    initial = [{"n": 1}, {"n": 2}, {"n": 3}]
    begin = time.time()
    with running(
        lambda: search(wait, 3, numbers, initial_trials=initial), release=gate.touch
    ) as background:
        wait_until(lambda: list(experiments.glob("*_1/maggy.json")))
        (directory,) = experiments.iterdir()
        with process(
            [sys.executable, "-c", LOOK, str(directory)], stdout=subprocess.PIPE, text=True
        ) as other:
            answer = other.communicate()[0]
        assert [path.name for path in directory.glob("running-*")] == ["running-1-1.jsonl"]
        gate.touch()
        result = background.result()
    ages, row = json.loads(answer)
    # Now and then a busy machine takes longer. The writer waits for five seconds.
    assert statistics.median(ages) < 6
    assert (row["number"], row["attempts"], row["status"]) == (1, 1, "RUNNING")
    assert row["worker"] in (0, 1)
    assert begin < row["start"] <= row["history"][0] <= row["history"][1]
    same(maggy.load(directory), result)
    assert not list(directory.glob("running-*"))


def test_an_interrupted_experiment_was_killed(experiments):
    def wait(n):
        import time

        if n > 1:
            time.sleep(600)
        return n

    def interrupt():
        wait_until(lambda: list(experiments.glob("*/*/trial.json")))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    space, initial = Searchspace(n=("INTEGER", [1, 3])), [{"n": 1}, {"n": 2}, {"n": 3}]
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        search(wait, 3, space, initial_trials=initial)
    thread.join()
    loaded = maggy.load(next(experiments.iterdir()))
    assert (loaded.state, loaded["num_trials"], loaded.running) == ("KILLED", 1, [])
