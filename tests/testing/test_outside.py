"""The contracts in a project of somebody else, and without pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.waiting import PROCESS_SECONDS

import maggy

PROJECT = """
from maggy import RandomSearch, Trial
from maggy.testing import OptimizerContract


class Outside(RandomSearch):
    def get_suggestion(self, trial=None):
        trial = super().get_suggestion(trial)
        return trial and Trial({**trial.params, "kernel": 9})


class TestRandomSearch(OptimizerContract):
    def make(self):
        return RandomSearch()


class TestOutside(OptimizerContract):
    def make(self):
        return Outside()
"""
SHORT = """

class Short(RandomSearch):
    def get_suggestion(self, trial=None):
        return None if len(self.final_store) == 2 else super().get_suggestion(trial)


class TestShort(OptimizerContract):
    def make(self):
        return Short()
"""


def run(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(Path(maggy.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
        check=False,
    )


@pytest.mark.slow
def test_another_project_needs_nothing_but_the_package_and_pytest(tmp_path):
    (tmp_path / "test_mine.py").write_text(PROJECT)
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_mine.py"]
    good = run("-m", "pytest", *options, "-k", "TestRandomSearch", cwd=tmp_path)
    assert good.returncode == 0, good.stdout
    assert "passed" in good.stdout
    bad = run("-m", "pytest", *options, "-k", "TestOutside and lie_inside", cwd=tmp_path)
    assert "2 failed" in bad.stdout, bad.stdout


@pytest.mark.slow
def test_a_failure_shows_the_values_that_were_compared(tmp_path):
    (tmp_path / "test_mine.py").write_text(PROJECT + SHORT)
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_mine.py"]
    done = run("-m", "pytest", *options, "-k", "TestShort and test_it_ends", cwd=tmp_path)
    assert "assert 2 == 20" in done.stdout, done.stdout


def test_without_pytest_the_import_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['pytest'] = None; import maggy.testing"
    done = run("-c", code, cwd=tmp_path)
    assert "MissingDependencyError: maggy.testing needs pytest, which " in done.stderr
    assert "pip install pytest" in done.stderr
