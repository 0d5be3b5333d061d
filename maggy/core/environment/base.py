"""The contract of an environment: where experiments are kept, and which platform is told of them.

It knows of an experiment only what a platform shows, and nothing of trials.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from maggy.common.files import Files
from maggy.core.environment.registration import ExperimentCard, Registration
from maggy.datasets.registry import find_training_dataset
from maggy.datasets.training_dataset import TrainingDataset

__all__ = ["Environment"]


class Environment(ABC):
    """A platform on which experiments run.

    Methods that are not abstract do what is right without a platform. An environment can be pickled and sent to a
    worker that reads its own data.

    Args:
        files: Reads and writes where experiments are kept.
    """

    name = "local"
    """What chooses this environment, as an argument or in ``$MAGGY_ENVIRONMENT``."""

    def __init__(self, files: Files) -> None:
        self.files = files

    @abstractmethod
    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """The directory that holds all experiments; it need not exist yet.

        Args:
            log_dir: What the user asked for; None for the platform's default.
        """

    def experiments(self, root: str) -> Iterable[str]:
        """The names that a new experiment in ``root`` cannot have, since earlier ones have them."""
        return self.files.list(root)

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

    def find_training_dataset(
        self, name: str, version: int | None = 1, label: str | None = None
    ) -> TrainingDataset:
        """The training data set of this name and version, with ``label`` kept apart from the features.

        Raises:
            AblationError: There is none; the message says where was looked.
        """
        return find_training_dataset(name, version, label)
