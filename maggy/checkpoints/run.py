"""The checkpoints of one run of a trial, as its training function uses them on a worker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from maggy.checkpoints.checkpoint import Checkpoint
from maggy.checkpoints.transfer import download
from maggy.checkpoints.uploader import Upload
from maggy.common.exceptions import CheckpointError
from maggy.common.files import Files

__all__ = ["CheckpointPlace", "Handover", "RunCheckpoints"]


class Handover(msgspec.Struct, array_like=True, frozen=True):
    """The checkpoint that the driver hands to a run.

    Attributes:
        directory: Its path or URL.
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.
    """

    directory: str
    step: int
    metric: float | None


@dataclass(frozen=True)
class CheckpointPlace:
    """Where the checkpoints of an experiment lie.

    Attributes:
        root: The path or URL of the directory that holds the folders of the trials.
        token: The name of a file there, which the driver has written.
        token_content: What the file must hold.
    """

    root: str
    token: str
    token_content: bytes


class RunCheckpoints:
    """Save the checkpoints of one run, and restore the one that it was handed.

    Args:
        files: Reads and writes in the store.
        place: Where the checkpoints of the experiment lie.
        trial_id: The trial.
        run_name: A name that no other run of the experiment has. It becomes part of the directory
            of each checkpoint, so that a worker which counts as lost never writes into another
            one's.
        handover: The checkpoint with which the run may begin; None if there is none.
        submit: Uploads a checkpoint. It returns at once.
    """

    def __init__(
        self,
        files: Files,
        place: CheckpointPlace,
        trial_id: str,
        run_name: str,
        handover: Handover | None,
        submit: Callable[[Upload], None],
    ) -> None:
        self._files = files
        self._place = place
        self._trial_id = trial_id
        self._run_name = run_name
        self._handover = handover
        self._submit = submit
        self._folder: Path | None = None
        self._is_checked = False
        self._restored: Checkpoint | None = None
        self._last_step = -1

    @contextmanager
    def save(self, step: int, metric: float | None) -> Iterator[Path]:
        """Give an empty folder, and upload what is in it at the end of the block.

        An exception in the block leaves everything as it was.

        Args:
            step: The step of the training.
            metric: The last metric that was broadcast; None if there was none.

        Raises:
            CheckpointError: If this worker cannot reach the store, or the step is below the one of
                an earlier checkpoint.
        """
        self._check_access()
        if step < self._last_step:
            raise CheckpointError(
                f"The steps of checkpoints must not go backwards, but got step {step} after "
                f"{self._last_step}."
            )
        folder = self._new_folder("checkpoint-")
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._last_step = step
        directory = f"{self._trial_directory}/{step}/{self._run_name}"
        self._submit(Upload(folder, directory, self._trial_id, step, metric))

    def restore(self) -> Checkpoint | None:
        """Return the checkpoint that the run was handed, on this machine's disk.

        Returns:
            The checkpoint. None if there is none. The same one each time.

        Raises:
            CheckpointError: If this worker cannot reach the store, or the checkpoint is not whole.
            OSError: If the store refuses.
        """
        handover = self._handover
        if handover is None or self._restored is not None:
            return self._restored
        self._check_access()
        folder = self._new_folder("restored-")
        download(self._files, handover.directory, folder)
        self._restored = Checkpoint(folder, handover.step, handover.metric)
        self._last_step = handover.step
        return self._restored

    def close(self) -> None:
        """Delete what lies on this machine's disk. Every upload must have ended."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _trial_directory(self) -> str:
        return f"{self._place.root}/{self._trial_id}/checkpoints"

    def _new_folder(self, prefix: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="maggy-checkpoints-"))
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))

    def _check_access(self) -> None:
        """Raise `CheckpointError` unless the store is the one in which the driver writes.

        Otherwise a worker could make a folder of the same name on its own disk.
        """
        if self._is_checked:
            return
        path = f"{self._place.root}/{self._place.token}"
        try:
            found = self._files.read_bytes(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            found = b""
        if found != self._place.token_content:
            raise CheckpointError(
                f"Checkpoints must lie where the driver and every worker can reach them, but this "
                f"worker does not find the driver's files in {self._place.root}. Pass "
                "checkpoint_dir in the config: a shared folder, or a URL such as s3://..."
            )
        self._is_checked = True
