"""Several processes make one file, nobody else can read it, and what nobody uses is removed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from maggy.common.exceptions import ExperimentError
from maggy.data import private_files
from maggy.data.private_files import LockedFile, PrivateFiles

MAKE = """
import sys, time
from pathlib import Path
from maggy.data.private_files import PrivateFiles

folder, start = Path(sys.argv[1]), Path(sys.argv[2])
files = PrivateFiles(folder)
def write(file):
    with open(folder.parent / "made", "a") as marks:
        marks.write("x")
    for _ in range(20):
        file.write(b"0123456789" * 1000)
        file.flush()
        time.sleep(0.01)
print("ready", flush=True)
while not start.exists():
    pass
file = files.open("data.arrow", write)
print(Path(file.path).stat().st_size, file.identity[1], flush=True)
sys.stdin.read()
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def write(file):
    file.write(b"content")


@pytest.fixture
def files(tmp_path):
    return PrivateFiles(tmp_path / "files")


def names(files):
    return sorted(path.name for path in files.directory.iterdir() if path.name != "lock")


def test_processes_that_start_at_the_same_time_make_one_file(tmp_path):
    processes = [start(MAKE, tmp_path / "files", tmp_path / "start") for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    (tmp_path / "start").touch()
    lines = {process.stdout.readline() for process in processes}
    for process in processes:
        process.communicate(timeout=60)
    assert len(lines) == 1
    assert lines.pop().split()[0] == "200000"
    assert (tmp_path / "made").read_text() == "x"
    assert sorted(os.listdir(tmp_path / "files")) == ["data.arrow", "lock"]


def test_only_its_user_can_enter_the_directory_and_read_the_file(files):
    previous = os.umask(0)
    try:
        file = files.open("a", write)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700


def test_a_directory_that_others_can_enter_or_that_is_a_link_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o700)
    PrivateFiles(folder)
    folder.chmod(0o755)
    with pytest.raises(ExperimentError, match=r"mode 700, but .*open does not\. Remove it"):
        PrivateFiles(folder)
    folder.chmod(0o700)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ExperimentError, match="mode 700"):
        PrivateFiles(tmp_path / "link")
    with pytest.raises(ExperimentError, match="cannot be made"):
        PrivateFiles(tmp_path / "none" / "folder")


def test_a_file_that_could_not_be_written_is_not_there(files):
    def fail(file):
        file.write(b"half")
        raise OSError("the disk is full")

    with pytest.raises(ExperimentError, match=r"into .*: the disk is full\. Make room"):
        files.open("a", fail)
    assert names(files) == []
    file = files.open("a", write)
    assert Path(file.path).read_bytes() == b"content"


def test_what_nobody_uses_is_removed_when_the_next_file_is_made(files):
    used, unused = files.open("used", write), files.open("unused", write)
    unused.close()
    (files.directory / "half.partial").write_bytes(b"of a process that was killed")
    kept = files.open("next", write)
    assert names(files) == ["next", "used"]
    assert (used.path, kept.path) != ("", "")


HOLD = """
import sys
from pathlib import Path
from maggy.data.private_files import PrivateFiles
file = PrivateFiles(Path(sys.argv[1])).open(sys.argv[2], lambda file: file.write(b"content"))
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_file_of_another_process_is_removed_only_after_that_has_died(files):
    holder = start(HOLD, files.directory, "theirs")
    assert holder.stdout.readline() == "ready\n"
    first = files.open("first", write)
    assert names(files) == ["first", "theirs"]
    holder.kill()
    holder.communicate(timeout=60)
    second = files.open("second", write)
    assert names(files) == ["first", "second"]
    assert first.path != second.path


DIE = """
import os, sys
from pathlib import Path
from maggy.data.private_files import PrivateFiles
def write(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
PrivateFiles(Path(sys.argv[1])).open("a", write)
"""


def test_a_process_that_is_killed_while_it_writes_is_followed_by_the_next(files):
    start(DIE, files.directory).communicate(timeout=60)
    assert names(files) == ["a.partial"]
    file = files.open("a", write)
    assert Path(file.path).read_bytes() == b"content"
    assert names(files) == ["a"]


def test_a_file_that_is_removed_between_its_opening_and_its_lock_counts_as_missing(
    files, monkeypatch
):
    path = files.open("a", write).path
    lock = private_files.fcntl.flock

    def remove_first(descriptor, operation):
        os.unlink(path)
        lock(descriptor, operation)

    monkeypatch.setattr(private_files.fcntl, "flock", remove_first)
    assert LockedFile.open(path) is None


def test_the_files_of_an_executor_lie_in_sparks_own_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path / 'none'},{tmp_path}")
    assert PrivateFiles.of_this_executor().directory == tmp_path / "maggy-data"
    monkeypatch.delenv("SPARK_LOCAL_DIRS")
    assert PrivateFiles.of_this_executor().directory == PrivateFiles.of_this_user().directory
