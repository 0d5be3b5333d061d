"""A task finds the shared file on its machine, or makes its executor's file once."""

import pickle
import stat
import tempfile

import pytest
from pyspark import Broadcast, SparkFiles

from maggy.common.exceptions import BadArgumentsError, ExperimentError
from maggy.data.reference import Reference, open_file

CONTENT = b"content of an Arrow file"


@pytest.fixture(autouse=True)
def executor(tmp_path, monkeypatch):
    """The own directory of an executor."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "executor"))
    (tmp_path / "executor").mkdir()
    return tmp_path / "executor"


def variable_in_a_task(folder):
    """Return a broadcast variable as Spark makes it in a Python worker."""
    path = folder / "variable"
    path.write_bytes(pickle.dumps(CONTENT))
    return Broadcast(path=str(path))


def test_the_file_of_a_broadcast_variable_is_made_in_the_executors_directory(tmp_path, executor):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable_in_a_task(tmp_path))
    file = open_file(reference)
    path = executor / "maggy-data" / "data.arrow"
    assert file.path == str(path)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_next_trial_takes_the_file_that_is_there_and_does_not_unpickle_the_variable(tmp_path):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable_in_a_task(tmp_path))
    first = open_file(reference)
    (tmp_path / "variable").unlink()
    assert open_file(reference).identity == first.identity


def test_the_process_does_not_keep_the_bytes_and_can_make_the_file_again(tmp_path):
    variable = variable_in_a_task(tmp_path)
    reference = Reference("/none/data.arrow", (0, 0, 0), variable)
    for _ in range(2):
        file = open_file(reference)
        assert "_value" not in vars(variable)
        with open(file.path, "rb") as content:
            assert content.read() == CONTENT
        (tmp_path / "executor" / "maggy-data" / "data.arrow").unlink()


def test_the_file_of_the_sender_is_taken_if_it_is_the_same(tmp_path):
    original = tmp_path / "data.arrow"
    original.write_bytes(CONTENT)
    status = original.stat()
    identity = (status.st_dev, status.st_ino, status.st_size)
    variable = variable_in_a_task(tmp_path)
    assert open_file(Reference(str(original), identity, variable)).path == str(original)
    other = (status.st_dev, status.st_ino + 1, status.st_size)
    assert open_file(Reference(str(original), other, variable)).path != str(original)


def test_a_variable_that_spark_has_forgotten_is_said_in_a_sentence(tmp_path):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable_in_a_task(tmp_path))
    (tmp_path / "variable").unlink()
    with pytest.raises(ExperimentError, match=r"cannot bring the shared data.*If they were closed"):
        open_file(reference)


def test_the_artifact_of_a_connect_session_is_used_itself_with_the_mode_600(tmp_path, monkeypatch):
    (tmp_path / "data.arrow").write_bytes(CONTENT)
    (tmp_path / "data.arrow").chmod(0o755)
    monkeypatch.setattr(SparkFiles, "_root_directory", str(tmp_path))
    monkeypatch.setattr(SparkFiles, "_is_running_on_worker", True)
    file = open_file(Reference("/none/data.arrow", (0, 0, 0), artifact="data.arrow"))
    assert file.path == str(tmp_path / "data.arrow")
    assert stat.S_IMODE((tmp_path / "data.arrow").stat().st_mode) == 0o600
    with pytest.raises(
        BadArgumentsError, match=r"not on this executor.*session that has sent them"
    ):
        open_file(Reference("/none/other.arrow", (0, 0, 0), artifact="other.arrow"))


def test_a_reference_that_did_not_come_through_spark_says_so():
    with pytest.raises(BadArgumentsError, match=r"not on this machine\. They were closed, or this"):
        open_file(Reference("/none/data.arrow", (0, 0, 0)))
