"""The types that a type checker sees at a call of ``lagom``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import maggy

pytestmark = pytest.mark.slow

CALLS = """
from maggy.ablation import AblationStudy
from maggy.experiment import lagom
from maggy.experiment_config import (
    AblationConfig, BaseConfig, HyperparameterOptConfig, LagomConfig, OptimizationConfig,
)
from maggy.earlystop import AbstractEarlyStop, Decision, Patience

def train(x: int) -> float:
    return x / 2

def name() -> str:
    return "Maggy"

class NewRule(AbstractEarlyStop):
    def decide(self, trial, finalized_trials, running_trials, direction):  # type: ignore
        return Decision.STOP

class StaticCheck(AbstractEarlyStop):
    @staticmethod
    def earlystop_check(to_check, finalized_trials, direction):  # type: ignore
        return None

search = OptimizationConfig(3, "tpe", direction="min", es_policy=["median", Patience(3)])
search.es_policy = NewRule()
search.es_policy = [StaticCheck(), "none"]
study = AblationConfig(AblationStudy("titanic", 1, "survived"), direction="max")
config: OptimizationConfig | LagomConfig = search

reveal_type(lagom(train, search))  # search
reveal_type(lagom(train_fn=train, config=HyperparameterOptConfig(3, None)))  # search
reveal_type(lagom(train, study))  # study
reveal_type(lagom(name, LagomConfig()))  # once
reveal_type(lagom(name, BaseConfig()))  # once
reveal_type(lagom(name, None))  # once
reveal_type(lagom(name))  # once
reveal_type(lagom(map_fun=train, optimizer="randomsearch"))  # keywords
reveal_type(lagom(train, "mine", num_trials=3))  # keywords
reveal_type(lagom(train, num_trials=3))  # keywords
reveal_type(lagom(name, config))  # either
lagom(train, 3)  # error
lagom(train, OptimizationConfig)  # error
lagom(train, search, num_trials=3)  # error
OptimizationConfig(3, "tpe", es_policy=3)  # error
"""

RESULT = "maggy.result.result.ExperimentResult"
TYPES = {
    "search": [RESULT],
    "study": [RESULT],
    "once": ["str"],
    "keywords": [RESULT],
    "either": [f"{RESULT} | str", f"str | {RESULT}"],
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """Return mypy's messages about the calls, by the number of the line."""
    folder = tmp_path_factory.mktemp("mypy")
    (folder / "calls.py").write_text(CALLS)
    # The package's own options skip large libraries that have types, such as pyspark.
    options = Path(__file__).parents[1] / ".mypy.ini"
    environment = dict(os.environ)
    package = Path(maggy.__file__).parents[1]
    if package.name != "site-packages":  # mypy finds an installed package by itself
        environment["MYPYPATH"] = str(package)
    process = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={options}", "--no-color", "calls.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1, process.stdout + process.stderr
    matches = re.findall(r"^calls\.py:(\d+): (error|note): (.*)$", process.stdout, re.MULTILINE)
    lines = {}
    for number, kind, text in matches:
        lines.setdefault(int(number), []).append((kind, text))
    return lines


def numbered_calls():
    for number, line in enumerate(CALLS.splitlines(), start=1):
        call, _, comment = line.partition("  # ")
        if comment in TYPES or comment == "error":
            yield number, call, comment


def test_the_type_of_the_result_follows_from_the_config(messages):
    for number, call, kind in numbered_calls():
        if kind in TYPES:
            ((_, text),) = messages[number]
            assert re.search('"(.*)"', text)[1] in TYPES[kind], (call, text)


def test_a_wrong_call_is_an_error(messages):
    for number, call, kind in numbered_calls():
        if kind == "error":
            assert messages[number][0][0] == "error", call


def test_no_other_line_is_an_error(messages):
    wrong = {number for number, _, kind in numbered_calls() if kind == "error"}
    errors = {
        number: texts
        for number, texts in messages.items()
        if number not in wrong and any(kind == "error" for kind, _ in texts)
    }
    assert not errors
