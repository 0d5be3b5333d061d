"""The page on callbacks runs on Spark with all frameworks: `tox -e frameworks`."""

import re
import subprocess
import types
from pathlib import Path

import pytest

from maggy import OptimizationConfig, Searchspace, experiment
from maggy.earlystop import AbstractEarlyStop, Decision

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "callbacks.md"
BLOCKS = re.findall(
    r"^```(?:python|py)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
EXAMPLES = {re.search(r"^def (\w+)", block, re.MULTILINE)[1]: block for block in BLOCKS[1:]}

pytestmark = pytest.mark.slow


class AfterThree(AbstractEarlyStop):
    """Stop each trial after three values."""

    waits_for_finals = False

    def decide(self, trial, finalized_trials, running_trials, direction):
        return Decision.STOP if len(trial.metric_history) >= 3 else Decision.CONTINUE


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.usefixtures("spark", "experiments")
def test_an_example_of_the_page_runs(name):
    namespace = types.ModuleType("page").__dict__
    for block in (BLOCKS[0], EXAMPLES[name]):
        exec(compile(block, PAGE.name, "exec"), namespace)
    result = namespace["result"]
    assert (result["num_trials"], result["failed"]) == (4, 0)
    for trial in result.trials:
        assert len(trial["history"]) > 1


@pytest.mark.parametrize("name", ["catboost", "xgboost"])
@pytest.mark.usefixtures("spark", "experiments")
def test_a_training_that_would_take_for_ever_is_stopped_on_spark(name):
    # One framework that lets the exception pass, and the one that does not.
    def train(depth, reporter):
        from maggy.callbacks import CatBoostRound, XGBoostRound

        x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        if name == "catboost":
            from catboost import CatBoostClassifier

            model = CatBoostClassifier(
                iterations=1_000_000, depth=depth, allow_writing_files=False, thread_count=1
            )
            model.fit(x, y, eval_set=(x, y), callbacks=[CatBoostRound(reporter)], verbose=False)
        else:
            from xgboost import XGBClassifier

            model = XGBClassifier(
                n_estimators=1_000_000,
                max_depth=depth,
                n_jobs=1,
                callbacks=[XGBoostRound(reporter)],
            )
            model.fit(x, y, eval_set=[(x, y)], verbose=False)
        return -1.0

    space = Searchspace(depth=("INTEGER", [1, 4]))
    config = OptimizationConfig(
        2, "randomsearch", space, "min", es_policy=AfterThree(), hb_interval=0.1, seed=1
    )
    result = experiment.lagom(train, config)
    assert (result["early_stopped"], result["failed"]) == (2, 0)
    for trial in result.trials:
        assert trial["metric"] == trial["history"][-1] > 0


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_python_of_the_page_is_formatted_like_the_package(block):
    command = ["ruff", "format", "--config", str(ROOT / ".ruff.toml"), "-"]
    formatter = subprocess.run(command, input=block, capture_output=True, text=True, check=True)
    assert formatter.stdout == block
