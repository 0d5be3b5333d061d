"""If something is missing, the user sees one sentence with the remedy, and no trial is spent."""

import os
import subprocess
import sys
import textwrap

import pytest

from maggy import Searchspace, experiment
from maggy.ablation import AblationStudy
from maggy.common.exceptions import BadArgumentsError, ExperimentError, MissingDependencyError
from maggy.experiment_config import AblationConfig, OptimizationConfig

pytestmark = pytest.mark.slow

PLAIN = """
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig
space = Searchspace(x=("DOUBLE", [0, 1]))
experiment.lagom(lambda x: x, OptimizationConfig(2, "randomsearch", space))
"""


def last_line(code, cwd, **environment):
    """Return the last line of a script's error output."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("JAVA_HOME", "PYSPARK_PYTHON")
    }
    script = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert script.returncode != 0
    return script.stderr.strip().splitlines()[-1]


def test_no_java(tmp_path):
    line = last_line(PLAIN, tmp_path, JAVA_HOME="/nowhere")
    assert line.startswith(
        "maggy.core.exceptions.MissingDependencyError: Spark needs Java 17 or newer"
    )
    assert "JAVA_HOME=/nowhere" in line
    assert "Install a JDK" in line


def test_an_old_java(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\nexit 1\n")
    java.chmod(0o755)
    line = last_line(PLAIN, tmp_path, JAVA_HOME=str(tmp_path))
    assert "Spark 4 needs Java 17 or newer, but" in line
    assert "is version 8" in line


def test_no_pyspark(tmp_path):
    line = last_line("import sys\nsys.modules['pyspark.sql'] = None\n" + PLAIN, tmp_path)
    assert line.endswith("pyspark cannot be imported. Run: pip install pyspark")


def test_an_unknown_optimizer_names_the_known_ones_and_the_closest():
    with pytest.raises(BadArgumentsError, match=r"randomsearch[\s\S]*Did you mean 'randomsearch'"):
        OptimizationConfig(2, "randomserch", Searchspace(x=("DOUBLE", [0, 1])))


def test_a_module_that_the_executors_lack(spark, experiments, tmp_path, monkeypatch):
    (tmp_path / "only_on_the_driver.py").write_text("def train(x):\n    return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from only_on_the_driver import train

    with pytest.raises(ExperimentError, match=r"No module named 'only_on_the_driver'.*addPyFile"):
        experiment.lagom(
            train, OptimizationConfig(2, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])))
        )


def test_no_tensorflow_on_the_executors(spark, experiments):
    def base_model():
        import sys

        sys.modules["tensorflow"] = (
            None  # this is what the import does on an executor without Maggy
        )
        try:
            import tensorflow as tf
        finally:
            del sys.modules["tensorflow"]
        return tf.keras.Sequential()

    study = AblationStudy("nowhere", dataset_generator=lambda num_epochs, batch_size: None)
    study.model.set_base_model_generator(base_model)
    study.model.layers.include("a")
    with pytest.raises(MissingDependencyError, match="pip install 'tensorflow>="):
        experiment.lagom(lambda dataset_function, model_function: 1, AblationConfig(study))
