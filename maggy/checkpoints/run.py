"""The checkpoints of one run of a trial, as its training function uses them on a worker."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import msgspec

from maggy.checkpoints.checkpoint import Checkpoint
from maggy.checkpoints.saved import Handover, path_of
from maggy.checkpoints.transfer import download
from maggy.checkpoints.uploader import Upload
from maggy.common.credentials import without_credentials, without_secrets_of
from maggy.common.exceptions import CheckpointError, MissingDependencyError
from maggy.common.files import AnyFiles, Files

__all__ = ["CheckpointPlace", "RunCheckpoints", "RunPlace", "is_saved_by"]


REPEAT = "_"
"""What separates the name of a run from a number, if the run saves a step again."""


class CheckpointPlace(msgspec.Struct, array_like=True, frozen=True):
    """Where the checkpoints of an experiment lie.

    Attributes:
        root: The path or URL of the directory that holds the folders of the trials.
        token_file: The name of a file there, which the driver has written.
        token: A text that the file must hold.
    """

    root: str
    token_file: str
    token: str


class RunPlace(msgspec.Struct, array_like=True, frozen=True):
    """Where one run saves its checkpoints.

    Attributes:
        place: Where the checkpoints of the experiment lie.
        run_name: A name that no other run of the experiment has. It becomes part of the directory
            of each checkpoint, so that a worker which counts as lost never writes into another
            one's.
        folder: A folder on this machine's disk. It need not exist, and its owner deletes it.
    """

    place: CheckpointPlace
    run_name: str
    folder: str


class RunCheckpoints:
    """Save the checkpoints of one run, and restore the one that it was handed.

    Args:
        run_place: Where the run saves them.
        trial_id: The trial.
        handover: The checkpoint with which the run may begin; None if there is none.
        submit: Uploads a checkpoint. It returns at once.
        tell: Shows a sentence to the user.
    """

    def __init__(
        self,
        run_place: RunPlace,
        trial_id: str,
        handover: Handover | None,
        submit: Callable[[Upload], None],
        tell: Callable[[str], object],
    ) -> None:
        self._place = run_place.place
        self._folder = run_place.folder
        self._run_name = run_place.run_name
        self._trial_id = trial_id
        self._submit = submit
        self._tell = tell
        self._is_checked = self._has_told = False
        self._last_step = -1
        self._repeats = 0  # how often the step was saved before, by this run
        self.handover = handover
        """The checkpoint that :meth:`restore` returns; None if there is none, or it is of no use.
        """

    @cached_property
    def _files(self) -> Files:
        return AnyFiles()

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
        self._repeats = self._repeats + 1 if step == self._last_step else 0
        self._last_step = step
        # A directory of its own: nothing may change in one that counts already.
        name = f"{step}/{self._run_name}{REPEAT}{self._repeats}".removesuffix(f"{REPEAT}0")
        directory = f"{self._place.root}/{path_of(self._trial_id, name)}"
        self._submit(Upload(str(folder), directory, self._trial_id, name, step, metric))

    def restore(self) -> Checkpoint | None:
        """Bring the checkpoint that the run was handed to this machine's disk.

        One that is not whole, or cannot be read, costs a line and not the trial.

        Returns:
            The checkpoint; None if there is none of use.

        Raises:
            CheckpointError: If this worker cannot reach the store.
        """
        handover = self.handover
        if handover is None:
            return None
        self._check_access()
        try:
            folder = self._new_folder("restored-")
            download(self._files, self._directory(handover), folder)
        except Exception as error:  # the libraries of stores have errors of their own
            self._do_without(handover, error)
            return None
        self._last_step = handover.step
        return Checkpoint(folder, handover.step, handover.metric)

    def _do_without(self, handover: Handover, error: Exception) -> None:
        self.handover = None
        text = without_secrets_of(self._directory(handover), str(error))
        self._tell(
            "The trial begins anew, since its checkpoint cannot be restored "
            f"({type(error).__name__}: {text})."
        )

    def _directory(self, handover: Handover) -> str:
        is_whole = handover.directory.startswith("/") or "://" in handover.directory
        return handover.directory if is_whole else f"{self._place.root}/{handover.directory}"

    def _new_folder(self, prefix: str) -> Path:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))

    def _check_access(self) -> None:
        """Raise `CheckpointError` unless the store is the one in which the driver writes.

        Otherwise a worker could make a folder of the same name on its own disk. If the store
        refuses, it may be away only: a line says so, and the upload tries again.
        """
        if self._is_checked:
            return
        root = without_credentials(self._place.root)
        try:
            content = self._files.read_bytes(f"{self._place.root}/{self._place.token_file}")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            content = b""
        except OSError as error:
            if not self._has_told:
                text = without_secrets_of(self._place.root, str(error))
                self._tell(
                    f"This worker cannot read the driver's file in {root} "
                    f"({type(error).__name__}: {text}). The store is away, or this worker may not "
                    "use it: then pass another checkpoint_dir in the config."
                )
            self._has_told = True
            return
        except MissingDependencyError as error:
            raise CheckpointError(
                "Checkpoints must lie where the driver and every worker can reach them, but this "
                f"worker cannot read {root}: {error}. Install it there, or pass another "
                "checkpoint_dir in the config."
            ) from error
        if self._place.token.encode() not in content:
            raise CheckpointError(
                "Checkpoints must lie where the driver and every worker can reach them, but this "
                f"worker does not find the driver's files in {root}. Pass checkpoint_dir in the "
                "config: a shared folder, or a URL such as s3://..."
            )
        self._is_checked = True


def is_saved_by(run_name: str, name: str) -> bool:
    """Return whether a run has saved the checkpoint with this name."""
    return name.rpartition("/")[2].partition(REPEAT)[0] == run_name
