"""What lagom does when it starts Spark itself, without Spark: variables, and lines left out."""

import os
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import pytest
from helpers.waiting import wait_until

from maggy.common import spark_start
from maggy.common.spark_start import LOGGING, quiet_java, tidy_python, worker_variables


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("TF_CPP_MIN_LOG_LEVEL", "SPARK_DIST_CLASSPATH", *spark_start.PYSPARK_VARIABLES):
        monkeypatch.delenv(name, raising=False)


def shown_of_java(lines, path, *, is_tensorflow_quiet=True):
    """Have a process that stands for Java write lines; return what comes to standard error.

    It comes to a file, which may be read at any time. pytest's own capture loses what is written
    while it is read.
    """
    code = f"import sys; sys.stderr.buffer.write({lines!r})"
    kept = os.dup(2)
    with open(path, "ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        with quiet_java(is_tensorflow_quiet=is_tensorflow_quiet) as options:
            subprocess.run([sys.executable, "-c", code], check=True, **options)
        last_line = lines.splitlines()[-1] + b"\n"
        wait_until(lambda: path.read_bytes().endswith(last_line))  # the filter may take a moment
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    return path.read_bytes().decode(errors="replace")


def test_tensorflow_is_as_quiet_as_it_can_be_without_hiding_what_matters(monkeypatch):
    monkeypatch.setattr(spark_start, "_has_gpu", lambda: False)
    assert worker_variables({}) == {"TF_CPP_MIN_LOG_LEVEL": "3"}
    monkeypatch.setattr(spark_start, "_has_gpu", lambda: True)
    assert worker_variables({}) == {"TF_CPP_MIN_LOG_LEVEL": "2"}


@pytest.mark.parametrize("level", ["0", "3", ""])
def test_a_level_that_the_user_has_set_stays(level):
    assert worker_variables({"TF_CPP_MIN_LOG_LEVEL": level}) == {}


def test_our_log4j2_file_is_the_last_on_the_class_path_and_only_while_java_starts(monkeypatch):
    with quiet_java(is_tensorflow_quiet=True):
        assert os.environ["SPARK_DIST_CLASSPATH"] == str(LOGGING)
    assert "SPARK_DIST_CLASSPATH" not in os.environ
    monkeypatch.setenv("SPARK_DIST_CLASSPATH", "/hadoop/*")
    with quiet_java(is_tensorflow_quiet=True):
        assert os.environ["SPARK_DIST_CLASSPATH"] == f"/hadoop/*{os.pathsep}{LOGGING}"
    assert os.environ["SPARK_DIST_CLASSPATH"] == "/hadoop/*"


def test_the_log4j2_file_has_the_format_that_log4j2_looks_for_last():
    (file,) = LOGGING.iterdir()
    assert file.name == "log4j2.xml"
    assert ElementTree.parse(file).find("Loggers/Root").get("level") == "error"


@pytest.mark.slow
def test_useless_lines_are_left_out_and_all_others_pass_also_what_is_no_text(tmp_path):
    lines = (
        b"WARNING: Using incubator modules: jdk.incubator.vector\n"
        b"WARNING: All log messages before absl::InitializeLog() is called are written\n"
        b"I0000 00:00:1795739135.716790   29158 port.cc:153] oneDNN custom operations are on.\n"
        b"E0000 00:00:1795739135.716790   29158 cuda.cc:1] no memory\n"
        b"26/11/27 00:25:21 ERROR Executor: Exception in task\n"
        b"\xff\x00 a byte that is no text\n"
        b"the last line has no end"
    )
    assert shown_of_java(lines, tmp_path / "shown") == (
        "E0000 00:00:1795739135.716790   29158 cuda.cc:1] no memory\n"
        "26/11/27 00:25:21 ERROR Executor: Exception in task\n"
        "\ufffd\x00 a byte that is no text\n"
        "the last line has no end\n"
    )


@pytest.mark.slow
def test_lines_of_tensorflow_pass_if_the_user_has_set_its_level(tmp_path):
    lines = b"I0000 00:00:1 1 port.cc:153] oneDNN\nthe end\n"
    shown = shown_of_java(lines, tmp_path / "shown", is_tensorflow_quiet=False)
    assert shown == lines.decode()


@pytest.mark.slow
@pytest.mark.parametrize("grep", ["#!/bin/sh\nexit 2\n", None], ids=["old", "missing"])
def test_with_a_grep_that_cannot_do_it_everything_passes(monkeypatch, tmp_path, grep):
    for name in ("sh", "cat"):
        path = subprocess.check_output(["sh", "-c", f"command -v {name}"], text=True).strip()
        (tmp_path / name).symlink_to(path)
    if grep is not None:
        (tmp_path / "grep").write_text(grep)
        (tmp_path / "grep").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    lines = b"WARNING: Using incubator modules: x\nthe end\n"
    assert shown_of_java(lines, tmp_path / "shown") == lines.decode()


@pytest.mark.slow
def test_without_a_shell_java_writes_as_it_always_does(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with quiet_java(is_tensorflow_quiet=True) as options:
        assert options == {}


@pytest.mark.slow
def test_the_last_lines_of_a_java_that_does_not_start_come_before_the_error(capfd):
    code = "import sys; sys.stderr.write('no memory\\n'); sys.exit(1)"
    with (
        pytest.raises(subprocess.CalledProcessError),
        quiet_java(is_tensorflow_quiet=True) as options,
    ):
        subprocess.run([sys.executable, "-c", code], check=True, **options)
    assert capfd.readouterr().err == "no memory\n"


def test_python_is_left_as_it_was(monkeypatch):
    before = dict(os.environ)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with tidy_python({"PYSPARK_PYTHON": "python"}):
            assert os.environ["PYSPARK_PYTHON"] == "python"
            os.environ["SPARK_AUTH_SOCKET_TIMEOUT"] = "15"  # as pyspark does
            exec("import warnings; warnings.warn('old', FutureWarning)", {"__name__": "pyspark.x"})
            exec("import warnings; warnings.warn('mine', FutureWarning)", {"__name__": "mine"})
    assert dict(os.environ) == before
    assert [str(warning.message) for warning in caught] == ["mine"]


def test_a_variable_of_pyspark_stays_if_it_says_what_the_user_has_configured():
    with tidy_python({}):
        os.environ["SPARK_BUFFER_SIZE"] = "1"
    assert os.environ.pop("SPARK_BUFFER_SIZE") == "1"
