"""The environment of Hopsworks: how it is chosen, and what it needs."""

import ast
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import hopsworks_platform
from helpers.waiting import HANG

import maggy
from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.core import environment as environments
from maggy.core.environment import (
    HopsworksEnvironment,
    LocalEnvironment,
    find_environment,
)
from maggy.core.environment.hopsworks.package import import_hops

pytestmark = pytest.mark.loopback


def test_hopsworks_is_found_by_its_variables(platform, monkeypatch):
    assert isinstance(find_environment(), HopsworksEnvironment)
    monkeypatch.delenv("HOPSWORKS_PROJECT_ID")
    assert isinstance(find_environment(), LocalEnvironment)


def test_without_hops_its_variables_alone_do_not_choose_hopsworks(platform, monkeypatch):
    monkeypatch.setattr(environments, "has_hops", lambda: False)
    assert isinstance(find_environment(), LocalEnvironment)


def test_the_argument_precedes_the_variable_and_the_variable_precedes_the_detection(
    platform, monkeypatch
):
    monkeypatch.setenv("MAGGY_ENVIRONMENT", "local")
    assert isinstance(find_environment(), LocalEnvironment)
    assert isinstance(find_environment("hopsworks"), HopsworksEnvironment)
    monkeypatch.setenv("MAGGY_ENVIRONMENT", "Hopsworks")
    assert isinstance(find_environment(), HopsworksEnvironment)
    own = LocalEnvironment()
    assert find_environment(own) is own


def test_an_unknown_environment_is_an_error_with_the_known_names(monkeypatch):
    monkeypatch.setenv("MAGGY_ENVIRONMENT", "hopwork")
    with pytest.raises(
        BadArgumentsError,
        match=r"must be one of local, hopsworks, but got 'hopwork'\. Did you mean",
    ):
        find_environment()


def test_without_pydoop_hopsworks_is_an_error_at_once(platform, monkeypatch):
    monkeypatch.setattr(
        sys, "path", [path for path in sys.path if path != hopsworks_platform.STANDIN]
    )
    hopsworks_platform.forget_hops()
    with pytest.raises(
        MissingDependencyError,
        match=r"pydoop cannot be imported\. Run in an environment of Hopsworks",
    ):
        find_environment()


def test_the_import_of_hops_does_not_change_logging(platform, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # hops does nothing if there is a handler
    level = root.level
    import_hops("hdfs")
    assert (root.handlers, root.level) == ([], level)


def test_hops_util_can_be_imported_although_notebook_is_missing(platform):
    assert callable(import_hops("util").send_request)
    from hops import util  # as a user does afterwards

    assert util is import_hops("util")


@pytest.mark.slow
def test_off_hopsworks_nothing_of_hops_is_imported(tmp_path):
    code = (
        "import sys, maggy.core.launch as l; l.find_environment(); "
        "print([m for m in sys.modules if 'hops.' in m])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=HANG
    )
    assert process.stdout.strip() == "[]", process.stderr


def test_only_the_environment_knows_hopsworks():
    package = Path(maggy.__file__).parent
    elsewhere = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "hops" in path.read_text(encoding="utf-8").lower() and "environment" not in path.parts
    }
    # The first two mend a user's own import of hops.util, the last lists what can be installed.
    assert elsewhere == {"__init__.py", "common/hops_import.py", "common/extras.py"}


def test_only_extras_bring_packages_of_hopsworks():
    tree = ast.parse((Path(__file__).parents[4] / "setup.py").read_text(encoding="utf-8"))
    keywords = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "install_requires"
    ]
    (requirements,) = [ast.literal_eval(keyword.value) for keyword in keywords]
    assert "pyspark" in str(requirements)
    assert "hops" not in str(requirements)
