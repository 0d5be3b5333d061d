"""Say where shared data are, and open them on the machine of a trial."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from maggy.common.exceptions import BadArgumentsError, ExperimentError
from maggy.common.spark_files import forget_value, session_file
from maggy.data.private_files import LockedFile, PrivateFiles
from maggy.data.spark_protocols import Variable

__all__ = ["Reference", "open_file"]


@dataclass(frozen=True)
class Reference:
    """Say where the data are. This is what travels with a training function.

    Attributes:
        path: The file of the process that has sent the reference, which may be on this machine.
        identity: The file's device, number and size, by which it is recognized.
        variable: The content in Spark, as the function and the arguments that give the broadcast
            variable in a task; None if it is not there. In other processes the function fails.
        artifact: The name of the content as a file of a Connect session; None if it is none.
    """

    path: str
    identity: tuple[int, int, int]
    variable: tuple[Callable[..., Variable], tuple[object, ...]] | None = None
    artifact: str | None = None


def open_file(reference: Reference) -> LockedFile:
    """Return the file with the shared data on this machine. Make it if no process has made it.

    Raises:
        BadArgumentsError: If the data were closed, or did not come through Spark.
        ExperimentError: If Spark cannot bring the content.
    """
    file = LockedFile.open(reference.path)
    if file is not None and file.identity == reference.identity:
        return file
    if reference.artifact is not None:
        return _open_artifact(reference.artifact)
    if reference.variable is None:
        raise BadArgumentsError(
            "The shared data are not on this machine. They were closed, or this handle has not "
            "come here through Spark. Share the frame again, and close it after the experiment."
        )
    find, arguments = reference.variable

    def write(file: BinaryIO) -> None:
        try:
            variable = find(*arguments)
            content = variable.value
        except Exception as error:
            raise ExperimentError(
                f"Spark cannot bring the shared data to this executor: {error}. "
                "If they were closed, share the frame again, and close it after the experiment."
            ) from error
        forget_value(variable)
        file.write(content)

    return PrivateFiles.of_this_executor().open(os.path.basename(reference.path), write)


def _open_artifact(name: str) -> LockedFile:
    """Return the file that Spark has made on this executor of an artifact."""
    path = session_file(name)
    if path is not None and (file := LockedFile.open(path)) is not None:
        os.chmod(path, 0o600)  # Spark makes it readable and executable for everybody
        return file
    raise BadArgumentsError(
        "The shared data are not on this executor: they were closed, or the Connect session that "
        "has sent them has ended. Share the frame again."
    )
