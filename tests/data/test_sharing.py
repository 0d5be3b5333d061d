"""Share tables without Spark: the handle, what travels, what is refused, what is removed."""

import gc
import os
import pickle
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pytest

import maggy.data
from maggy.common.exceptions import BadArgumentsError
from maggy.data import shared_data, sharing

TABLE = pyarrow.table({"x": np.arange(100_000) * 0.5, "name": ["a", "b"] * 50_000})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The temporary directory of these tests, in which no Spark session runs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sharing, "active_session", lambda: None)
    monkeypatch.setattr(shared_data, "active_session", lambda: None)
    return tmp_path


def files_in(folder):
    return sorted(path for path in folder.rglob("*.arrow*"))


def test_the_handle_gives_the_data_where_it_was_made(folder):
    with maggy.data.share(TABLE) as data:
        assert data.arrow().equals(TABLE)
        assert data.numpy("x").sum() == TABLE.column("x").to_numpy().sum()
        assert data.pandas()["name"].tolist()[:2] == ["a", "b"]
        assert repr(data) == "<SharedData: 100000 rows, columns x, name>"
        (file,) = files_in(folder)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert files_in(folder) == []


def test_a_frame_of_pandas_is_shared_without_its_index():
    frame = pandas.DataFrame({"x": [1.5, None], "n": [1, 2]}, index=["first", "second"])
    with maggy.data.share(frame) as data:
        assert data.arrow().column_names == ["x", "n"]
        assert np.array_equal(data.numpy("x"), [1.5, np.nan], equal_nan=True)
        assert data.arrow()["n"].to_pylist() == [1, 2]
        assert data.pandas().index.tolist() == [0, 1]


def test_a_small_reference_travels_and_finds_the_same_file(folder):
    with maggy.data.share(TABLE) as data:
        sent = pickle.dumps(data)
        assert len(sent) < 1_000
        code = (
            "import pickle, sys\n"
            "data = pickle.loads(sys.stdin.buffer.read())\n"
            "again = pickle.loads(pickle.dumps(data))\n"
            "print(again.numpy('x').sum(), data.num_rows, data.column_names)"
        )
        process = subprocess.run(
            [sys.executable, "-c", code], input=sent, capture_output=True, check=True
        )
        assert process.stdout.decode().split("\n")[0] == "2499975000.0 100000 ['x', 'name']"
        assert len(files_in(folder)) == 1


def test_a_handle_that_was_closed_says_so_wherever_it_is_used():
    data = maggy.data.share(TABLE)
    there = pickle.loads(pickle.dumps(data))
    array = data.numpy("x")
    data.close()
    data.close()
    for use in (data.arrow, data.pandas, lambda: data.numpy("x"), lambda: pickle.dumps(data)):
        with pytest.raises(BadArgumentsError, match="were closed and cannot be used any more"):
            use()
    with pytest.raises(BadArgumentsError, match=r"not on this machine\. They were closed, or"):
        there.arrow()
    assert array.sum() == 2499975000.0
    assert repr(data) == "<SharedData: closed, columns x, name>"


def test_closing_a_copy_of_the_handle_closes_only_the_copy():
    with maggy.data.share(TABLE) as data:
        with pickle.loads(pickle.dumps(data)) as copy:
            assert copy.numpy("x")[1] == 0.5
        with pytest.raises(BadArgumentsError, match="were closed"):
            copy.arrow()
        assert data.numpy("x")[1] == 0.5


def test_a_handle_that_nobody_has_any_more_takes_its_file_along(folder):
    data = maggy.data.share(TABLE)
    assert len(files_in(folder)) == 1
    del data
    gc.collect()
    assert files_in(folder) == []


SHARE = """
import os, sys, pyarrow, maggy.data
data = maggy.data.share(pyarrow.table({"x": [1]}))
child = os.fork()
if child == 0:
    sys.exit()
os.waitpid(child, 0)
print(data.numpy("x")[0], os.path.exists(data.arrow() and data._origin.file.path), flush=True)
if sys.argv[1] == "die":
    os.kill(os.getpid(), 9)
"""


def run_share(folder, end):
    env = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.run(
        [sys.executable, "-c", SHARE, end], env=env, capture_output=True, text=True, check=False
    )
    assert process.stdout == "1 True\n", process.stderr


def test_the_end_of_python_removes_the_file_and_the_end_of_a_forked_child_does_not(folder):
    run_share(folder, "exit")
    assert files_in(folder) == []


def test_the_next_driver_removes_what_a_killed_driver_has_left(folder):
    run_share(folder, "die")
    (left,) = files_in(folder)
    with maggy.data.share(TABLE):
        assert left not in files_in(folder)
        assert len(files_in(folder)) == 1


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ([1, 2], "takes a data frame of Spark, a data frame of pandas or .*got builtins.list"),
        ({"x": [1]}, "got builtins.dict. Convert it first"),
        (TABLE.slice(0, 0), "must have rows and columns, but this one has 0 rows and 2 columns"),
        (pandas.DataFrame({"x": []}), "0 rows and 1 columns"),
        (pandas.DataFrame(index=[1, 2]), "0 rows and 0 columns"),
        (pandas.DataFrame({1: [1]}), "must have strings as names, but one is 1"),
        (
            pandas.DataFrame([[1, 2]], columns=["x", "x"]),
            "different names, but 'x' is there 2 times",
        ),
        (
            pandas.DataFrame({"ok": [1, 2], "mixed": ["a", 1]}),
            "cannot hold the column 'mixed'.*Convert its values to one type",
        ),
        (
            pandas.DataFrame({"x": pandas.Series(["\ud800"], dtype=object)}),
            "cannot hold the column 'x'.*surrogates",
        ),
    ],
    ids=[
        "list",
        "dict",
        "no rows",
        "none in pandas",
        "no columns",
        "number",
        "twice",
        "mixed",
        "half",
    ],
)
def test_what_cannot_be_shared_is_refused_before_a_file_is_made(frame, words, folder):
    with pytest.raises(BadArgumentsError, match=words):
        maggy.data.share(frame)
    assert files_in(folder) == []


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"maggy.data.share needs pyarrow.*pip install 'pandas"):
        maggy.data.share([1])


def test_the_file_of_the_same_path_on_another_machine_is_not_taken(folder):
    data = maggy.data.share(TABLE)
    there = pickle.loads(pickle.dumps(data))
    path = Path(data._origin.file.path)
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"other content")
    with pytest.raises(BadArgumentsError, match="not on this machine"):
        there.arrow()


def test_nan_in_a_frame_of_pandas_is_a_number_and_needs_no_copy():
    frame = pandas.DataFrame({"x": [1.0, np.nan], "y": np.array([np.nan, 2], dtype="float32")})
    with maggy.data.share(frame) as data:
        for name in frame.columns:
            assert np.array_equal(data.numpy(name), frame[name], equal_nan=True)
            assert data.numpy(name).dtype == frame[name].dtype
            assert np.shares_memory(data.pandas()[name].to_numpy(), data.numpy(name))
        assert data.pandas().equals(frame)


def test_a_full_disk_is_said_with_what_to_do_and_leaves_nothing(folder):
    code = """
import resource, signal, numpy, pandas, maggy.data
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
maggy.data.share(pandas.DataFrame({"x": numpy.zeros(100_000)}))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ExperimentError: The shared data cannot be written into" in process.stderr
    assert "TMPDIR on the driver" in process.stderr
    assert files_in(folder) == []
