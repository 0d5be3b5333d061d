"""What Spark has brought to a task is found there, and its memory can be released."""

import pickle

from pyspark import Broadcast

from maggy.common.spark_files import forget_value, session_file


def test_a_variable_whose_value_was_forgotten_reads_it_again(tmp_path):
    path = tmp_path / "variable"
    path.write_bytes(pickle.dumps(b"content"))
    variable = Broadcast(path=str(path))
    assert variable.value == b"content"
    forget_value(variable)
    assert "_value" not in vars(variable)
    assert variable.value == b"content"


def test_a_value_that_spark_has_decrypted_stays_because_it_cannot_be_read_again(tmp_path):
    path = tmp_path / "socket"
    path.write_bytes(pickle.dumps(b"content"))
    with path.open("rb") as socket:
        variable = Broadcast(sock_file=socket)
    forget_value(variable)
    assert variable.value == b"content"


def test_there_is_no_file_of_a_session_where_spark_does_not_run(monkeypatch):
    from pyspark import SparkFiles

    def fail(*arguments):
        raise RuntimeError("no context")

    monkeypatch.setattr(SparkFiles, "get", fail)
    assert session_file("data") is None
