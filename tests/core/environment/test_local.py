"""The local environment on a real disk and on fsspec's memory file system."""

import os
import threading
import uuid
from contextlib import suppress
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from maggy.core.environment import Environment, LocalEnvironment, find_environment
from maggy.core.exceptions import MissingDependencyError


@pytest.fixture(params=["disk", "memory"])
def place(request, tmp_path):
    if request.param == "disk":
        yield str(tmp_path)
        return
    url = f"memory://{uuid.uuid4().hex}"
    yield url
    files = MemoryFileSystem()
    if files.exists(url):
        files.rm(url, recursive=True)


@pytest.fixture
def environment():
    return LocalEnvironment()


def test_the_environment_off_hopsworks_is_the_local_one():
    assert isinstance(find_environment(), LocalEnvironment)
    assert isinstance(find_environment(), Environment)


def test_root_is_what_the_user_asks_for_before_the_variable_and_the_default(environment, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGGY_LOG_DIR", raising=False)
    assert environment.root() == str(tmp_path / "Experiments")
    monkeypatch.setenv("MAGGY_LOG_DIR", "from_variable")
    assert environment.root() == str(tmp_path / "from_variable")
    assert environment.root("asked") == str(tmp_path / "asked")
    assert environment.root(tmp_path / "a_path") == str(tmp_path / "a_path")


def test_an_empty_variable_counts_as_not_set(environment, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAGGY_LOG_DIR", "")
    assert environment.root() == str(tmp_path / "Experiments")


def test_root_leaves_urls_as_they_are_and_expands_the_home_directory(environment, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert environment.root("s3://bucket/x/") == "s3://bucket/x"
    assert environment.root("memory://") == "memory://"
    assert environment.root("file:///data/x") == "/data/x"
    assert environment.root("~/x") == "/home/someone/x"


def test_join_makes_one_path(environment):
    assert environment.join("/a", "b", "c") == "/a/b/c"
    assert environment.join("s3://a/", "b", "c") == "s3://a/b/c"
    assert environment.join("memory://", "b") == "memory://b"


def test_written_bytes_are_read_back_and_replaced(environment, place):
    path = environment.join(place, "file")
    environment.make_directory(place, exist_ok=True)
    for atomic in (True, False):
        environment.write_bytes(path, b"a longer text", atomic)
        environment.write_bytes(path, b"short", atomic)
        assert environment.read_bytes(path) == b"short"
    assert environment.list(place) == ["file"]


def test_appending_makes_the_file_and_adds_to_it(environment, place):
    path = environment.join(place, "log")
    environment.make_directory(place, exist_ok=True)
    environment.append_bytes(path, b"one\n")
    environment.append_bytes(path, b"two\n")
    assert environment.read_bytes(path) == b"one\ntwo\n"


def test_appending_rewrites_where_the_file_system_cannot_append(environment, monkeypatch):
    class NoAppend(MemoryFileSystem):
        def open(self, path, mode="rb", **kwargs):
            if "a" in mode:
                raise NotImplementedError
            return super().open(path, mode, **kwargs)

    monkeypatch.setattr("maggy.core.environment.local._remote", lambda url: (NoAppend(), "/" + url.split("://")[1]))
    url = f"memory://{uuid.uuid4().hex}/log"
    environment.append_bytes(url, b"one\n")
    environment.append_bytes(url, b"two\n")
    assert environment.read_bytes(url) == b"one\ntwo\n"
    environment.remove(url)


def test_a_directory_is_made_once_unless_it_may_exist(environment, place):
    path = environment.join(place, "a", "b")
    environment.make_directory(path)
    assert environment.exists(path)
    with pytest.raises(FileExistsError):
        environment.make_directory(path)
    environment.make_directory(path, exist_ok=True)


def test_a_file_in_the_place_of_a_directory_is_an_error(environment, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        environment.make_directory(str(tmp_path / "file"), exist_ok=True)


def test_list_gives_sorted_names_and_nothing_for_a_missing_directory(environment, place):
    for name in ("b", "a", "c"):
        environment.make_directory(environment.join(place, name))
    assert environment.list(place) == ["a", "b", "c"]
    assert environment.list(environment.join(place, "missing")) == []


def test_a_missing_file_is_the_same_error_everywhere(environment, place):
    environment.make_directory(place, exist_ok=True)
    path = environment.join(place, "missing")
    assert not environment.exists(path)
    with pytest.raises(FileNotFoundError):
        environment.read_bytes(path)
    environment.remove(path)


def test_rename_moves_a_directory_with_what_is_in_it(environment, place):
    environment.make_directory(environment.join(place, "old"))
    environment.write_bytes(environment.join(place, "old", "file"), b"x")
    environment.rename(environment.join(place, "old"), environment.join(place, "new"))
    assert environment.list(place) == ["new"]
    assert environment.read_bytes(environment.join(place, "new", "file")) == b"x"


def test_remove_takes_a_file_away(environment, place):
    environment.make_directory(place, exist_ok=True)
    environment.write_bytes(environment.join(place, "file"), b"x")
    environment.remove(environment.join(place, "file"))
    assert environment.list(place) == []


def test_an_atomic_write_that_fails_leaves_the_old_content_and_no_temporary_file(environment, tmp_path, monkeypatch):
    path = tmp_path / "file"
    environment.write_bytes(str(path), b"old")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        environment.write_bytes(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_url_without_its_package_names_the_package(environment):
    with pytest.raises(MissingDependencyError, match="gs:// needs a package"):
        environment.exists("gs://bucket/x")


class CutOff(MemoryFileSystem):
    """As HDFS, whose files stay open after a write that was cut off; in memory, but no object store."""

    protocol = "cutoff"
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    open_files: ClassVar = set()

    def _open(self, path, mode="rb", **options):
        if mode == "ab" and path in self.open_files:
            raise FileExistsError(f"{path} has a lease holder already")
        if mode == "wb":
            self.open_files.discard(path)
        return super()._open(path, mode, **options)

    def mv(self, path, new_path, **options):
        super().mv(path, new_path, **options)
        self.open_files.discard(path)


@pytest.mark.parametrize("written", [b"", b"before\n"])
def test_a_file_that_a_cut_off_write_left_open_is_gone_on_with_in_a_new_one(written):
    fsspec.register_implementation("cutoff", CutOff, clobber=True)
    environment, log = LocalEnvironment(), "cutoff://logs/output.log"
    environment.write_bytes(log, written, atomic=False)
    CutOff.open_files.update(CutOff.store)
    with pytest.raises(FileExistsError), fsspec.open(log, "ab"):
        pass
    environment.append_bytes(log, b"after\n")
    environment.append_bytes(log, b"more\n")
    assert environment.read_bytes(log) == b"after\nmore\n"
    kept = [name for name in environment.list("cutoff://logs") if name != "output.log"]
    assert [environment.read_bytes(f"cutoff://logs/{name}") for name in kept] == [written] * bool(written)
    assert kept == ["output.log.cut-1"] * bool(written)
    CutOff.store.clear()


def test_a_file_that_must_be_new_is_created_once(environment, place):
    environment.make_directory(place, exist_ok=True)
    path = environment.join(place, "file")
    environment.create_bytes(path, b"first")
    with pytest.raises(FileExistsError):
        environment.create_bytes(path, b"second")
    assert environment.read_bytes(path) == b"first"
    assert environment.list(place) == ["file"]


def test_a_file_that_must_be_new_is_created_once_where_there_are_no_links(environment, tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = str(tmp_path / "file")
    environment.create_bytes(path, b"first")
    with pytest.raises(FileExistsError):
        environment.create_bytes(path, b"second")
    assert environment.read_bytes(path) == b"first"
    assert environment.list(str(tmp_path)) == ["file"]


def test_a_file_is_created_by_one_of_those_who_want_it_at_once(environment, place):
    environment.make_directory(place, exist_ok=True)
    ready, created = threading.Barrier(8, timeout=60), []

    def create(number):
        ready.wait()
        with suppress(FileExistsError):
            environment.create_bytes(environment.join(place, "file"), b"%d" % number)
            created.append(b"%d" % number)

    threads = [threading.Thread(target=create, args=[number], daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert created == [environment.read_bytes(environment.join(place, "file"))]


class NoReplacement(MemoryFileSystem):
    """As HDFS, which does not rename onto a file; in memory, but no object store. May be killed before a step."""

    protocol = "noreplacement"
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    steps_left: ClassVar = [1000]

    @classmethod
    def step(cls):
        cls.steps_left[0] -= 1
        if cls.steps_left[0] < 0:
            raise KeyboardInterrupt("killed")

    def pipe_file(self, path, value, **options):
        self.step()
        super().pipe_file(path, value, **options)

    def mv(self, path, new_path, **options):
        self.step()
        if self.exists(new_path):
            raise FileExistsError(new_path)
        super().mv(path, new_path)

    def rm_file(self, path):
        self.step()
        super().rm_file(path)


@pytest.fixture
def no_replacement():
    fsspec.register_implementation("noreplacement", NoReplacement, clobber=True)
    yield NoReplacement
    NoReplacement.store.clear()
    NoReplacement.steps_left[0] = 1000


@pytest.mark.parametrize("steps", range(6))
def test_a_replacement_that_is_cut_off_anywhere_leaves_the_old_content_or_the_new(environment, no_replacement, steps):
    path = "noreplacement://app_1/trial.json"
    environment.write_bytes(path, b"old")
    no_replacement.steps_left[0] = steps
    with suppress(KeyboardInterrupt):
        environment.write_bytes(path, b"new")
    no_replacement.steps_left[0] = 1000
    assert environment.exists(path)
    assert environment.read_bytes(path) in (b"old", b"new")
    environment.remove_temporary("noreplacement://app_1")
    environment.write_bytes(path, b"newer")
    assert environment.read_bytes(path) == b"newer"
    environment.remove(path)
    assert not environment.exists(path)


def test_a_cut_off_write_s_temporary_files_are_removed_and_no_others(environment, no_replacement):
    for name in (".trial.json.0123abcd.tmp", "trial.json", "sub.tmp", "deeper/.trial.json.0123abcd.tmp"):
        environment.write_bytes(f"noreplacement://app_1/t/{name}", b"", atomic=False)
    environment.remove_temporary("noreplacement://app_1")
    assert environment.list("noreplacement://app_1/t") == ["deeper", "sub.tmp", "trial.json"]
    assert environment.list("noreplacement://app_1/t/deeper") == [".trial.json.0123abcd.tmp"]
