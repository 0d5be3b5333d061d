"""The manifest of a checkpoint, which is written last: it names every file of the checkpoint.

A manifest may have been written by anybody. So its names are checked before a file is read or
written by them.
"""

from __future__ import annotations

import msgspec

from maggy.common.exceptions import CheckpointError

__all__ = ["MANIFEST", "Manifest", "SavedFile", "check_name", "decode_manifest", "encode_manifest"]

MANIFEST = "manifest.json"
"""The name of the file. No file of a training function lies in the same directory."""
FORMAT = 1
MAX_FILES = 100_000
MAX_NAME_LENGTH = 1000


class SavedFile(msgspec.Struct, frozen=True):
    """A file of a checkpoint.

    Attributes:
        name: The path in the directory of the checkpoint, with ``/`` between its parts.
        size: Number of bytes.
        sha256: The SHA-256 of the content, as 64 hexadecimal digits.
    """

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a checkpoint consists of.

    Attributes:
        trial_id: The trial that has written it.
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.
        files: The files, by name.
        folders: The folders without any file, by name.
        format: The number of this format.
    """

    trial_id: str
    step: int
    metric: float | None
    files: list[SavedFile]
    folders: list[str] = []
    format: int = FORMAT

    @property
    def size(self) -> int:
        """The number of bytes of all files."""
        return sum(file.size for file in self.files)


_decoder = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)


def decode_manifest(data: bytes) -> Manifest:
    """Return a manifest.

    Raises:
        CheckpointError: If it is damaged, of a later format, or names a file outside the directory.
    """
    try:
        manifest = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(f"The manifest of a checkpoint is damaged: {error}") from error
    if manifest.format > FORMAT:
        raise CheckpointError(
            f"The checkpoint has format {manifest.format}, but this release of Maggy reads formats "
            f"up to {FORMAT}. Install a newer release."
        )
    names = [*(file.name for file in manifest.files), *manifest.folders]
    if len(names) > MAX_FILES or len(set(names)) < len(names) or manifest.step < 0:
        raise CheckpointError(
            f"The manifest of a checkpoint must name at most {MAX_FILES:,} files, each once, and "
            f"have a step of at least 0, but it has {len(names):,} names and step {manifest.step}."
        )
    for name in names:
        check_name(name)
    return manifest


def check_name(name: str) -> None:
    """Raise `CheckpointError` unless a name stays inside the directory on every system."""
    parts = name.split("/")
    is_inside = all(part not in ("", ".", "..") for part in parts)
    if not is_inside or len(name) > MAX_NAME_LENGTH or any(sign in name for sign in "\\:\0"):
        raise CheckpointError(
            "The names of a checkpoint's files must be relative paths without '..', backslashes "
            f"and colons, of at most {MAX_NAME_LENGTH:,} characters, but got {name!r:.200}."
        )
