"""The environment without a platform, and where it keeps experiments."""

import pytest

from maggy.core.environment import Environment, LocalEnvironment, find_environment


@pytest.fixture
def environment():
    return LocalEnvironment()


def test_without_hopsworks_the_environment_is_the_local_one():
    assert isinstance(find_environment(), LocalEnvironment)
    assert isinstance(find_environment(), Environment)


def test_the_argument_precedes_the_variable_and_the_default_as_root(
    environment, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGGY_LOG_DIR", raising=False)
    assert environment.root() == str(tmp_path / "Experiments")
    monkeypatch.setenv("MAGGY_LOG_DIR", "from_variable")
    assert environment.root() == str(tmp_path / "from_variable")
    assert environment.root("argument") == str(tmp_path / "argument")
    assert environment.root(tmp_path / "a_path") == str(tmp_path / "a_path")


def test_an_empty_variable_counts_as_unset(environment, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAGGY_LOG_DIR", "")
    assert environment.root() == str(tmp_path / "Experiments")


def test_root_keeps_urls_and_expands_the_home_directory(environment, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert environment.root("s3://bucket/x/") == "s3://bucket/x"
    assert environment.root("memory://") == "memory://"
    assert environment.root("file:///data/x") == "/data/x"
    assert environment.root("~/x") == "/home/someone/x"
