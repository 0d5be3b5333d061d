"""The contract of an ablator: which component each trial leaves out, and the functions its training gets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from maggy.datasets import registry as datasets
from maggy.datasets.training_dataset import TrainingDataset
from maggy.trial import Trial

__all__ = ["AbstractAblator"]


class AbstractAblator(ABC):
    """Derive from this class to decide yourself which components an ablation study leaves out.

    On the driver ``prepare`` checks the study, ``initialize`` begins and ``get_trial`` is asked for trials,
    which carry labels only: their parameters are ``{"ablated_feature": label, "ablated_layer": label}`` and
    ``"None"`` stands for nothing left out. (``dataset_function`` and ``model_function``, which release 1
    wanted among them, are dropped.) The ablator is pickled once to every worker, without ``final_store`` and
    ``trial_buffer``; there ``verify`` and ``probes`` run once, and for each trial ``get_dataset_generator``
    and ``get_model_generator`` turn the labels into the functions that the training function gets.

    Args:
        ablation_study: The study.
        final_store: The list of ended trials; it grows while the experiment runs, and stays on the driver.

    Attributes:
        trial_buffer: A list for trials that ``initialize`` makes and ``get_trial`` gives; stays on the driver.
        find_training_dataset: Looks a training data set up by name, version and label, as the platform does it.

    Example:
        >>> from maggy.ablation.ablator import LOCO
        >>> class FeaturesOnly(LOCO):
        ...     def components(self):
        ...         return [part for part in super().components() if part.kind in ("base", "feature")]
    """

    find_training_dataset: Callable[[str, int | None, str | None], TrainingDataset] = staticmethod(
        datasets.find_training_dataset
    )

    def __init__(self, ablation_study: Any, final_store: list[Trial]) -> None:
        self.ablation_study = ablation_study
        self.final_store = final_store
        self.trial_buffer: list[Trial] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "final_store": [], "trial_buffer": []}

    @abstractmethod
    def get_number_of_trials(self) -> int:
        """How many trials there will be, the base included."""

    @abstractmethod
    def initialize(self) -> None:
        """Begins: the next ``get_trial`` gives the first trial. Called again, it begins anew."""

    @abstractmethod
    def get_trial(self, ablation_trial: Trial | None = None) -> Trial | None:
        """The next trial, or None when there are no more.

        Args:
            ablation_trial: The trial that has just ended on the worker that asks, if any.
        """

    @abstractmethod
    def get_dataset_generator(
        self, ablated_feature: str | None = None
    ) -> Callable[[int, int], Any] | None:
        """The function that the training function gets as ``dataset_function``; called on a worker.

        Args:
            ablated_feature: The trial's label; None and ``"None"`` mean all features.
        """

    @abstractmethod
    def get_model_generator(self, layer_identifier: str | None = None) -> Callable[[], Any] | None:
        """The function that the training function gets as ``model_function``; called on a worker.

        Args:
            layer_identifier: The trial's label; None and ``"None"`` mean the base model.
        """

    @abstractmethod
    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Called once at the end with all ended trials."""

    def prepare(self, offered: frozenset[str] = frozenset()) -> None:  # noqa: B027
        """Checks the study on the driver, before anything is spent; the default checks nothing.

        Args:
            offered: Which of ``dataset_function`` and ``model_function`` the training function takes.

        Raises:
            AblationError: The study names what is not there.
            SignatureError: The training function, or a generator, cannot take what it needs.
        """

    def verify(self) -> None:  # noqa: B027
        """Checks on the first worker, before any trial, what needs TensorFlow; the default checks nothing.

        Raises:
            AblationError: The study names what is not there.
        """

    def probes(self) -> dict[str, Callable[[], Any]]:
        """Return what is built once on the first worker, before any trial, by the component's label.

        One that raises refuses nothing: its own trial fails at once, and all others run. Return only what does not
        depend on other components; the default has nothing to build.
        """
        return {}

    def withdraw(self, label: str) -> Trial | None:
        """Return the trial of a component whose probe failed, and do not give it any more.

        Args:
            label: A key of :meth:`probes`. With None, the default, the trial runs in its turn and fails there.
        """
        return None

    def name(self) -> str:
        """What results call this ablator: the name of its class."""
        return type(self).__name__
