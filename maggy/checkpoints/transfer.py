"""Bring the files of a checkpoint to a store, and back to a disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from maggy.checkpoints.manifest import (
    MANIFEST,
    Manifest,
    SavedFile,
    check_name,
    decode_manifest,
    encode_manifest,
)
from maggy.common.credentials import without_credentials, without_secrets_of
from maggy.common.exceptions import CheckpointError
from maggy.common.files import Files

__all__ = ["download", "read_manifest", "upload"]

_CONTENT = "files"
_PART_BYTES = 8 * 2**20


def upload(
    files: Files, folder: Path, directory: str, *, trial_id: str, step: int, metric: float | None
) -> Manifest:
    """Write a folder to a store as a checkpoint, and its manifest last.

    Whoever finds the manifest finds every file. If the call is interrupted, it can be repeated.

    Args:
        files: Writes there.
        folder: The folder on this machine's disk. Links in it are refused.
        directory: The path or URL of the checkpoint, which no other writer may use.
        trial_id: The trial.
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.

    Returns:
        The manifest.

    Raises:
        CheckpointError: If the folder holds something else than files and folders.
        OSError: If the store refuses, or an error of the store's own library.
    """
    names, empty_folders = _list_content(folder)
    content = f"{directory}/{_CONTENT}"
    for parent in sorted({_parent(f"{content}/{name}") for name in names} | {content}):
        files.make_directory(parent, exist_ok=True)
    saved_files = []
    for name in names:
        with (
            open(folder / name, "rb") as source,
            files.open_to_write(f"{content}/{name}") as target,
        ):
            saved_files.append(SavedFile(name, *_copy(source, target)))
    manifest = Manifest(trial_id, step, metric, saved_files, empty_folders)
    files.write_bytes(f"{directory}/{MANIFEST}", encode_manifest(manifest), atomic=True)
    return manifest


def read_manifest(files: Files, directory: str) -> Manifest:
    """Return the manifest of a checkpoint.

    Args:
        files: Reads there.
        directory: The path or URL of the checkpoint.

    Raises:
        CheckpointError: If there is none, or it is damaged.
        OSError: If the store refuses.
    """
    try:
        data = files.read_inside(directory, MANIFEST)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise CheckpointError(
            f"There is no whole checkpoint in {without_credentials(directory)}: "
            f"{without_secrets_of(directory, str(error))}"
        ) from error
    return decode_manifest(data)


def download(files: Files, directory: str, folder: Path) -> Manifest:
    """Write the files of a checkpoint into a folder on this machine's disk, and check each of them.

    Args:
        files: Reads there.
        directory: The path or URL of the checkpoint.
        folder: An empty folder.

    Returns:
        The manifest.

    Raises:
        CheckpointError: If the checkpoint is not whole, or its content is not what its manifest
            says.
        OSError: If the store or the disk refuses.
    """
    manifest = read_manifest(files, directory)
    for name in manifest.folders:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            source = files.open_inside(directory, f"{_CONTENT}/{file.name}")
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise CheckpointError(
                f"The checkpoint in {without_credentials(directory)} lacks its file "
                f"{file.name!r}: {without_secrets_of(directory, str(error))}"
            ) from error
        with source, open(path, "xb") as target:
            size, digest = _copy(source, target, max_size=file.size)
        if (size, digest) != (file.size, file.sha256):
            raise CheckpointError(
                f"The checkpoint in {without_credentials(directory)} is damaged: its file "
                f"{file.name!r} is not the one that was saved."
            )
    return manifest


def _list_content(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of all files and of the empty folders in a folder, both sorted."""
    names: list[str] = []
    empty_folders: list[str] = []
    for entry in _walk(folder):
        name = Path(entry.path).relative_to(folder).as_posix()
        check_name(name)
        if entry.is_symlink():
            raise CheckpointError(
                f"A checkpoint must hold files and folders, but {name!r} is a link. Copy what it "
                "leads to."
            )
        if entry.is_file(follow_symlinks=False):
            names.append(name)
        elif not entry.is_dir(follow_symlinks=False):
            raise CheckpointError(
                f"A checkpoint must hold files and folders, but {name!r} is a pipe, a socket or a "
                "device. Remove it."
            )
        elif not os.listdir(entry.path):
            empty_folders.append(name)
    return sorted(names), sorted(empty_folders)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _copy(source: BinaryIO, target: BinaryIO, max_size: int | None = None) -> tuple[int, str]:
    """Copy a file, and return its size in bytes and its SHA-256.

    Args:
        source: The file.
        target: The copy.
        max_size: Copy hardly more than this number of bytes; None for no limit.
    """
    digest, size = hashlib.sha256(), 0
    while part := source.read(_PART_BYTES):
        digest.update(part)
        target.write(part)
        size += len(part)
        if max_size is not None and size > max_size:
            break
    return size, digest.hexdigest()
