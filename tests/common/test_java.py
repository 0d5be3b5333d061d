"""A missing or old Java is named with the remedy."""

import pytest

from maggy.common.exceptions import MissingDependencyError
from maggy.common.java import java_problem


def java(folder, version):
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("version", "major"), [("1.8.0_392", "8"), ("11.0.21", "11"), ("16", "16")]
)
def test_the_error_for_an_old_java_names_its_version_and_the_remedy(
    tmp_path, monkeypatch, version, major
):
    monkeypatch.setenv("JAVA_HOME", java(tmp_path, version))
    problem = java_problem()
    assert isinstance(problem, MissingDependencyError)
    assert f"is version {major}. Install a newer JDK and set JAVA_HOME" in str(problem)


@pytest.mark.parametrize("version", ["17.0.9", "17", "21.0.1", "25-ea"])
def test_a_java_that_is_new_enough_is_no_problem(tmp_path, monkeypatch, version):
    monkeypatch.setenv("JAVA_HOME", java(tmp_path, version))
    assert java_problem() is None


def test_the_error_for_a_missing_java_says_where_it_was_searched(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert f"JAVA_HOME={tmp_path} has none. Install a JDK" in str(java_problem())
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is none on the PATH. Install a JDK" in str(java_problem())
