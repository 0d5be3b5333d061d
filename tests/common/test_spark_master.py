"""The line while Spark starts names the master that Spark will really use."""

import os

import pytest

from maggy.common import spark_master
from maggy.common.spark_master import (
    available_cores,
    describe_start,
    find_master,
    is_configured,
    local_cores,
)


@pytest.mark.parametrize(
    ("master", "cores"),
    [
        ("local", 1),
        ("local[1]", 1),
        ("local[16]", 16),
        ("local[*]", os.cpu_count()),
        ("local[4, 3]", 4),
        ("local[4 , 3]", 4),
        ("local[*,2]", os.cpu_count()),
        ("local-cluster[2,3,512]", 6),
        ("local-cluster[2, 1, 1024]", 2),
        ("yarn", None),
        ("spark://host:7077", None),
        ("k8s://https://host:443", None),
        ("localhost", None),
        ("", None),
    ],
    ids=str,
)
def test_a_local_master_says_how_many_tasks_it_runs_at_once(master, cores):
    assert local_cores(master) == cores


@pytest.mark.parametrize(
    ("arguments", "master"),
    [
        ("pyspark-shell", "local[*]"),
        ("--master local[3] pyspark-shell", "local[3]"),
        ("--master=yarn pyspark-shell", "yarn"),
        ("--conf spark.master=local[2] pyspark-shell", "local[2]"),
        ("--conf 'spark.master=local[2]' --conf spark.master=local[4] pyspark-shell", "local[4]"),
        ("--conf spark.master=local[2] --master local[5] pyspark-shell", "local[5]"),
        ("--conf spark.master.rest.enabled=true pyspark-shell", "local[*]"),
        ("--properties-file mine.conf pyspark-shell", None),
        ("--name 'no end", None),
    ],
)
def test_the_arguments_of_spark_submit_decide_the_master(arguments, master):
    assert find_master({"PYSPARK_SUBMIT_ARGS": arguments}, None) == master


@pytest.mark.parametrize(
    "line", ["spark.master  yarn", "spark.master=yarn", " spark.master : yarn"]
)
def test_the_file_of_defaults_is_read_in_the_directory_that_spark_reads(tmp_path, line):
    (tmp_path / "conf").mkdir()
    text = f"# spark.master local[9]\nspark.app.name x\n{line}\n"
    (tmp_path / "conf" / "spark-defaults.conf").write_text(text)
    assert find_master({}, str(tmp_path)) == "yarn"
    assert find_master({"SPARK_CONF_DIR": str(tmp_path / "conf"), "MASTER": "x"}, None) == "yarn"
    assert find_master({"SPARK_CONF_DIR": str(tmp_path)}, str(tmp_path)) == "local[*]"
    arguments = "--master local[3] pyspark-shell"
    assert find_master({"PYSPARK_SUBMIT_ARGS": arguments}, str(tmp_path)) == "local[3]"


def test_the_variable_master_counts_last():
    assert find_master({"MASTER": "spark://host:7077"}, None) == "spark://host:7077"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("--master local[2]", "Starting Spark on 2 local cores"),
        ("--master local", "Starting Spark on 1 local core"),
        ("--master yarn", "Starting Spark on yarn"),
        ("--properties-file x", "Starting Spark"),
    ],
)
def test_the_line_says_what_starts(arguments, text):
    assert describe_start({"PYSPARK_SUBMIT_ARGS": arguments}, None) == text


def test_a_container_may_allow_fewer_processors_than_the_machine_has(tmp_path, monkeypatch):
    monkeypatch.setattr(spark_master, "CPU_LIMIT", tmp_path / "cpu.max")
    whole = available_cores()
    assert 1 <= whole <= os.cpu_count()
    for content, cores in [("50000 100000\n", 1), ("max 100000\n", whole), ("", whole)]:
        (tmp_path / "cpu.max").write_text(content)
        assert available_cores() == cores
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert describe_start({}, None) == "Starting Spark on 1 local core"


def test_a_setting_is_configured_by_an_argument_or_in_the_file_of_defaults(tmp_path):
    name = "spark.executorEnv.TF_CPP_MIN_LOG_LEVEL"
    assert not is_configured(name, {}, str(tmp_path))
    arguments = f"--conf {name}=0 pyspark-shell"
    assert is_configured(name, {"PYSPARK_SUBMIT_ARGS": arguments}, None)
    (tmp_path / "spark-defaults.conf").write_text(f"{name} 0\n")
    assert is_configured(name, {"SPARK_CONF_DIR": str(tmp_path)}, None)
