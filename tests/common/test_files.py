"""One contract for files on a real disk, in fsspec's memory, and in a stand-in for HopsFS."""

import os
import threading
import uuid
from contextlib import suppress
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from helpers import hopsworks_platform

from maggy.common.exceptions import MissingDependencyError
from maggy.common.files import AnyFiles
from maggy.core.environment.hopsworks.files import HopsFiles


@pytest.fixture(params=["disk", "memory", "hopsfs_standin"])
def place(request, tmp_path):
    """A directory on each kind of place.

    HopsFS is a stand-in for pydoop over a folder on the disk, below the real package hops. It
    imitates two traits of HDFS: a rename is one step, and never replaces a file.
    """
    if request.param == "disk":
        yield str(tmp_path)
    elif request.param == "memory":
        url = f"memory://{uuid.uuid4().hex}"
        yield url
        files = MemoryFileSystem()
        if files.exists(url):
            files.rm(url, recursive=True)
    else:
        yield request.getfixturevalue("hopsfs_standin")


@pytest.fixture
def hopsfs_standin(tmp_path, monkeypatch):
    """Return a directory in the stand-in for HopsFS."""
    _, server = hopsworks_platform.set_up(tmp_path, monkeypatch)
    yield "hdfs:///Projects/demo/Experiments/files"
    server.shutdown()
    server.server_close()
    hopsworks_platform.forget_hops()


@pytest.fixture
def files():
    return AnyFiles({"hdfs": HopsFiles()})


def test_join_makes_one_path(files):
    assert files.join("/a", "b", "c") == "/a/b/c"
    assert files.join("s3://a/", "b", "c") == "s3://a/b/c"
    assert files.join("memory://", "b") == "memory://b"


def test_written_bytes_are_read_back_and_replaced(files, place):
    path = files.join(place, "file")
    files.make_directory(place, exist_ok=True)
    for atomic in (True, False):
        files.write_bytes(path, b"a longer text", atomic)
        files.write_bytes(path, b"short", atomic)
        assert files.read_bytes(path) == b"short"
    assert files.list(place) == ["file"]


def test_appending_makes_the_file_and_adds_to_it(files, place):
    path = files.join(place, "log")
    files.make_directory(place, exist_ok=True)
    files.append_bytes(path, b"one\n")
    files.append_bytes(path, b"two\n")
    assert files.read_bytes(path) == b"one\ntwo\n"


def test_appending_rewrites_where_the_file_system_cannot_append(files, monkeypatch):
    class NoAppend(MemoryFileSystem):
        def open(self, path, mode="rb", **kwargs):
            if "a" in mode:
                raise NotImplementedError
            return super().open(path, mode, **kwargs)

    monkeypatch.setattr(
        "maggy.common.files.url.open_url", lambda url: (NoAppend(), "/" + url.split("://")[1])
    )
    url = f"memory://{uuid.uuid4().hex}/log"
    files.append_bytes(url, b"one\n")
    files.append_bytes(url, b"two\n")
    assert files.read_bytes(url) == b"one\ntwo\n"
    files.remove(url)


def test_only_an_object_store_cannot_append(files, place):
    assert files.can_append(f"{place}/log") is not place.startswith("memory:")
    assert not files.can_append("s3://bucket/log")


def test_the_end_of_a_file_is_read_alone(files, place):
    files.make_directory(place, exist_ok=True)
    files.write_bytes(f"{place}/log", b"0123456789")
    for count in (1, 9, 10, 11):
        assert files.read_end_inside(place, "log", count) == b"0123456789"[-count:]
    with pytest.raises(FileNotFoundError):
        files.read_end_inside(place, "missing", 1)


def test_a_directory_is_made_once_unless_it_may_exist(files, place):
    path = files.join(place, "a", "b")
    files.make_directory(path)
    assert files.exists(path)
    with pytest.raises(FileExistsError):
        files.make_directory(path)
    files.make_directory(path, exist_ok=True)


def test_a_file_in_the_place_of_a_directory_is_an_error(files, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        files.make_directory(str(tmp_path / "file"), exist_ok=True)


def test_list_returns_sorted_names_and_none_for_a_missing_directory(files, place):
    for name in ("b", "a", "c"):
        files.make_directory(files.join(place, name))
    assert files.list(place) == ["a", "b", "c"]
    assert files.list(files.join(place, "missing")) == []


def test_a_missing_file_is_the_same_error_everywhere(files, place):
    files.make_directory(place, exist_ok=True)
    path = files.join(place, "missing")
    assert not files.exists(path)
    with pytest.raises(FileNotFoundError):
        files.read_bytes(path)
    files.remove(path)


def test_a_path_of_a_user_becomes_a_full_path(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/alice")
    for path in ("/a/b", "/a/b/", "file:/a/b", "file:///a/b", "file:///a/./b/"):
        assert files.resolve(path) == "/a/b"
    assert files.resolve("a") == files.resolve("file://a") == str(tmp_path / "a")
    assert files.resolve("file:a") == str(tmp_path / "file:a")
    assert files.resolve("~/a") == "/home/alice/a"
    assert files.resolve("s3://bucket/a/") == "s3://bucket/a"
    assert files.resolve("memory://") == "memory://"
    assert files.resolve("hdfs://namenode:8020/a/") == "hdfs://namenode:8020/a"


def test_a_path_of_a_user_without_a_scheme_may_lie_in_hopsfs(hopsfs_standin):
    hopsfs = HopsFiles()
    files = AnyFiles({"hdfs": hopsfs}, home=hopsfs)
    assert files.resolve("a/") == "hdfs://namenode:8020/Projects/demo/a"
    assert files.resolve("/Projects/x/a") == "hdfs://namenode:8020/Projects/x/a"
    assert files.resolve("file:/x/a") == "/x/a"
    assert files.resolve("s3://bucket/") == "s3://bucket"


def test_a_full_path_replaces_the_parts_before_it(files):
    assert files.join("/a", "/b", "c") == "/b/c"
    assert files.join("/a", "s3://b", "c") == "s3://b/c"
    assert files.join("s3://a", "s3://b/") == "s3://b"
    assert files.join("s3://a", "file:///b", "c") == "/b/c"


@pytest.fixture
def tree(files, place):
    """Return a directory with files in it and below it."""
    for folder in ("in", "in/b.csv"):
        files.make_directory(files.join(place, folder), exist_ok=True)
    for name in ("in/a.csv", "in/c.csv", "in/d.txt", "in/b.csv/a.csv"):
        files.write_bytes(files.join(place, name), name.encode())
    return files.join(place, "in")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ["a.csv", "b.csv/a.csv", "c.csv", "d.txt"]),
        ("a.csv", ["a.csv"]),
        ("*.csv", ["a.csv", "c.csv"]),
        ("[cd].*", ["c.csv", "d.txt"]),
        ("?.csv/*.csv", ["b.csv/a.csv"]),
        ("*.npz", []),
        ("missing", []),
        ("missing/*", []),
    ],
)
def test_the_files_at_a_path_are_found(files, tree, path, found):
    at = files.join(tree, path) if path else tree
    assert files.find(at) == [files.join(tree, name) for name in found]
    for name in files.find(at):
        assert files.read_bytes(name).decode().endswith(name.rpartition("/")[2])


def test_found_paths_keep_what_a_store_leaves_out_of_its_own_paths(monkeypatch):
    class Stripped(MemoryFileSystem):
        protocol = "stripped"
        store: ClassVar = {}
        pseudo_dirs: ClassVar = [""]

        @classmethod
        def _strip_protocol(cls, path):
            inside = path.removeprefix("stripped://host:1/").removeprefix("stripped://host:1")
            return "/" + inside.strip("/") if inside.strip("/") else ""

    fsspec.register_implementation("stripped", Stripped, clobber=True)
    files = AnyFiles()
    files.write_bytes("stripped://host:1/a/b/c", b"x", atomic=False)
    for path in ("stripped://host:1/a", "stripped://host:1/a/b/?", "stripped://host:1/*/b/c"):
        assert files.find(path) == ["stripped://host:1/a/b/c"]


def test_a_file_whose_name_looks_like_a_pattern_is_found_on_a_disk(files, tmp_path):
    (tmp_path / "a[1].csv").write_text("")
    assert files.find(str(tmp_path / "a[1].csv")) == [str(tmp_path / "a[1].csv")]


def test_a_file_is_read_and_written_in_parts(files, place):
    files.make_directory(place, exist_ok=True)
    path = files.join(place, "file")
    for parts in ([b"a longer", b" text"], [b"sho", b"rt"]):
        with files.open_to_write(path) as file:
            for part in parts:
                file.write(part)
        with files.open_to_read(path) as file:
            assert [file.read(3), file.read()] == [b"".join(parts)[:3], b"".join(parts)[3:]]
    with pytest.raises(FileNotFoundError):
        files.open_to_read(files.join(place, "missing")).read()


def test_fetched_files_are_on_the_disk_and_only_copies_are_deleted(files, tree):
    paths = [files.join(tree, name) for name in ("b.csv/a.csv", "a.csv")]
    with files.fetch(paths) as copies:
        assert [os.path.basename(copy) for copy in copies] == ["a.csv", "a.csv"]
        contents = []
        for copy in copies:
            with open(copy, "rb") as file:
                contents.append(file.read())
        assert contents == [b"in/b.csv/a.csv", b"in/a.csv"]
    is_on_disk = os.path.exists(tree)
    assert (copies == paths) == is_on_disk
    assert [os.path.exists(copy) for copy in copies] == [is_on_disk] * 2
    assert files.exists(paths[0])
    assert files.fetch([]).paths == []


def test_rename_moves_a_directory_with_its_content(files, place):
    files.make_directory(files.join(place, "old"))
    files.write_bytes(files.join(place, "old", "file"), b"x")
    files.rename(files.join(place, "old"), files.join(place, "new"))
    assert files.list(place) == ["new"]
    assert files.read_bytes(files.join(place, "new", "file")) == b"x"


def test_remove_removes_a_file(files, place):
    files.make_directory(place, exist_ok=True)
    files.write_bytes(files.join(place, "file"), b"x")
    files.remove(files.join(place, "file"))
    assert files.list(place) == []


def test_an_atomic_write_that_fails_leaves_the_old_content_and_no_temporary_file(
    files, tmp_path, monkeypatch
):
    path = tmp_path / "file"
    files.write_bytes(str(path), b"old")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write_bytes(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_url_without_its_package_names_the_package(files):
    with pytest.raises(MissingDependencyError, match="gs:// needs a package"):
        files.exists("gs://bucket/x")


class CutOff(MemoryFileSystem):
    """Imitate HDFS, whose files stay open after an interrupted write, in memory.

    Unlike fsspec's own memory it is no object store.
    """

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


@pytest.mark.parametrize("content", [b"", b"before\n"])
def test_appending_to_a_file_that_an_interrupted_write_left_open_continues_in_a_new_file(content):
    fsspec.register_implementation("cutoff", CutOff, clobber=True)
    files, log = AnyFiles(), "cutoff://logs/output.log"
    files.write_bytes(log, content, atomic=False)
    CutOff.open_files.update(CutOff.store)
    with pytest.raises(FileExistsError), fsspec.open(log, "ab"):
        pass
    files.append_bytes(log, b"after\n")
    files.append_bytes(log, b"more\n")
    assert files.read_bytes(log) == b"after\nmore\n"
    others = [name for name in files.list("cutoff://logs") if name != "output.log"]
    assert [files.read_bytes(f"cutoff://logs/{name}") for name in others] == [content] * bool(
        content
    )
    assert others == ["output.log.cut-1"] * bool(content)
    CutOff.store.clear()


def test_a_file_in_a_foreign_folder_is_read_like_any_other(files, place):
    files.make_directory(files.join(place, "trial"), exist_ok=True)
    files.write_bytes(files.join(place, "trial", "file"), b"content")
    assert files.read_inside(place, "trial/file") == b"content"
    for name in ("missing", "trial/missing", "missing/file"):
        with pytest.raises(FileNotFoundError):
            files.read_inside(place, name)


def test_the_end_of_a_file_in_a_foreign_folder_is_read(files, place):
    files.make_directory(files.join(place, "trial"), exist_ok=True)
    files.write_bytes(files.join(place, "trial", "file"), b"content")
    for max_bytes, end in ((3, b"ent"), (7, b"content"), (100, b"content")):
        assert files.read_end_inside(place, "trial/file", max_bytes) == end
    with pytest.raises(FileNotFoundError):
        files.read_end_inside(place, "trial/nothing", 3)


def test_nothing_outside_a_foreign_folder_is_read_and_no_pipe_is_waited_for(files, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    folder = tmp_path / "folder"
    (folder / "trial").mkdir(parents=True)
    (folder / "link").symlink_to(secret)
    (folder / "way_out").symlink_to(tmp_path)
    (folder / "trial" / "dangling").symlink_to(tmp_path / "nothing")
    (folder / "circle").symlink_to(folder / "circle")
    os.mkfifo(folder / "pipe")
    for name in ("link", "way_out/secret", "trial/dangling", "circle", "pipe"):
        with pytest.raises(PermissionError):
            files.read_inside(str(folder), name)
        with pytest.raises(PermissionError):
            files.read_end_inside(str(folder), name, 3)
    with pytest.raises(IsADirectoryError):
        files.read_inside(str(folder), "trial")
    # The folder itself may be a link: its user has named it.
    (tmp_path / "alias").symlink_to(folder)
    (folder / "file").write_text("content")
    assert files.read_inside(str(tmp_path / "alias"), "file") == b"content"


def test_a_file_that_must_be_new_is_created_once(files, place):
    files.make_directory(place, exist_ok=True)
    path = files.join(place, "file")
    files.create_bytes(path, b"first")
    with pytest.raises(FileExistsError):
        files.create_bytes(path, b"second")
    assert files.read_bytes(path) == b"first"
    assert files.list(place) == ["file"]


def test_a_file_that_must_be_new_is_created_once_where_there_are_no_links(
    files, tmp_path, monkeypatch
):
    def no_links(*_):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = str(tmp_path / "file")
    files.create_bytes(path, b"first")
    with pytest.raises(FileExistsError):
        files.create_bytes(path, b"second")
    assert files.read_bytes(path) == b"first"
    assert files.list(str(tmp_path)) == ["file"]


def test_only_one_of_several_threads_creates_a_file(files, place):
    files.make_directory(place, exist_ok=True)
    ready, created = threading.Barrier(8, timeout=60), []

    def create(number):
        ready.wait()
        with suppress(FileExistsError):
            files.create_bytes(files.join(place, "file"), b"%d" % number)
            created.append(b"%d" % number)

    threads = [threading.Thread(target=create, args=[number], daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert created == [files.read_bytes(files.join(place, "file"))]


class NoReplacement(MemoryFileSystem):
    """Imitate HDFS, which does not rename onto a file, in memory. It may be killed before a step.

    Unlike fsspec's own memory it is no object store.
    """

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
def test_an_interrupted_replacement_leaves_the_old_content_or_the_new(files, no_replacement, steps):
    path = "noreplacement://app_1/trial.json"
    files.write_bytes(path, b"old")
    no_replacement.steps_left[0] = steps
    with suppress(KeyboardInterrupt):
        files.write_bytes(path, b"new")
    no_replacement.steps_left[0] = 1000
    assert files.exists(path)
    assert files.read_bytes(path) in (b"old", b"new")
    files.remove_temporary("noreplacement://app_1")
    files.write_bytes(path, b"newer")
    assert files.read_bytes(path) == b"newer"
    files.remove(path)
    assert not files.exists(path)


def test_a_file_whose_replacement_ends_between_two_looks_is_read(
    files, no_replacement, monkeypatch
):
    path, look = "noreplacement://app_1/trial.json", no_replacement.cat_file
    files.write_bytes(f"{path}.previous", b"old")

    def look_and_replace(self, name, **options):
        try:
            return look(self, name, **options)
        except FileNotFoundError:
            files.write_bytes(path, b"new", atomic=False)
            files.remove(f"{path}.previous")
            raise

    monkeypatch.setattr(no_replacement, "cat_file", look_and_replace)
    assert files.read_bytes(path) == b"new"


def test_only_the_temporary_files_of_interrupted_writes_are_removed(files, no_replacement):
    for name in (
        ".trial.json.0123abcd.tmp",
        "trial.json",
        "sub.tmp",
        "deeper/.trial.json.0123abcd.tmp",
    ):
        files.write_bytes(f"noreplacement://app_1/t/{name}", b"", atomic=False)
    files.remove_temporary("noreplacement://app_1")
    assert files.list("noreplacement://app_1/t") == ["deeper", "sub.tmp", "trial.json"]
    assert files.list("noreplacement://app_1/t/deeper") == [".trial.json.0123abcd.tmp"]


def test_a_folder_is_removed_with_everything_in_it(files, place):
    folder = files.join(place, "trial")
    files.make_directory(files.join(folder, "checkpoints", "3"))
    files.write_bytes(files.join(folder, "checkpoints", "3", "file"), b"x")
    files.write_bytes(files.join(folder, "trial.json"), b"{}")
    files.remove_folder(files.join(folder, "checkpoints"))
    assert files.list(folder) == ["trial.json"]
    files.remove_folder(files.join(folder, "checkpoints"))  # harmless


def test_what_a_link_leads_to_stays_when_its_folder_is_removed(files, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    files.remove_folder(str(tmp_path / "folder"))
    files.remove_folder(str(tmp_path / "link"))
    assert files.list(str(tmp_path)) == ["kept"]
    assert files.list(str(tmp_path / "kept")) == ["file"]


class Strict(MemoryFileSystem):
    """Imitate, in memory, what the clients of SFTP and Azure refuse. It is no object store."""

    protocol = "strict"
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]

    def mv(self, old, new):
        super().mv(old, new, recursive=self.isdir(old))

    def cat_file(self, path, start=None, end=None):
        assert start is None or start >= 0
        return super().cat_file(path, start, end)


@pytest.fixture
def strict():
    fsspec.register_implementation("strict", Strict, clobber=True)
    yield "strict://place"
    Strict.store.clear()
    del Strict.pseudo_dirs[1:]


def test_a_client_that_renames_without_options_serves_whole_writes_and_renames(files, strict):
    files.make_directory(strict, exist_ok=True)
    for content in (b"old", b"new"):
        files.write_bytes(f"{strict}/a/file", content)
    files.rename(f"{strict}/a", f"{strict}/b")
    assert files.find(strict) == [f"{strict}/b/file"]
    assert files.read_bytes(f"{strict}/b/file") == b"new"


def test_the_end_is_read_where_a_client_cannot_count_from_there(files, strict):
    files.write_bytes(f"{strict}/log", b"0123456789")
    for count in (1, 10, 11):
        assert files.read_end_inside(strict, "log", count) == b"0123456789"[-count:]
    files.write_bytes(f"{strict}/empty", b"")
    assert files.read_end_inside(strict, "empty", 3) == b""
    with pytest.raises(FileNotFoundError):
        files.read_end_inside(strict, "missing", 3)


def test_not_more_than_the_end_is_returned_by_a_store_that_sends_everything(files, monkeypatch):
    def cat_file(self, path, start=None, end=None):
        return b"0123456789"

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    assert files.read_end_inside("memory://bucket", "log", 3) == b"789"


def test_a_folder_that_another_one_makes_meanwhile_is_there(files, strict, monkeypatch):
    def makedirs(self, path, exist_ok=False):
        # The parts that are missing one after the other are made by another process.
        for part in ("/place", "/place/a", "/place/a/b"):
            if not self.exists(part):
                self.mkdir(part)
                raise OSError("Failure")

    monkeypatch.setattr(Strict, "makedirs", makedirs)
    files.make_directory(f"{strict}/a/b", exist_ok=True)
    assert Strict().isdir("/place/a/b")

    def refuse(self, path, exist_ok=False):
        raise PermissionError("no")

    monkeypatch.setattr(Strict, "makedirs", refuse)
    with pytest.raises(PermissionError):
        files.make_directory(f"{strict}/c", exist_ok=True)


def test_a_pattern_is_no_query_and_a_password_no_pattern(files, monkeypatch):
    urls = []

    def open_url(url):
        urls.append(url)
        return MemoryFileSystem(), "/" + url.rpartition("@")[2].removeprefix("host/")

    monkeypatch.setattr("maggy.common.files.url.open_url", open_url)
    files.write_bytes("sftp://user:pa*s@host/x/a1", b"")
    assert files.find("sftp://user:pa*s@host/x/a?") == ["sftp://user:pa*s@host/x/a1"]
    assert files.find("sftp://user:pa*s@host/x/a1") == ["sftp://user:pa*s@host/x/a1"]
    assert not any("?" in url for url in urls)
    files.remove("sftp://user:pa*s@host/x/a1")
