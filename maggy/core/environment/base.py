"""The contract of an environment: where experiments are kept, the few file verbs that this takes, who is told of them.

It knows paths and bytes, and of an experiment only what a platform shows; nothing of trials.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from maggy.ablation.datasets import find_training_dataset
from maggy.ablation.trainingdataset import TrainingDataset
from maggy.core.environment.registration import ExperimentCard, Registration

__all__ = ["Environment"]


class Environment(ABC):
    """A platform's place for experiments and the verbs to read and write there.

    Paths are strings, as :meth:`root` and :meth:`join` make them. Every verb raises ``OSError`` (or one of its
    subclasses) when the file system refuses. An environment holds nothing but what it was made with, so that it can
    travel to a worker that reads its own data. What is not abstract does, off a platform, what is needed there.
    """

    name = "local"
    """What chooses this environment, as an argument or in ``$MAGGY_ENVIRONMENT``."""

    @abstractmethod
    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """The directory that holds all experiments; it need not exist yet.

        Args:
            log_dir: What the user asked for; None for the platform's default.
        """

    @abstractmethod
    def join(self, *parts: str) -> str:
        """One path from its parts."""

    @abstractmethod
    def make_directory(self, path: str, exist_ok: bool = False) -> None:
        """Makes a directory and the ones above it.

        Args:
            path: The directory.
            exist_ok: Whether it may be there already. If not, of several processes that ask at once only one
                gets it, as far as the file system can promise that.

        Raises:
            FileExistsError: It is there already and ``exist_ok`` is False.
        """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is a file or directory at ``path``."""

    @abstractmethod
    def list(self, path: str) -> list[str]:
        """The names (not paths) in a directory, sorted; empty when there is no such directory."""

    @abstractmethod
    def read_bytes(self, path: str) -> bytes:
        """The whole file.

        Raises:
            FileNotFoundError: There is none.
        """

    @abstractmethod
    def write_bytes(self, path: str, data: bytes, atomic: bool = True) -> None:
        """Writes the whole file; unlike :meth:`append_bytes` it replaces what was there.

        Args:
            path: The file; its directory must exist.
            data: The content.
            atomic: A reader, and a crash, sees the old content or the new one, never a part. False is quicker
                and good for files that nothing depends on.
        """

    @abstractmethod
    def create_bytes(self, path: str, data: bytes) -> None:
        """Writes a file that must be new.

        Of several processes that ask at once only one succeeds, as far as the file system can promise that. A reader
        may see a part of the content until this returns.

        Raises:
            FileExistsError: It is there already.
        """

    @abstractmethod
    def append_bytes(self, path: str, data: bytes) -> None:
        """Adds to the end of the file, which is made if it is not there."""

    @abstractmethod
    def rename(self, path: str, new_path: str) -> None:
        """Gives a file or directory another name in the same directory."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Removes a file; no error when there is none."""

    def remove_temporary(self, path: str) -> None:  # noqa: B027 (not every store needs temporary files)
        """Removes what an atomic write that was cut off left in a directory and in those directly below it."""

    def experiments(self, root: str) -> Iterable[str]:
        """The names that a new experiment in ``root`` cannot have, since earlier ones have them."""
        return self.list(root)

    def variables(self, experiment_id: str) -> dict[str, str]:
        """Environment variables that the platform's own tools expect during an experiment, on driver and workers."""
        return {}

    def register(self, card: ExperimentCard, tell: Callable[[str], None]) -> Registration:
        """Tells the platform that an experiment begins; its directory is there already. Never raises, nor waits long.

        Args:
            card: What the platform shows of the experiment.
            tell: Called with a sentence, at most once, if the platform cannot be told.
        """
        return Registration()

    def find_training_dataset(self, name: str, version: int | None = 1, label: str | None = None) -> TrainingDataset:
        """The training data set of this name and version, with ``label`` kept apart from the features.

        Raises:
            AblationError: There is none; the message says where was looked.
        """
        return find_training_dataset(name, version, label)
