"""Define the contract of an environment: where experiments are kept, and which platform shows them.

An environment knows of an experiment only what a platform shows. It does not know trials.
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

    Methods that are not abstract behave as on a machine without a platform. An environment can be
    pickled and sent to a worker that reads its own data.

    Args:
        files: Access to the files of experiments.
    """

    name = "local"
    """The name that chooses this environment, as an argument or in ``$MAGGY_ENVIRONMENT``."""

    def __init__(self, files: Files) -> None:
        self.files = files

    @abstractmethod
    def root(self, log_dir: str | os.PathLike[str] | None = None) -> str:
        """Return the directory of all experiments, which need not exist yet.

        Args:
            log_dir: The directory that the user chose; None for the platform's default.
        """

    def experiments(self, root: str) -> Iterable[str]:
        """Return the names of earlier experiments, which a new one in ``root`` cannot have."""
        return self.files.list(root)

    def variables(self, experiment_id: str) -> dict[str, str]:
        """Return environment variables that the platform's own tools need during an experiment.

        They are set on the driver and in the workers.
        """
        return {}

    def register(self, card: ExperimentCard, tell: Callable[[str], None]) -> Registration:
        """Tell the platform that an experiment begins.

        The experiment's directory exists already. This method never raises an error and does not
        wait long.

        Args:
            card: The description of the experiment for the platform.
            tell: Called with a sentence, at most once, if the platform cannot be told.
        """
        return Registration()

    def find_training_dataset(
        self, name: str, version: int | None = 1, label: str | None = None
    ) -> TrainingDataset:
        """Return a training data set.

        Args:
            name: The name of the data set.
            version: Its version.
            label: The column to predict, which is kept apart from the features.

        Raises:
            AblationError: If there is no such data set. The message lists the places that were
                searched.
        """
        return find_training_dataset(name, version, label)
