"""A search on executors that have nothing but an environment that venv-pack has packed.

For ``tox -e clusters``. The commands are those of docs/clusters/environment.md.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cluster_examples import check_search, run_example

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PACKAGES = ("scikit-learn", "venv-pack")


def test_a_search_runs_in_a_packed_environment_on_a_standalone_cluster(tmp_path):
    tools, archive = tmp_path / "environment" / "bin", tmp_path / "environment.tar.gz"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    subprocess.run([tools / "pip", "install", "--quiet", ROOT, *PACKAGES], check=True)
    options = ["--prefix", tmp_path / "environment", "--output", archive]
    exclude = ["--exclude", "*/pyspark/jars/*"]
    subprocess.run([tools / "venv-pack", *options, *exclude], check=True)
    out = run_example(
        "standalone.py", tmp_path, sys.executable, arguments=("--archive", str(archive))
    )
    # Not in the environment that was packed, but in the copy of an executor.
    for copy in check_search(out):
        assert copy.endswith("/site-packages/maggy/__init__.py")
        assert "/environment/lib/" in copy
        assert not copy.startswith(str(tmp_path / "environment"))
    assert out.splitlines()[-1] == "The cluster is stopped."
