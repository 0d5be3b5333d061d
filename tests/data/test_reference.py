"""A task finds the shared file on its machine, or makes its executor's file once."""

import io
import pickle
import stat
import sys
import tempfile

import pyarrow
import pytest
from pyspark import Broadcast, SparkFiles

from maggy.common.exceptions import BadArgumentsError, ExperimentError
from maggy.data.arrow_file import write_table
from maggy.data.reference import Reference, open_file
from maggy.data.shared_data import SharedData

CONTENT = b"content of an Arrow file"
FIND = (sys.modules[Broadcast.__module__]._from_id, (7,))
"""What Spark pickles in place of a broadcast variable."""


@pytest.fixture(autouse=True)
def executor(tmp_path, monkeypatch):
    """The own directory of an executor."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "executor"))
    (tmp_path / "executor").mkdir()
    return tmp_path / "executor"


@pytest.fixture
def registry(monkeypatch):
    """The broadcast variables of a task."""
    variables = {}
    monkeypatch.setattr(sys.modules[Broadcast.__module__], "_broadcastRegistry", variables)
    return variables


@pytest.fixture
def variable(registry, tmp_path):
    """A broadcast variable as Spark brings it to a Python worker."""
    (tmp_path / "variable").write_bytes(pickle.dumps(CONTENT))
    registry[7] = Broadcast(path=str(tmp_path / "variable"))
    return FIND


def test_the_file_of_a_broadcast_variable_is_made_in_the_executors_directory(variable, executor):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable)
    file = open_file(reference)
    path = executor / "maggy-data" / "data.arrow"
    assert file.path == str(path)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_next_trial_takes_the_file_that_is_there_and_does_not_read_the_variable(
    variable, tmp_path
):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable)
    first = open_file(reference)
    (tmp_path / "variable").unlink()
    assert open_file(reference).identity == first.identity


def test_the_process_does_not_keep_the_bytes_and_can_make_the_file_again(
    variable, registry, tmp_path
):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable)
    for _ in range(2):
        file = open_file(reference)
        assert "_value" not in vars(registry[7])
        with open(file.path, "rb") as content:
            assert content.read() == CONTENT
        (tmp_path / "executor" / "maggy-data" / "data.arrow").unlink()


def test_the_file_of_the_sender_is_taken_if_it_is_the_same(variable, tmp_path):
    original = tmp_path / "data.arrow"
    original.write_bytes(CONTENT)
    status = original.stat()
    identity = (status.st_dev, status.st_ino, status.st_size)
    assert open_file(Reference(str(original), identity, variable)).path == str(original)
    other = (status.st_dev, status.st_ino + 1, status.st_size)
    assert open_file(Reference(str(original), other, variable)).path != str(original)


def test_a_handle_in_a_task_can_be_sent_to_the_trials_own_processes(variable, tmp_path, executor):
    with (tmp_path / "variable").open("wb") as file:
        content = io.BytesIO()
        write_table(pyarrow.table({"x": [1, 2]}), content)
        pickle.dump(content.getvalue(), file)
    data = SharedData(Reference("/none/data.arrow", (0, 0, 0), variable), 2, ["x"])
    copy = pickle.loads(pickle.dumps(data))
    assert copy.numpy("x").tolist() == [1, 2]
    assert len(list(executor.rglob("*.arrow*"))) == 1


def test_a_variable_that_spark_has_forgotten_is_said_in_a_sentence(variable, tmp_path):
    reference = Reference("/none/data.arrow", (0, 0, 0), variable)
    (tmp_path / "variable").unlink()
    with pytest.raises(ExperimentError, match=r"cannot bring the shared data.*If they were closed"):
        open_file(reference)


def test_a_process_that_is_no_task_of_spark_reads_the_file_and_not_the_variable(registry, tmp_path):
    original = tmp_path / "data.arrow"
    original.write_bytes(CONTENT)
    status = original.stat()
    identity = (status.st_dev, status.st_ino, status.st_size)
    reference = Reference(str(original), identity, FIND)
    assert not registry
    assert open_file(pickle.loads(pickle.dumps(reference))).path == str(original)
    original.unlink()
    with pytest.raises(ExperimentError, match=r"cannot bring the shared data to this"):
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
