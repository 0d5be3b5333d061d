"""What ``maggy.json`` says about a call: what it ran with, and no secrets."""

import json
import platform

import pytest

from maggy import OptimizationConfig, Searchspace
from maggy.core.cluster.contract import Cluster
from maggy.core.experiment_record import describe_setup
from maggy.earlystop import Patience
from maggy.experiment_config import LagomConfig
from maggy.tracking import Listener


class Spark(Cluster):
    """A Spark that only has settings."""

    master = "spark://me:hunter2@host:7077"

    def version(self):
        return "4.1.0"

    def settings(self):
        return {
            "spark.app.name": "digits",
            "spark.executorEnv.TOKEN": "hunter2",
            "spark.yarn.appMasterEnv.TOKEN": "hunter2",
            "spark.kubernetes.driverEnv.TOKEN": "hunter2",
            "spark.jars.repositories": "https://me:hunter2@host/maven?key=hunter2",
        }

    run = cancel = slots = None


class SilentSpark(Spark):
    """A Spark that refuses to answer."""

    def version(self):
        raise RuntimeError("no")

    settings = version


SPACE = Searchspace(rate=("DOUBLE", [0.1, 1]))


def test_a_setup_names_versions_and_the_master_and_the_options():
    config = OptimizationConfig(3, "randomsearch", SPACE, es_policy=["median", Patience(5)])
    setup = describe_setup(config, Spark())
    assert setup["python"] == platform.python_version()
    assert setup["packages"]["numpy"]
    assert (setup["spark"]["version"], setup["spark"]["master"]) == (
        "4.1.0",
        "spark://***@host:7077",
    )
    assert setup["spark"]["settings"]["spark.app.name"] == "digits"
    options = setup["config"]
    assert (options["num_trials"], options["optimizer"]) == (3, "randomsearch")
    assert options["es_policy"] == ["median", "Patience"]
    assert json.loads(json.dumps(setup)) == setup


def test_a_setup_shows_no_secrets(monkeypatch):
    class Secretive(Listener):
        token = "hunter2"

        def __repr__(self):
            return "hunter2"

    monkeypatch.setenv("MAGGY_TEST_TOKEN", "hunter2")
    config = LagomConfig(
        log_dir="s3://key:hunter2@bucket/logs",
        listeners=[Secretive()],
        model={"token": "hunter2"},
        dataset=["hunter2"],
    )
    text = json.dumps(describe_setup(config, Spark()))
    assert "hunter2" not in text
    assert '"listeners": ["Secretive"]' in text


@pytest.mark.parametrize("name", ["version", "settings"])
def test_a_spark_that_does_not_answer_costs_only_its_own_facts(name):
    spark = describe_setup(LagomConfig(), SilentSpark())["spark"]
    assert spark[name] in ("", {})
    assert spark["master"] == "spark://***@host:7077"
