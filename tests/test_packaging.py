"""The metadata of the package, and the files at the top of the repository."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from setuptools import find_packages

import maggy
from maggy.common.extras import EXTRAS

ROOT = Path(__file__).parents[1]
SETUP = ROOT / "setup.py"
TOP_LEVEL = {"LICENSE", "README.md", "docs", "examples", "maggy", "setup.py", "tests", "tox.ini"}


@pytest.fixture(scope="module")
def metadata(tmp_path_factory):
    """The lines of the metadata that setup.py writes."""
    base = tmp_path_factory.mktemp("package")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(base)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return (base / "maggy.egg-info" / "PKG-INFO").read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_the_version_has_one_source(metadata):
    assert f"Version: {maggy.__version__}" in metadata


@pytest.mark.slow
def test_the_metadata_name_an_author_addresses_and_what_it_runs_on(metadata):
    text = "\n".join(metadata)
    for field in ("Author: ", "Project-URL: Original, up to 1.1.2", "# Maggy"):
        assert f"\n{field}" in text
    for minor in (10, 11, 12, 13):
        assert f"Classifier: Programming Language :: Python :: 3.{minor}" in metadata


@pytest.mark.slow
def test_the_package_offers_these_extras(metadata):
    for extra, requirements in EXTRAS.items():
        assert f"Provides-Extra: {extra}" in metadata
        for requirement in requirements:
            line = f'Requires-Dist: {requirement}; extra == "{extra}"'
            assert line in metadata


def test_the_command_is_installed_and_can_be_called():
    (entry,) = re.findall(r'"console_scripts": \["maggy = ([\w.]+):(\w+)"\]', SETUP.read_text())
    module, function = entry
    assert callable(getattr(importlib.import_module(module), function))


def test_every_folder_of_the_package_is_published():
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "maggy").rglob("*.py")
    }
    assert "maggy.testing" in folders
    assert set(find_packages(ROOT, include=["maggy", "maggy.*"])) == folders


def test_the_top_of_the_repository_stays_as_it_is():
    command = ["git", "ls-files"]
    git = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if git.returncode != 0:
        pytest.skip("this is not a clone")
    top = {path.split("/")[0] for path in git.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL
