"""Upload checkpoints on a thread of its own, while the training goes on."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from maggy.checkpoints.manifest import Manifest
from maggy.checkpoints.transfer import upload
from maggy.common.files import Files
from maggy.records.writer import PATIENCE_SECONDS, RecordWriter

__all__ = ["Upload", "Uploader"]


class Upload(NamedTuple):
    """A checkpoint on its way to the store.

    Attributes:
        folder: The folder on this machine's disk. It is deleted when it is not needed any more.
        directory: The path or URL of the checkpoint, which no other writer uses.
        trial_id: The trial.
        name: The name of the checkpoint among those of the trial.
        step: The step of the training.
        metric: The last metric that was broadcast before; None if there was none.
    """

    folder: str
    directory: str
    trial_id: str
    name: str
    step: int
    metric: float | None


class Uploader:
    """Upload one checkpoint after the other. All methods may be called from any thread.

    The upload that is under way is finished first. Of those that wait only the newest one is kept:
    the training does not wait for a slow store. While the store is away, the newest checkpoint is
    tried again.

    Args:
        files: Writes in the store.
        on_saved: Called on the uploader's thread when a checkpoint is whole, with the upload, its
            manifest, and the seconds that the upload took.
        on_error: Called with a sentence when checkpoints cannot be uploaded. The trial goes on.
        patience: Seconds for which the store may be away before a checkpoint is given up.
        clock: Return monotonic seconds.
    """

    def __init__(
        self,
        files: Files,
        on_saved: Callable[[Upload, Manifest, float], None],
        on_error: Callable[[str], object],
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._on_saved = on_saved
        self._clock = clock
        self._writer = RecordWriter(
            on_error, patience, subject="checkpoint", place="on this machine's disk"
        )
        self._condition = threading.Condition()
        # With the lock of the condition only.
        self._waiting: Upload | None = None
        self._pending = 0  # calls that the writer has not ended
        self._lost: list[Upload] = []
        self.replaced = 0
        """The number of checkpoints that were replaced by a newer one before their upload began."""
        self.is_away = False
        """Whether the last attempt to upload something has failed."""

    def submit(self, upload: Upload) -> None:
        """Upload a checkpoint soon, in place of one that waits.

        Raises:
            RuntimeError: If the uploader is closed.
        """
        with self._condition:
            older, self._waiting = self._waiting, upload
            self.replaced += older is not None
            self._pending += 1
        if older is not None:
            _delete(older.folder)
        # A call that finds nothing to upload does nothing.
        self._writer.submit(self._upload_newest)
        self._writer.submit(self._end_call)

    def wait(self, seconds: float) -> bool:
        """Wait until every checkpoint is uploaded or given up.

        Args:
            seconds: The longest time to wait.

        Returns:
            Whether nothing is left to upload.
        """
        with self._condition:
            return self._condition.wait_for(lambda: not self._pending, seconds)

    def take_lost(self) -> list[Upload]:
        """Return the checkpoints that were given up since the last call."""
        with self._condition:
            uploads, self._lost = self._lost, []
        return uploads

    def close(self, seconds: float | None = None) -> None:
        """Upload what waits, then end the thread.

        Args:
            seconds: The longest time to wait; None to wait as long as there is hope.
        """
        self._writer.close(seconds)
        with self._condition:
            remainder, self._waiting = self._waiting, None
        if remainder is not None:
            _delete(remainder.folder)

    # Everything below runs on the thread of the writer, which repeats a call that raises.

    def _upload_newest(self) -> None:
        with self._condition:
            newest, self._waiting = self._waiting, None
        if newest is None:
            return
        start = self._clock()
        try:
            manifest = upload(
                self._files,
                Path(newest.folder),
                newest.directory,
                trial_id=newest.trial_id,
                step=newest.step,
                metric=newest.metric,
            )
        except BaseException:
            self.is_away = True
            self._put_back(newest)
            raise
        self.is_away = False
        _delete(newest.folder)
        self._on_saved(newest, manifest, self._clock() - start)

    def _put_back(self, failed: Upload) -> None:
        """Let the next attempt upload a checkpoint again, unless a newer one waits."""
        with self._condition:
            if self._waiting is None:
                self._waiting = failed
                return
            self.replaced += 1
        _delete(failed.folder)

    def _end_call(self) -> None:
        hopeless = None
        with self._condition:
            if self._pending == 1 and self._waiting is not None:
                # Every attempt has failed, and nothing is left that would make another one.
                hopeless, self._waiting = self._waiting, None
                self._lost.append(hopeless)
        if hopeless is not None:
            _delete(hopeless.folder)
        with self._condition:
            self._pending -= 1
            self._condition.notify_all()


def _delete(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
