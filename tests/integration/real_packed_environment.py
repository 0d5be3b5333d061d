"""A search on executors that have nothing but an environment that venv-pack has packed.

For ``tox -e clusters``. The commands are those of docs/clusters/environment.md, and the session of
a notebook is that of docs/clusters/standalone.md.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cluster_examples import check_search, run_example
from helpers.standalone_cluster import StandaloneCluster
from helpers.waiting import PROCESS_SECONDS, process

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PACKAGES = ("scikit-learn", "venv-pack")


PAGE = ROOT / "docs" / "clusters" / "standalone.md"
SEARCH = """
from maggy import OptimizationConfig, Searchspace, experiment


def train(x):
    import maggy

    print("MAGGY", maggy.__file__)
    return x


config = OptimizationConfig(2, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), num_workers=2)
result = experiment.lagom(train, config)
print("FAILED", result["failed"])
"""
"""What a notebook might run in the session."""


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder with an environment, and the archive into which it is packed."""
    folder = tmp_path_factory.mktemp("packed")
    tools, archive = folder / "environment" / "bin", folder / "environment.tar.gz"
    subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
    subprocess.run([tools / "pip", "install", "--quiet", ROOT, *PACKAGES], check=True)
    options = ["--prefix", folder / "environment", "--output", archive]
    exclude = ["--exclude", "*/pyspark/jars/*"]
    subprocess.run([tools / "venv-pack", *options, *exclude], check=True)
    return folder


def test_a_search_runs_in_a_packed_environment_on_a_standalone_cluster(packed, tmp_path):
    archive = packed / "environment.tar.gz"
    out = run_example(
        "standalone.py", tmp_path, sys.executable, arguments=("--archive", str(archive))
    )
    # Not in the environment that was packed, but in the copy of an executor.
    for copy in check_search(out):
        assert copy.endswith("/site-packages/maggy/__init__.py")
        assert "/environment/lib/" in copy
        assert not copy.startswith(str(packed / "environment"))
    assert out.splitlines()[-1] == "The cluster is stopped."


def test_the_session_of_a_notebook_gets_the_packed_environment(packed, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```py\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    program = tmp_path / "notebook.py"
    with StandaloneCluster(tmp_path, memory="1g") as cluster:
        session = block.replace("spark://<master>:7077", cluster.url)
        assert session != block
        program.write_text(session + SEARCH + "spark.stop()\n", encoding="utf-8")
        command = [str(packed / "environment" / "bin" / "python"), str(program)]
        with process(command, cwd=packed, stdout=subprocess.PIPE, text=True) as notebook:
            out, _ = notebook.communicate(timeout=PROCESS_SECONDS)
        assert notebook.returncode == 0
    assert "FAILED 0" in out
    copies = re.findall(r"MAGGY (\S+)", out)
    assert len(copies) == 2
    for copy in copies:
        assert "/environment/lib/" in copy
        assert not copy.startswith(str(packed))
