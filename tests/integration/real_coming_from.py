"""Both programs of each page "Coming from ..." run, on the real libraries: `tox -e coming-from`."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from math import log
from pathlib import Path

import pytest
from helpers.waiting import PROCESS_SECONDS, process

from maggy import Searchspace
from maggy.common.exceptions import BadArgumentsError

# Several libraries of which each starts processes of its own.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PROCESS_SECONDS)]

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "coming_from"
BEST = {
    "hyperopt": "-min(trials.losses())",
    "optuna_and_mlflow": "study.best_value",
    "ray_tune": "best.metrics['accuracy']",
    "keras_tuner": "best.score",
    "cross_validator": "max(model.avgMetrics)",
}
"""What the other library's program has as its best accuracy, by the page."""
LAST = """
import json
print("FIGURES", json.dumps([float({best}), result["best_val"], result["failed"]]))
"""


def text_of(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_each_page_has_a_figure_to_compare():
    names = {page.stem for page in PAGES.glob("*.md")}
    assert names - {"index"} == BEST.keys()


@pytest.mark.parametrize("name", BEST)
def test_both_programs_of_a_page_find_a_good_model(name, tmp_path):
    # One script, as a reader would paste it, in a process of its own: Ray and Spark stay there.
    programs = re.findall(r"^```py(?:thon)?\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL)
    assert len(programs) >= 2
    script = tmp_path / "page.py"
    script.write_text("\n".join(programs) + LAST.format(best=BEST[name]), encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "MAGGY_LOG_DIR": str(tmp_path / "experiments"),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    # With its own descendants: Ray and Spark start some, which must not outlive a failed page.
    with process(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        output, errors = program.communicate(timeout=2 * PROCESS_SECONDS)
    assert program.returncode == 0, errors[-5000:]
    (figures,) = re.findall(r"^FIGURES (.*)$", output, re.MULTILINE)
    theirs, ours, failed = json.loads(figures)
    assert failed == 0
    assert theirs > 0.8
    assert ours > 0.8


def hyperopt_object(code):
    from hyperopt import hp

    return eval(code, {"hp": hp, "log": log})


def optuna_object(code):
    import optuna

    trial = optuna.create_study().ask()
    eval(code, {"trial": trial})
    return trial.distributions["x"]


def ray_object(code):
    from ray import tune

    return eval(code, {"tune": tune})


def keras_tuner_object(code):
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    eval(code, {"hp": hp})
    return hp.space[-1]


MAKERS = {
    "hyperopt": hyperopt_object,
    "optuna_and_mlflow": optuna_object,
    "ray_tune": ray_object,
    "keras_tuner": keras_tuner_object,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_spellings_of_a_page_are_those_that_the_errors_show(name):
    rows = re.findall(r"^\| `([^`]*)` \| `x=([^`]*)`", text_of(name), re.MULTILINE)
    assert len(rows) >= 6
    for code, spelling in rows:
        assert Searchspace(x=ast.literal_eval(spelling)).names()
        with pytest.raises(BadArgumentsError) as error:
            Searchspace(x=MAKERS[name](code))
        shown = re.search(r"Write x=(\(.*\))\.", str(error.value))
        assert shown, str(error.value)
        kind, values, *options = ast.literal_eval(spelling)
        # hyperopt holds the logarithms of bounds, so they come back rounded.
        assert ast.literal_eval(shown[1]) == (kind, pytest.approx(values), *options)
