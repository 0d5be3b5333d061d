"""The data set of a study, as an ablator needs it on the driver and for each trial."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator import study_checks
from maggy.ablation.component import Component
from maggy.ablation.feature_data import (
    TrialView,
    ablated_columns,
    check_registered_data,
    feature_argument,
    missing_remark,
    registered_function,
)
from maggy.ablation.generators import (
    DatasetFunction,
    ModelGenerator,
    dataset_function_of,
    sized_generator,
    takes_width,
)
from maggy.common.types import ParameterValue
from maggy.datasets.options import Draw
from maggy.datasets.training_dataset import TrainingDataset

__all__ = ["StudyData"]


class StudyData:
    """Find the data set of a study once, check it, and make what trials get of it.

    Args:
        study: The study.
        find: Return its registered data set.
    """

    def __init__(self, study: AblationStudy, find: Callable[[], TrainingDataset]) -> None:
        self._study = study
        self._find = find
        self._dataset: TrainingDataset | None = None
        # The features that the trial leaves out, and its draw; see of_trial().
        self._ablated = Component.base()
        self._draw = Draw()

    @property
    def takes_width(self) -> bool:
        """Whether the base model generator takes the number of features, and that is known."""
        base = self._study.model.base_model_generator
        return base is not None and study_checks.knows_width(self._study) and takes_width(base)

    def find(self) -> None:
        """Look up the registered data set, although it may have been found before.

        The platform may find another one than the last time.
        """
        self._dataset = self._find()

    def check(self, components: Sequence[Component], sets: Sequence[Component]) -> None:
        """Check that all components can be left out, and that the options fit the data.

        Nothing is checked of TFRecord, whose columns need TensorFlow: the driver may not have that.

        Args:
            components: The single components of the study.
            sets: What its trials leave out: components and combinations of them.

        Raises:
            AblationError: If a component cannot be left out, or an option does not fit the data.
        """
        if self._training_dataset().names is not None:
            self._check(components, sets, self._training_dataset())

    def check_on_worker(self, components: Sequence[Component], sets: Sequence[Component]) -> None:
        """Check what :meth:`check` could not check on the driver.

        Args:
            components: See :meth:`check`.
            sets: See :meth:`check`.

        Raises:
            AblationError: As :meth:`check`.
        """
        if self._dataset is not None and self._dataset.names is None:
            self._check(components, sets, self._dataset)

    def _check(
        self,
        components: Sequence[Component],
        sets: Sequence[Component],
        dataset: TrainingDataset,
    ) -> None:
        combinations = [component for component in sets if component.parts]
        check_registered_data(components, combinations, dataset, self._study.data_options)

    def check_input(self, model: object, components: Sequence[Component]) -> None:
        """Refuse a base model that cannot be trained on fewer features.

        Raises:
            AblationError: If columns are dropped, and the input has the width of all features.
        """
        is_dropped = self._study.data_options.feature_ablation == "drop"
        labels = [component.label for component in components if component.is_of_features]
        if self._dataset is None or not is_dropped or not labels or self.takes_width:
            return
        width = len(self._view(Component.base()).names)
        study_checks.check_input_width(model, width, labels)

    def of_trial(self, component: Component, params: Mapping[str, ParameterValue]) -> StudyData:
        """Return the data of the study for one trial; this object if the trials do not differ.

        Args:
            component: The features that the trial leaves out.
            params: ``data_seed`` and ``fold``, if the study draws rows at random.
        """
        if not (self._study.data_options.needs_draw or self.takes_width):
            return self
        data = copy.copy(self)
        data._ablated = component
        data._draw = Draw(params.get("data_seed", 0), params.get("fold", 0))
        return data

    def dataset_function(self, component: Component) -> DatasetFunction:
        """Return ``dataset_function`` for a trial that leaves out these features."""
        generator = self._study.custom_dataset_generator
        if generator is not None:
            return dataset_function_of(generator, feature_argument(component))
        return registered_function(functools.partial(self._view, component))

    def sized(self, generator: ModelGenerator) -> ModelGenerator:
        """Return a generator of models that gives a user's one the trial's number of features."""
        if not study_checks.knows_width(self._study):
            return generator
        return sized_generator(generator, lambda: len(self._view(self._ablated).names))

    def fingerprint(self) -> str:
        """Return a text that changes with the registered data set; empty if there is none."""
        return "" if self._dataset is None else self._dataset.fingerprint()

    def missing_remark(self) -> str:
        """Return a sentence on missing values that reach the training, or an empty text."""
        if self._dataset is None or self._study.data_options.missing != "keep":
            return ""
        return missing_remark(self._dataset)

    def _view(self, component: Component) -> TrialView:
        dataset = self._training_dataset()
        return dataset.of_trial(
            ablated_columns(component, dataset), self._study.data_options, self._draw
        )

    def _training_dataset(self) -> TrainingDataset:
        # It stays here, so the next trial on the same worker has it in memory.
        if self._dataset is None:
            self._dataset = self._find()
        return self._dataset
