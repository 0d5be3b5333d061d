"""The directory for the TensorBoard files of a training function. TensorBoard is never imported."""

from __future__ import annotations

import os

from maggy.common.exceptions import NotSupportedError

__all__ = ["logdir"]

VARIABLE = "MAGGY_TRIAL_LOGDIR"
"""The environment variable in which the worker puts the directory."""


def logdir() -> str:
    """Return the directory of the running trial.

    TensorBoard shows the files there as that trial's.

    Example:
        >>> def train(lr):
        ...     import keras
        ...     from maggy import tensorboard
        ...
        ...     callback = keras.callbacks.TensorBoard(log_dir=tensorboard.logdir())

    Returns:
        A path on the machine that runs the trial, which is created if it does not exist, or a URL
        if the experiment is recorded at one.

    Raises:
        NotSupportedError: If no trial runs in this process. It is a ``RuntimeError``.
    """
    directory = os.environ.get(VARIABLE)
    if not directory:
        raise NotSupportedError(
            "tensorboard.logdir() must be called inside a training function, but no trial runs in "
            "this process. Move the call into the function that is given to experiment.lagom."
        )
    # A store has no empty directories, so there is nothing to create at a URL.
    if "://" not in directory:
        os.makedirs(directory, exist_ok=True)
    return directory
