"""The examples on clusters run as on their pages, and leave no process."""

import re
import sys

import pytest
from helpers.cluster_examples import check_search, run_example

pytestmark = pytest.mark.slow


def test_a_search_runs_on_a_standalone_cluster_that_gets_maggy_as_a_zip_file(tmp_path):
    out = run_example("standalone.py", tmp_path, sys.executable)
    copies = check_search(out)
    assert all(copy.endswith("maggy.zip/maggy/__init__.py") for copy in copies)
    assert out.splitlines()[-1] == "The cluster is stopped."


def test_a_search_runs_on_a_local_cluster_of_two_executors(tmp_path):
    command = ("spark-submit", "--master", "local-cluster[2,1,1024]")
    check_search(run_example("search.py", tmp_path, *command))


def test_a_search_runs_through_a_server_of_spark_connect(tmp_path):
    out = run_example("connect.py", tmp_path, sys.executable)
    check_search(out)
    assert "connect-" in re.search(r"^The records are in (.*)$", out, re.MULTILINE)[1]
    assert out.splitlines()[-1] == "The server is stopped."
