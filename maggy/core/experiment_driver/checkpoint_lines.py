"""Say how large checkpoints are, and when they are uploaded more slowly than they are trained."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from maggy.checkpoints.saved import SavedCheckpoint
from maggy.core.experiment_driver.checkpoint_book import Saving
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.result.trial_lines import name_of

__all__ = ["CheckpointLines"]

logger = logging.getLogger(__name__)

SHORT_SECONDS = 0.1
"""Nobody minds an upload that takes less time than this."""


class CheckpointLines:
    """Tell of the checkpoints of one experiment, as a part of the router of notices.

    ``maggy.log`` gets a line about each. The user sees those that say something new: the size of
    the first one, and the first one that is slow.

    Args:
        recorder: Writes the log.
        progress: Shows lines to the user.
        foreground: Runs calls on the thread that called ``lagom``.
        verbose: As in :class:`~maggy.experiment_config.CommonConfig`; 2 shows all lines.
    """

    def __init__(
        self, recorder: Recorder, progress: Progress, foreground: Foreground, verbose: int
    ) -> None:
        self._recorder = recorder
        self._progress = progress
        self._foreground = foreground
        self._verbose = verbose
        self._has_said_size = self._has_said_slow = False

    def tell(self, saving: Saving) -> None:
        """Tell of the new checkpoints of a trial."""
        for line, is_news in self._lines(saving):
            self._recorder.log_soon(line)
            logger.info(line)
            if self._verbose > 1 or (is_news and self._verbose):
                self._foreground.post(self._progress.say, line)

    def _lines(self, saving: Saving) -> Iterator[tuple[str, bool]]:
        """Yield lines, each with whether it says something new."""
        name = name_of(saving.trial)
        for checkpoint in saving.saved:
            size, seconds = size_text(checkpoint.size), checkpoint.seconds
            line = f"{name}: checkpoint of step {checkpoint.step} | {size} | {seconds:.1f} s"
            yield line, not self._has_said_size
            self._has_said_size = True
            if not self._has_said_slow and _is_slow(checkpoint):
                self._has_said_slow = True
                yield (
                    f"{name}: the checkpoint of step {checkpoint.step} took {seconds:.1f} s to "
                    f"upload, longer than the {checkpoint.training_seconds:.1f} s of training "
                    "before it. Save fewer of them, or less in each.",
                    True,
                )


def size_text(size: int) -> str:
    """Return a number of bytes in the unit that fits it.

    Example:
        >>> size_text(1), size_text(1536), size_text(3 * 2**30)
        ('1 byte', '1.5 KiB', '3.0 GiB')
    """
    if size < 1024:
        return f"{size} byte{'' if size == 1 else 's'}"
    number, units = size / 1024, ["KiB", "MiB", "GiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        del units[0]
    return f"{number:,.1f} {units[0]}"


def _is_slow(checkpoint: SavedCheckpoint) -> bool:
    seconds = checkpoint.seconds
    return seconds >= SHORT_SECONDS and seconds > checkpoint.training_seconds
