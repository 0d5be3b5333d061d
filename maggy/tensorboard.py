"""Where a training function writes its own TensorBoard files. Nothing here imports TensorBoard."""

from __future__ import annotations

import os

from maggy.common.exceptions import NotSupportedError

__all__ = ["logdir"]

VARIABLE = "MAGGY_TRIAL_LOGDIR"


def logdir() -> str:
    """The directory of the trial that is running; TensorBoard shows what is written there as that trial's.

    It is a path of the machine that the trial runs on, made if it is not there, or a URL when the experiment is
    kept at one.

    Example:
        >>> def train(lr):
        ...     import keras
        ...     from maggy import tensorboard
        ...     callback = keras.callbacks.TensorBoard(log_dir=tensorboard.logdir())

    Raises:
        NotSupportedError: A ``RuntimeError``: no trial runs in this process.
    """
    directory = os.environ.get(VARIABLE)
    if not directory:
        raise NotSupportedError(
            "tensorboard.logdir() must be called inside a training function, but no trial runs in this process. "
            "Move the call into the function that is given to experiment.lagom."
        )
    if "://" not in directory:
        os.makedirs(directory, exist_ok=True)
    return directory
