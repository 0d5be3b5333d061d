"""The files of a checkpoint on each kind of store: whole or not there, and only its own files."""

import json
import os
import uuid
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from maggy.checkpoints.manifest import MANIFEST, check_name, decode_manifest
from maggy.checkpoints.transfer import download, read_manifest, upload
from maggy.common.exceptions import CheckpointError
from maggy.common.files import AnyFiles

FILES = AnyFiles()


@pytest.fixture(params=["disk", "memory"])
def directory(request, tmp_path):
    """Return the place of a checkpoint on each kind of store."""
    if request.param == "disk":
        yield str(tmp_path / "store" / "3")
        return
    url = f"memory://{uuid.uuid4().hex}"
    yield f"{url}/3"
    MemoryFileSystem().rm(url, recursive=True)


@pytest.fixture
def folder(tmp_path):
    """Return a folder as a training function writes it."""
    folder = tmp_path / "saved"
    (folder / "variables" / "deep").mkdir(parents=True)
    (folder / "empty" / "inner").mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"weights" * 10)
    (folder / "nothing").write_bytes(b"")
    (folder / "variables" / "deep" / "data-0 of 1.bin").write_bytes(bytes(range(256)))
    return folder


def save(folder, directory, step=3, metric=0.5):
    return upload(FILES, folder, directory, trial_id="a" * 16, step=step, metric=metric)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in Path(folder).rglob("*")
    }


def test_what_is_saved_comes_back_byte_for_byte(folder, directory, tmp_path):
    manifest = save(folder, directory)
    target = tmp_path / "restored"
    target.mkdir()
    assert download(FILES, directory, target) == manifest == read_manifest(FILES, directory)
    assert content(target) == content(folder)
    assert (manifest.step, manifest.metric, manifest.size) == (3, 0.5, 70 + 256)
    assert manifest.folders == ["empty/inner"]


def test_nobody_lists_the_store_to_restore_a_checkpoint(folder, directory, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        pytest.fail("the store is listed")

    save(folder, directory)
    target = tmp_path / "restored"
    target.mkdir()
    for name in ("ls", "find", "walk", "glob"):
        monkeypatch.setattr(MemoryFileSystem, name, refuse)
    with monkeypatch.context() as here:
        for name in ("listdir", "scandir", "walk"):
            here.setattr(os, name, refuse)
        download(FILES, directory, target)
    assert content(target) == content(folder)


def test_an_empty_folder_is_a_checkpoint(directory, tmp_path):
    for name in ("saved", "restored"):
        (tmp_path / name).mkdir()
    save(tmp_path / "saved", directory, metric=None)
    assert download(FILES, directory, tmp_path / "restored").files == []


def test_the_manifest_is_written_last(folder, directory, monkeypatch):
    monkeypatch.setattr("maggy.checkpoints.transfer.SavedFile", _fail_at("nothing"))
    with pytest.raises(OSError, match="store is away"):
        save(folder, directory)
    assert MANIFEST not in FILES.list(directory)
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        read_manifest(FILES, directory)
    monkeypatch.undo()
    save(folder, directory)  # the same call, repeated
    assert len(read_manifest(FILES, directory).files) == 3


def _fail_at(name):
    def make(*args):
        if args[0] == name:
            raise OSError("The store is away.")
        from maggy.checkpoints.manifest import SavedFile

        return SavedFile(*args)

    return make


def test_an_error_shows_no_credentials(folder, tmp_path):
    directory = f"memory://key:word@{uuid.uuid4().hex}/3"
    errors = []
    for path in ("manifest.json", "files/model.keras"):
        target = tmp_path / path.partition("/")[0]
        target.mkdir()
        save(folder, directory)
        FILES.remove(f"{directory}/{path}")
        with pytest.raises(CheckpointError) as caught:
            download(FILES, directory, target)
        errors.append(str(caught.value))
    assert "word" not in "".join(errors)
    assert all("memory://***@" in error for error in errors)


@pytest.mark.parametrize("damage", ["changed", "longer", "missing"])
def test_a_damaged_file_is_noticed(folder, directory, tmp_path, damage):
    save(folder, directory)
    path = f"{directory}/files/model.keras"
    if damage == "missing":
        FILES.remove(path)
    else:
        FILES.write_bytes(path, b"weightz" * 10 if damage == "changed" else b"weights" * 11)
    (tmp_path / "restored").mkdir()
    with pytest.raises(CheckpointError, match=r"model\.keras"):
        download(FILES, directory, tmp_path / "restored")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 10_000, "{}", '{"trial_id": 1}', "\ud800"],
    ids=["empty", "torn", "deep", "no_fields", "wrong_type", "no_unicode"],
)
def test_a_damaged_manifest_is_noticed(text):
    with pytest.raises(CheckpointError):
        decode_manifest(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a\\b", "C:/a", "a\0", "a" * 1001],
    ids=[
        "empty",
        "absolute",
        "up",
        "up_twice",
        "double",
        "here",
        "backslash",
        "drive",
        "nul",
        "long",
    ],
)
def test_a_manifest_names_no_file_outside(name, folder, directory):
    with pytest.raises(CheckpointError, match="relative paths"):
        check_name(name)
    manifest = json.loads(_manifest(folder, directory))
    manifest["files"][0]["name"] = name
    with pytest.raises(CheckpointError):
        decode_manifest(json.dumps(manifest).encode())


def test_a_manifest_of_a_later_format_is_refused_with_the_remedy(folder, directory):
    manifest = json.loads(_manifest(folder, directory)) | {"format": 2}
    with pytest.raises(CheckpointError, match="newer release"):
        decode_manifest(json.dumps(manifest).encode())


def test_a_manifest_names_each_file_once(folder, directory):
    manifest = json.loads(_manifest(folder, directory))
    manifest["files"] *= 2
    with pytest.raises(CheckpointError, match="each once"):
        decode_manifest(json.dumps(manifest).encode())


def _manifest(folder, directory):
    save(folder, directory)
    return FILES.read_bytes(f"{directory}/{MANIFEST}")


def test_a_link_is_refused_when_it_is_saved(folder, tmp_path):
    os.symlink("/etc/passwd", folder / "latest")
    with pytest.raises(CheckpointError, match="'latest' is a link"):
        save(folder, str(tmp_path / "store"))


def test_a_pipe_is_refused_when_it_is_saved(folder, tmp_path):
    os.mkfifo(folder / "pipe")
    with pytest.raises(CheckpointError, match="'pipe' is a pipe"):
        save(folder, str(tmp_path / "store"))


def test_a_link_on_the_store_is_not_followed(folder, tmp_path):
    directory, secret = str(tmp_path / "store"), tmp_path / "secret"
    save(folder, directory)
    secret.write_bytes(b"weights" * 10)
    os.unlink(f"{directory}/files/model.keras")
    os.symlink(secret, f"{directory}/files/model.keras")
    (tmp_path / "restored").mkdir()
    with pytest.raises(CheckpointError, match="is a link"):
        download(FILES, directory, tmp_path / "restored")
