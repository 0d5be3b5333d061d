"""GitHub runs every environment of tox.ini that tests something."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

NOT_ON_EVERY_CHANGE = {
    "pure": "a part of the environment tests",
    "optimizers": "a benchmark",
    "bench": "a benchmark",
}
"""The environments that GitHub does not run, and why."""


@pytest.fixture(scope="module")
def commands():
    """What each environment of tox.ini runs, by its name."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    return {
        name.removeprefix("testenv:"): tox[name].get("commands", "")
        for name in tox.sections()
        if name.startswith("testenv:")
    }


@pytest.fixture(scope="module")
def workflow():
    return (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")


def run_by(workflow):
    """Return the environments that a workflow names, and the default one, which `tox` runs."""
    lists = re.findall(r"^ *environment: \[(.*)\]$", workflow, re.MULTILINE)
    names = re.findall(r"^ *- environment: ([\w-]+)$", workflow, re.MULTILINE)
    default = {"tests"} if re.search(r"&& tox$", workflow, re.MULTILINE) else set()
    return default | {*names} | {name.strip() for text in lists for name in text.split(",")}


def test_every_environment_that_tests_something_is_run_on_every_change(commands, workflow):
    assert run_by(workflow) == commands.keys() - NOT_ON_EVERY_CHANGE.keys()


def test_every_file_of_real_tests_belongs_to_an_environment(commands):
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ROOT.glob("tests")
        for path in folder.rglob("real_*.py")
        if re.search(r"^def test_", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert files
    in_environments = {
        word
        for text in commands.values()
        for word in text.split()
        if word.startswith("tests/") and word.endswith(".py")
    }
    assert files - in_environments == set()
