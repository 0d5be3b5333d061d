"""The driver's file of shared data, and how Spark gets it.

Classic Spark gets a broadcast variable, which reaches an executor when a task asks for it, and
which Spark can forget again. A file of ``SparkContext.addFile`` can do neither. Spark Connect,
which has no broadcast variables, gets an artifact.
"""

from __future__ import annotations

import os
import uuid
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from maggy.common.exceptions import ExperimentError
from maggy.common.spark_files import forget_pickled
from maggy.data.private_files import LockedFile, PrivateFiles
from maggy.data.reference import Reference
from maggy.data.spark_protocols import SparkSession, Variable

__all__ = ["Origin"]


class Origin:
    """A file that is removed with this object, or at the end of the process.

    Args:
        write: Writes the content into a file.
    """

    def __init__(self, write: Callable[[BinaryIO], None]) -> None:
        name = f"maggy-data-{uuid.uuid4().hex}.arrow"
        self.file: LockedFile = PrivateFiles.of_this_user().open(name, write)
        self._remove = weakref.finalize(self, _remove, self.file.path, os.getpid())
        self._variable: Variable | None = None
        self._artifact: str | None = None
        self._application: str | None = None

    def reference(self) -> Reference:
        """Return what tells a task where the content is.

        Spark notes which broadcast variables are pickled with a function, so call this then.
        """
        # In a Spark that has ended there is no task to which it could be sent.
        variable = None
        if self._variable is not None:
            with suppress(Exception):
                variable = self._variable.__reduce__()
        return Reference(self.file.path, self.file.identity, variable, self._artifact)

    def send(self, session: SparkSession) -> None:
        """Hand the content to the Spark of a session, unless that has it.

        On a local master nothing is sent: its executor reads this file.

        Raises:
            ExperimentError: If Spark does not take it.
        """
        is_connect = type(session).__module__.startswith("pyspark.sql.connect")
        context = None if is_connect else session.sparkContext
        application = session.session_id if context is None else context.applicationId
        if application == self._application:
            return
        self._variable = self._artifact = None
        try:
            if context is None:
                session.addArtifacts(self.file.path, file=True)
                self._artifact = os.path.basename(self.file.path)
            elif context.master != "local" and not context.master.startswith("local["):
                with open(self.file.path, "rb") as file:
                    self._variable = context.broadcast(file.read())
        except Exception as error:
            raise ExperimentError(f"Spark cannot send the shared data: {error}") from error
        self._application = application

    def close(self) -> None:
        """Remove the file, and have Spark forget the content.

        A Connect session keeps its artifacts until it ends.
        """
        self._remove()
        self.file.close()
        if self._variable is not None:
            # Spark may have ended, and then it holds nothing any more.
            with suppress(Exception):
                forget_pickled(self._variable)
                self._variable.destroy()


def _remove(path: str, process: int) -> None:
    # A forked process ends with a copy of this call.
    if os.getpid() == process:
        with suppress(OSError):
            os.unlink(path)
