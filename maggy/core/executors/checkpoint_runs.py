"""Upload the checkpoints of a worker's trials, and tell their reporters of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maggy.checkpoints.manifest import Manifest
from maggy.checkpoints.run import CheckpointPlace, RunCheckpoints, RunPlace, is_saved_by
from maggy.checkpoints.saved import SavedCheckpoint
from maggy.checkpoints.uploader import Upload, Uploader
from maggy.common.files import AnyFiles
from maggy.core.messages import REMARK, Assign
from maggy.core.reporter import Reporter

__all__ = ["CheckpointRuns"]

WAIT_SECONDS = 600.0
"""How long the end of a trial waits for its last checkpoint to be uploaded."""
SLOW = (
    f"{REMARK}The checkpoints of a trial come faster than they can be uploaded, so the newest one "
    "takes the place of one that waits. Save fewer of them, or less in each."
)


class CheckpointRuns:
    """Give each run of a worker its checkpoints.

    Nothing is made, on disk or in memory, until a training function saves a checkpoint.

    Args:
        place: Where the checkpoints of the experiment lie; None if there is no such place.
        worker_name: A name that no other worker of the experiment has.
        clock: Return monotonic seconds.
    """

    def __init__(
        self,
        place: CheckpointPlace | None,
        worker_name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._clock = clock
        self._worker_name = worker_name
        self._folder = ""
        self._uploader: Uploader | None = None
        self._lock = threading.Lock()
        # The present run and where it reports. An upload of an earlier one may still end.
        self._run_name = ""
        self._reporter: Reporter | None = None
        self._has_checkpoints = False
        self._last_time = 0.0  # of the begin of the run, or of its newest checkpoint
        self._training_seconds: dict[str, float] = {}  # by the name of a checkpoint

    @contextmanager
    def run(self, assignment: Assign, reporter: Reporter) -> Iterator[None]:
        """Let the reporter of a run save and restore checkpoints in this process."""
        place = self.begin(assignment, reporter)
        if place is None:
            yield
            return
        reporter.attach(
            RunCheckpoints(place, assignment.trial_id, assignment.handover, self.submit, self._say)
        )
        try:
            yield
        finally:
            self.end(place)

    def begin(self, assignment: Assign, reporter: Reporter) -> RunPlace | None:
        """Begin a run whose checkpoints :meth:`submit` gets, and return where it saves them."""
        if self._place is None:
            return None
        if not self._folder:
            self._folder = f"{tempfile.gettempdir()}/maggy-checkpoints-{uuid.uuid4().hex}"
        name = f"{self._worker_name}-{assignment.run}"
        with self._lock:
            self._run_name, self._reporter = name, reporter
        self._has_checkpoints = False
        self._last_time = self._clock()
        return RunPlace(self._place, name, f"{self._folder}/{name}")

    def submit(self, upload: Upload) -> None:
        """Upload a checkpoint beside the training."""
        if self._uploader is None:
            self._uploader = Uploader(AnyFiles(), self._saved, self._say)
        now = self._clock()
        with self._lock:
            self._training_seconds[upload.name] = now - self._last_time
        self._last_time = now
        before = self._uploader.replaced
        self._uploader.submit(upload)
        self._has_checkpoints = True
        if self._uploader.replaced > before and not self._uploader.is_away:
            self._show(SLOW)

    def wait(self) -> None:
        """Wait until the checkpoints of the run are uploaded or given up."""
        if self._has_checkpoints and self._uploader is not None:
            self._uploader.wait(WAIT_SECONDS)
            self._say_lost(self._uploader)

    def end(self, place: RunPlace | None) -> None:
        """End a run: delete what is left of its checkpoints on this machine's disk."""
        if place is None:
            return
        with self._lock:
            self._reporter = None
            self._training_seconds.clear()
        _delete(place.folder)

    def close(self) -> None:
        """Give up the checkpoints that are not uploaded, and delete them from this disk."""
        if self._uploader is not None:
            self._uploader.close(0.0)
        if self._folder:
            _delete(self._folder)

    def _say_lost(self, uploader: Uploader) -> None:
        """Say in one line which checkpoints were given up: when the store is back, or at the end.

        Also the last one of an earlier run may be among them. Nobody asks for it any more.
        """
        steps = [
            str(upload.step)
            for upload in uploader.take_lost()
            if is_saved_by(self._run_name, upload.name)
        ]
        if steps:
            names = f"step {steps[0]}" if len(steps) == 1 else f"steps {', '.join(steps)}"
            self._say(f"The checkpoints of {names} could not be saved. The training went on.")

    # On the thread of the uploader.

    def _saved(self, upload: Upload, manifest: Manifest, seconds: float) -> None:
        with self._lock:
            training_seconds = self._training_seconds.get(upload.name, 0.0)
            checkpoint = SavedCheckpoint(
                upload.step, upload.metric, upload.name, manifest.size, seconds, training_seconds
            )
            if self._reporter is not None and is_saved_by(self._run_name, upload.name):
                self._reporter.add_saved(checkpoint)
        if self._uploader is not None:
            self._say_lost(self._uploader)

    def _say(self, text: str) -> None:
        self._show(f"{REMARK}{text}")

    def _show(self, line: str) -> None:
        with self._lock:
            reporter = self._reporter
        if reporter is not None:
            reporter.extend([], [(True, line)])


def _delete(folder: str) -> None:
    if os.path.isdir(folder):
        shutil.rmtree(folder, ignore_errors=True)
