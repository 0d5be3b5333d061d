"""The contract of an ablator.

An ablator decides which component each trial leaves out, and makes the functions for its training.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.choices import values_of
from maggy.ablation.component import Component
from maggy.ablation.generators import DatasetFunction, ModelFunction
from maggy.ablation.labels import NOTHING
from maggy.ablation.metrics import Analysis, ComponentMetrics
from maggy.common.types import Json, ParameterValue
from maggy.datasets import registry as datasets
from maggy.datasets.training_dataset import TrainingDataset
from maggy.trial import Trial

__all__ = ["AbstractAblator"]


class AbstractAblator(ABC):
    """Derive from this class to decide yourself which components an ablation study leaves out.

    On the driver ``prepare`` checks the study, ``initialize`` begins it and ``get_trial`` suggests
    trials. A trial carries labels only: its parameters are
    ``{"ablated_feature": label, "ablated_layer": label}``, and ``"None"`` leaves nothing out.
    (``dataset_function`` and ``model_function``, which release 1 put among them, are ignored.)
    Trials of choices have ``"ablated_choice"``, too. ``Component.params()`` makes all of them.

    The ablator is pickled once for every worker, without its trials. There ``verify`` and
    ``probes`` are called once. For each trial ``get_dataset_generator``, ``get_model_generator``
    and ``get_choices`` turn the labels into what the training function gets.

    Example:
        >>> from maggy.ablation.ablator import LOCO
        >>> class FeaturesOnly(LOCO):
        ...     def components(self):
        ...         kinds = ("base", "feature")
        ...         return [part for part in super().components() if part.kind in kinds]

    Args:
        ablation_study: The study.
        final_store: The list of ended trials. It grows while the experiment runs, and stays on the
            driver.

    Attributes:
        ablation_study: The study.
        final_store: The list of ended trials.
        trial_buffer: A list for trials that ``initialize`` makes and ``get_trial`` suggests. It
            stays on the driver.
        waits_for_results: Whether trials depend on results, so that ``get_trial`` may return
            ``"IDLE"``. Then ``get_number_of_trials`` returns the largest number, and the driver
            sets the next two attributes.
        trial_store: The suggested and running trials by id. The driver updates it, and it stays
            there. A trial that has failed is neither here nor in ``final_store``.
        direction: ``"max"`` or ``"min"``.
        find_training_dataset: Return a training data set by name, version and label. The platform
            sets it.
    """

    find_training_dataset: Callable[[str, int | None, str | None], TrainingDataset] = staticmethod(
        datasets.find_training_dataset
    )

    direction: str = "max"
    waits_for_results: bool = False

    def __init__(self, ablation_study: AblationStudy, final_store: list[Trial]) -> None:
        self.ablation_study = ablation_study
        self.final_store = final_store
        self.trial_buffer: list[Trial] = []
        self.trial_store: dict[str, Trial] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "final_store": [], "trial_buffer": [], "trial_store": {}}

    @abstractmethod
    def get_number_of_trials(self) -> int:
        """Return the number of trials, the base included."""

    @abstractmethod
    def initialize(self) -> None:
        """Begin, so that the next ``get_trial`` suggests the first trial.

        If it is called again, it starts over.
        """

    @abstractmethod
    def get_trial(self, ablation_trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Return the next trial, ``"IDLE"`` to be asked again later, or None for no more trials.

        With repeats, ``"IDLE"`` releases the further repeats of all trials since the last one.

        Args:
            ablation_trial: The trial that has just ended on the worker that is free, or None.
        """

    @abstractmethod
    def get_dataset_generator(self, ablated_feature: str | None = None) -> DatasetFunction | None:
        """Return the function that the training function gets as ``dataset_function``.

        Called on a worker.

        Args:
            ablated_feature: The label of the trial. None and ``"None"`` mean all features.
        """

    @abstractmethod
    def get_model_generator(self, layer_identifier: str | None = None) -> ModelFunction | None:
        """Return the function that the training function gets as ``model_function``.

        Called on a worker.

        Args:
            layer_identifier: The label of the trial. None and ``"None"`` mean the base model.
        """

    def get_choices(self, ablated_choice: str | None = None) -> dict[str, ParameterValue]:
        """Return the arguments that the training function gets in place of its defaults.

        Called on a worker. The values travel with the study.

        Args:
            ablated_choice: The label of the trial. None and ``"None"`` mean the defaults.

        Raises:
            AblationError: If the study has no such choice.
        """
        if ablated_choice is None or ablated_choice == NOTHING:
            return {}
        values = values_of(str(ablated_choice), self.ablation_study.all_choices)
        # What a trial changes in a list must not reach the next one.
        return {
            name: copy.deepcopy(value) if isinstance(value, (list, dict)) else value
            for name, value in values.items()
        }

    @abstractmethod
    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Do what the end of the experiment calls for. Called once.

        Args:
            trials: All trials that ended with a metric.
        """

    def components(self) -> list[Component]:
        """Return the components of the study in the order of their trials, the base first.

        TensorBoard shows their labels as the values of the parameters. The default returns none,
        which limits nothing: trials may have any labels.
        """
        return []

    def prepare(self, function_names: frozenset[str] = frozenset()) -> None:  # noqa: B027
        """Check the study on the driver, before anything is spent. The default checks nothing.

        Args:
            function_names: Which of ``dataset_function`` and ``model_function`` the training
                function takes. Passed by position.

        Raises:
            AblationError: If the study names something that does not exist.
            SignatureError: If the training function, or a generator, cannot take what it needs.
        """

    def verify(self) -> None:  # noqa: B027
        """Check what needs TensorFlow. Called on the first worker, before any trial.

        The default checks nothing.

        Raises:
            AblationError: If the study names something that does not exist.
        """

    def probes(self) -> dict[str, Callable[[], object]]:
        """Return functions by the label of a component. Each builds what the component needs.

        The first worker calls each of them once, before any trial. If one raises, the trial of its
        component fails at once, and all others run. Return only what does not depend on other
        components. The default returns none.
        """
        return {}

    def withdraw(self, label: str) -> Trial | None:
        """Return the trial of a component whose probe failed, and do not suggest it later.

        The default returns None: then the trial runs in its turn and fails there.

        Args:
            label: A key of :meth:`probes`.
        """
        return None

    def trial_options(self) -> dict[str, Json]:
        """Return the options on which its trials depend, which a resumed study must not change.

        The default returns none.
        """
        return {}

    def analyze_metrics(self, metrics: ComponentMetrics, confidence: float) -> Analysis:
        """Return what this ablator adds to the result of the study. The default adds nothing.

        Args:
            metrics: The metrics of all trials that have ended, by component and repeat.
            confidence: The confidence of intervals.
        """
        return Analysis()

    def for_trial(self, params: Mapping[str, ParameterValue]) -> AbstractAblator:
        """Return the ablator that makes the functions of one trial. Called on a worker.

        The default returns this ablator itself.

        Args:
            params: The labels of the trial and, in a study that draws rows at random, ``data_seed``
                and ``fold``.
        """
        return self

    def data_fingerprint(self) -> str:
        """Return a text that changes with the data of the trials. The default returns no text.

        Called on the driver after :meth:`prepare`. A resumed study must have the same data.
        """
        return ""

    def missing_remark(self) -> str:
        """Return a sentence on missing values that reach the training, or an empty text.

        It begins the explanation of a metric that is NaN. The default returns no text.
        """
        return ""

    def name(self) -> str:
        """Return the name of this ablator in results: the name of its class."""
        return type(self).__name__
