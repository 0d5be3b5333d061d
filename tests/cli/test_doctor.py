"""``maggy doctor``: what it finds, what it says to do, and that it shows no secret."""

import os
import socket
from pathlib import Path

import pytest

from maggy.cli import driver_checks, executor_checks
from maggy.cli.command_line import main
from maggy.cli.driver_checks import driver_findings, store_finding
from maggy.cli.executor_checks import compare
from maggy.cli.executor_probe import TOKEN_BYTES, java_of_ancestor
from maggy.cli.findings import Finding, findings_text
from maggy.common import java
from maggy.common.exceptions import MissingDependencyError
from maggy.common.files import AnyFiles

FILES = AnyFiles()
TOKEN = b"t" * TOKEN_BYTES


def test_a_remedy_stands_below_its_finding_and_columns_are_aligned():
    findings = [
        Finding("ok", "Java", "17"),
        Finding("problem", "a long topic", "s3://k:s@b cannot be written", "Choose another."),
        Finding("note", "c", "d"),
    ]
    assert findings_text(findings) == (
        "ok       Java          17\n"
        "problem  a long topic  s3://***@b cannot be written\n"
        "         Choose another.\n"
        "note     c             d"
    )


def by_topic(findings):
    return {finding.topic: finding for finding in findings}


def test_the_driver_s_findings_name_versions_and_the_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(driver_checks, "java_path", lambda: "/jdk/bin/java")
    monkeypatch.setattr(driver_checks, "java_version", lambda path: "17.0.9")
    findings = by_topic(driver_findings(FILES, str(tmp_path)))
    assert list(findings) == ["Python", "Maggy", "Spark", "Java", "TensorFlow", "records"]
    assert findings["Java"] == Finding("ok", "Java", "17.0.9 (/jdk/bin/java)")
    assert findings["records"].status == "ok"


@pytest.mark.parametrize(
    ("spark", "release", "status"),
    [("4.0.1", "17.0.9", "ok"), ("4.0.1", "11.0.2", "problem"), ("3.5.3", "11.0.2", "ok"),
     ("3.5.3", "1.7.0_80", "problem"), ("4.0.1", "", "ok")],
)  # fmt: skip
def test_a_java_that_is_too_old_for_this_spark_is_a_problem(
    tmp_path, monkeypatch, spark, release, status
):
    monkeypatch.setattr(driver_checks, "package_version", lambda *names: spark)
    monkeypatch.setattr(driver_checks, "java_path", lambda: "/jdk/bin/java")
    monkeypatch.setattr(driver_checks, "java_version", lambda path: release)
    finding = by_topic(driver_findings(FILES, str(tmp_path)))["Java"]
    assert finding.status == status
    assert bool(finding.remedy) == (status == "problem")


def test_what_is_missing_is_a_problem_with_a_remedy_and_tensorflow_only_a_note(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(driver_checks, "package_version", lambda *names: None)
    monkeypatch.setattr(driver_checks, "java_path", lambda: None)
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    findings = by_topic(driver_findings(FILES, str(tmp_path)))
    assert findings["Spark"].remedy == "Run: pip install pyspark"
    assert findings["Java"].status == "problem"
    assert "JAVA_HOME" in findings["Java"].remedy
    assert findings["TensorFlow"].status == "note"
    monkeypatch.setenv("SPARK_REMOTE", "sc://host")
    assert by_topic(driver_findings(FILES, str(tmp_path)))["Java"].status == "ok"


@pytest.mark.parametrize("place", ["disk", "memory"])
def test_a_store_that_can_be_written_is_left_as_it_was(tmp_path, place):
    root = str(tmp_path) if place == "disk" else "memory://doctor"
    FILES.make_directory(root, exist_ok=True)
    assert store_finding(FILES, root) == Finding("ok", "records", f"{root} can be written")
    assert FILES.list(root) == []
    deeper = f"{root}/not/yet"
    assert store_finding(FILES, deeper).text == f"{deeper} can be written, and will be made"
    assert FILES.list(root) == []


def test_a_store_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("")
    finding = store_finding(FILES, str(tmp_path / "file"))
    assert (finding.status, finding.topic) == ("problem", "records")
    assert "log_dir" in finding.remedy
    assert store_finding(FILES, "nonsense://bucket/logs").status == "problem"


def report(**others):
    import platform

    from maggy.version import __version__

    return {
        "host": "executor-1", "python": platform.python_version(), "executable": "/usr/bin/python",
        "maggy": __version__, "pyspark": "4.0.1", "java": "17.0.9", "tensorflow": None,
        "token": TOKEN.hex(), "error": None, **others,
    }  # fmt: skip


def test_an_executor_like_the_driver_that_reaches_it_is_fine():
    findings = compare(report(), TOKEN, "10.0.0.1:4711")
    assert {finding.status for finding in findings} == {"ok"}
    assert findings[-1].text == "reached at 10.0.0.1:4711"


@pytest.mark.parametrize(
    ("others", "topic", "status", "remedy"),
    [
        ({"python": "3.8.1"}, "Python on executor-1", "problem", "PYSPARK_PYTHON"),
        ({"maggy": "1.1.2"}, "Maggy on executor-1", "note", "same release"),
        ({"token": None, "error": "TimeoutError: x"}, "driver from executor-1", "problem",
         "driver_port"),
        ({"token": "ff" * TOKEN_BYTES}, "driver from executor-1", "problem", "driver_port"),
    ],
)  # fmt: skip
def test_an_executor_that_differs_is_named_with_a_remedy(others, topic, status, remedy):
    bad = [finding for finding in compare(report(**others), TOKEN, "x:1") if finding.remedy]
    (finding,) = bad
    assert (finding.topic, finding.status) == (topic, status)
    assert remedy in finding.remedy


def test_the_java_of_a_task_is_that_of_its_nearest_ancestor(tmp_path):
    jdk = tmp_path / "jdk"
    (jdk / "bin").mkdir(parents=True)
    (jdk / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="17.0.9"\n')
    for pid, parent, program in ((30, 20, "/usr/bin/python"), (20, 10, jdk / "bin" / "java")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "exe").symlink_to(program)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (py) 1 (x) S {parent} 1 1")
    assert java_of_ancestor(30, tmp_path) == "17.0.9"
    assert java_of_ancestor(20, tmp_path) == "17.0.9"
    assert java_of_ancestor(10, tmp_path) is None


@pytest.mark.loopback
def test_the_driver_answers_everybody_with_its_token_and_stops_listening_at_the_end():
    from maggy.cli.executor_probe import probe
    from maggy.core.cluster import TaskInfo

    with executor_checks._listening("127.0.0.1", TOKEN) as port:
        for _ in range(2):
            (answer,) = probe("127.0.0.1", port, TaskInfo(0, 0, []))
            assert (answer["token"], answer["error"]) == (TOKEN.hex(), None)
    (answer,) = probe("127.0.0.1", port, TaskInfo(0, 0, []))
    assert answer["token"] is None
    assert "ConnectionRefusedError" in answer["error"]


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MAGGY_LOG_DIR", str(tmp_path))

    def doctor(*options):
        return main(["doctor", *options]), capsys.readouterr().out

    return doctor


def test_doctor_starts_no_spark_unless_it_is_asked_to(doctor, monkeypatch):
    monkeypatch.setattr(executor_checks, "active_cluster", lambda: pytest.fail("it starts Spark"))
    code, out = doctor()
    assert code == (1 if "problem" in out else 0)
    assert "executors" in out.splitlines()[-1]
    assert "--spark" in out


def test_doctor_is_1_if_there_is_a_problem_and_then_starts_no_spark(doctor, monkeypatch):
    monkeypatch.setattr(driver_checks, "java_path", lambda: None)
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    monkeypatch.setattr(executor_checks, "active_cluster", lambda: pytest.fail("it starts Spark"))
    code, out = doctor("--spark")
    assert code == 1
    assert "not looked at, since this machine has a problem" in out


@pytest.mark.parametrize(
    "root",
    ["s3://key:very-secret@bucket/x?token=very-secret&a=very-secret", "s3://very-secret@bucket"],
)
def test_an_error_that_quotes_a_part_of_a_url_shows_no_secret(root):
    class Refusing(AnyFiles):
        def exists(self, path):
            bucket = root.partition("://")[2]
            raise ValueError(f'Invalid bucket name "{bucket}", of very-secret')

    finding = store_finding(Refusing(), root)
    text = findings_text([finding])
    assert "Invalid bucket name" in text
    assert "very-secret" not in text


def test_doctor_shows_no_value_of_the_environment(doctor, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("MAGGY_LOG_DIR", "nonsense://user:very-secret@bucket/logs?token=very-secret")
    code, out = doctor()
    assert code == 1
    assert "very-secret" not in out
    assert "nonsense://***@bucket/logs?***" in out


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MissingDependencyError("no Java"), "no Java"),
        (
            RuntimeError(
                "An error occurred.\n: org.apache.spark.SparkException: no memory\n\tat x"
            ),
            "SparkException: no memory",
        ),
    ],
)
def test_a_spark_that_does_not_start_is_a_finding(monkeypatch, error, reason):
    def fail():
        raise error

    monkeypatch.setattr(executor_checks, "active_cluster", fail)
    (finding,) = executor_checks.executor_findings()
    assert (finding.status, finding.text) == ("problem", f"Spark does not start: {reason}")


def test_the_java_that_spark_would_start_is_found_and_says_its_version(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "java"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.java_path() is None
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\" 2023-10-17' >&2\n")
    program.chmod(0o755)
    assert java.java_path() == str(program)
    assert java.java_version(str(program)) == "17.0.9"
    assert [java.major_version(text) for text in ("17.0.9", "1.8.0_392", "")] == [17, 8, None]


def test_task_slots_are_counted_when_executors_have_come(monkeypatch):
    class Growing:
        """A standalone cluster: its executors come while the first tasks wait for them."""

        app_id, host, advertised = "app-1", "127.0.0.1", "127.0.0.1"
        session = None
        num_slots = 2

        def slots(self):
            return self.num_slots

        def run(self, group, description, values, task):
            self.num_slots = 8
            return [task(value) for value in values]

    monkeypatch.setattr(executor_checks, "active_cluster", Growing)
    findings = by_topic(executor_checks.executor_findings())
    assert findings["session"].text == "app-1, 8 task slots"


@pytest.mark.slow
def test_the_executors_of_a_real_spark_are_looked_at(spark, monkeypatch):
    # The session belongs to all tests, so it must not end here.
    monkeypatch.setattr(type(spark), "stop", lambda session: None)
    findings = by_topic(executor_checks.executor_findings())
    host = socket.gethostname()
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert findings[f"Java on {host}"].text.startswith("17") or not Path("/proc").exists()
    assert os.path.basename(findings[f"Python on {host}"].text).startswith("python")
