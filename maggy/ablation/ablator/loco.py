"""Leave One Component Out: an ablation study has one trial for each component.

This module decides which components a study has and what each trial gets. It reads no data and
edits no model itself.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator import study_checks
from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.ablator.study_data import StudyData
from maggy.ablation.component import Component, parts_of
from maggy.ablation.edited_model import EditListener, current_listener
from maggy.ablation.generators import (
    DatasetFunction,
    ModelFunction,
    ModelGenerator,
    build_base_model,
    model_function_of,
    raise_no_base_model,
    try_custom_model,
)
from maggy.ablation.keras_edit import Edit
from maggy.ablation.labels import FEATURE_PARAMETER, LAYER_PARAMETER, NOTHING, ablated_labels
from maggy.ablation.model_edits import (
    check_edits,
    check_layers,
    edit_base_model,
)
from maggy.ablation.study_components import EDIT_KINDS, component_edit, study_components
from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.keras_session import fresh_names
from maggy.common.types import ParameterValue
from maggy.datasets.training_dataset import TrainingDataset
from maggy.trial import Trial

__all__ = ["LOCO", "NOTHING", "Component"]


class LOCO(AbstractAblator):
    """Leave One Component Out: run the base, then one trial for each included component.

    The order is fixed: base, features, groups of features (prefixes, regular expressions, lists),
    single layers, groups of layers (prefixes before lists), replacements, custom models, choices,
    combinations, and within one kind the order of inclusion. The last layer of the base model is
    never removed, and the first one only if it is included by its name and the model knows its
    input.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> from maggy.ablation.ablator import LOCO
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare")
        >>> LOCO(study, []).get_number_of_trials()
        3

    Args:
        ablation_study: The study.
        final_store: The list of ended trials. This ablator does not use it.

    Raises:
        BadArgumentsError: If the study is not an ``AblationStudy``.
    """

    def __init__(self, ablation_study: AblationStudy, final_store: list[Trial]) -> None:
        if not isinstance(ablation_study, AblationStudy):
            raise BadArgumentsError(
                f"LOCO needs an AblationStudy, but got {type(ablation_study).__name__}. "
                "Make one with maggy.ablation.AblationStudy(...)."
            )
        super().__init__(ablation_study, final_store)
        self._queue: list[Component] = []
        self._data = StudyData(ablation_study, self._find_dataset)
        self._function_names: frozenset[str] = frozenset()

    def components(self) -> list[Component]:
        """Return all components in the order of their trials. The first one is the base."""
        return study_components(self.ablation_study)

    def get_number_of_trials(self) -> int:
        """Return the number of trials, the base included."""
        return len(self.components())

    def initialize(self) -> None:
        """Begin with the base trial."""
        self._queue = self.components()

    def get_trial(self, ablation_trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Return the trial of the next component, or None after the last one."""
        return self._trial_of(self._queue.pop(0)) if self._queue else None

    def withdraw(self, label: str) -> Trial | None:
        """Return the trial of the part of the model with this label, and do not suggest it later.

        Returns:
            None if the trial has been suggested already.
        """
        for component in self._queue:
            if component.label == label and not component.is_of_features:
                self._queue.remove(component)
                return self._trial_of(component)
        return None

    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Do nothing."""

    def get_dataset_generator(self, ablated_feature: str | None = None) -> DatasetFunction:
        """Return ``dataset_function(num_epochs, batch_size)`` for the data set without features.

        A registered data set is looked up when that function is called. A generator of the user
        gets several features as a sorted list.
        """
        return self._data.dataset_function(self._feature_component(ablated_feature))

    def get_model_generator(self, layer_identifier: str | None = None) -> ModelFunction:
        """Return ``model_function()``, which at each call builds a new model without a component.

        Args:
            layer_identifier: The label of the component. None and ``"None"`` mean the base model.

        Raises:
            AblationError: If the study has no such component.
        """
        component = self._by_label(NOTHING if layer_identifier is None else layer_identifier)
        if component.kind == "custom":
            return model_function_of(
                self._data.sized(self._custom_generators()[component.names[0]])
            )
        # A missing base model is an error only where it is built: a training function that takes
        # its functions from hparams may never do that.
        base = self._data.sized(
            self.ablation_study.model.base_model_generator or raise_no_base_model
        )
        if component.is_base:
            return model_function_of(base)
        return model_function_of(
            base, functools.partial(self._edited, component, current_listener())
        )

    def prepare(self, function_names: frozenset[str] = frozenset()) -> None:
        """Check the study on the driver: data set, names of features, signatures.

        Args:
            function_names: See :meth:`AbstractAblator.prepare`.
        """
        self._function_names = frozenset(function_names)
        study_checks.check_labels(self.components())
        study_checks.check_combinations(self.components())
        study_checks.check_effects(self._parts(), self._function_names)
        study_checks.check_models(self.ablation_study.model, self._function_names)
        takes_model = "model_function" in self._function_names
        if takes_model:
            study_checks.check_width(self.ablation_study)
        if "dataset_function" in self._function_names:
            study_checks.check_dataset_generator(self.ablation_study, self._parts())
        elif not (takes_model and self._data.takes_width):
            return
        if self.ablation_study.custom_dataset_generator is None:
            self._data.find()
            self._data.check(self._parts(), self._tested_sets())

    def verify(self) -> None:
        """Build the base model once and check the names of all layers.

        If the base model knows its input, every removal is tried, too, but no combination of them,
        and a copy of the model must compute what the model does. Custom models are not built here
        but by :meth:`probes`. A mistake in a custom model or in a combination fails its own trial
        only.
        """
        self._data.check_on_worker(self._parts(), self._tested_sets())
        base = self.ablation_study.model.base_model_generator
        if base is None or "model_function" not in self._function_names:
            return
        # The first trial on this worker must find the automatic names as if nothing was built here.
        with fresh_names(keep=False):
            build = functools.partial(build_base_model, self._data.sized(base))
            model = build()
            self._data.check_input(model, self._parts())
            singles = {component for component in self._tested_sets() if not component.parts}
            parts = [part for part in self._parts() if part.kind in EDIT_KINDS]
            # What is left out only together with something else need not be removable alone.
            for part in parts:
                if part not in singles:
                    check_layers(model, self._edit(part, model))
            edits = [self._edit(part, model) for part in parts if part in singles]
            check_edits(model, edits, build, self.ablation_study.model.example_input)

    def probes(self) -> dict[str, Callable[[], object]]:
        """Return for each custom model a function that builds it once and discards it."""
        if "model_function" not in self._function_names:
            return {}
        generators = self._custom_generators()
        return {
            component.label: functools.partial(
                try_custom_model, self._data.sized(generators[component.names[0]])
            )
            for component in self.components()
            if component.kind == "custom"
        }

    @staticmethod
    def _trial_of(component: Component) -> Trial:
        return Trial(component.params(), trial_type="ablation")

    def for_trial(self, params: Mapping[str, ParameterValue]) -> LOCO:
        """Return an ablator that knows the features and the draw of a trial."""
        component = self._feature_component(ablated_labels(params)[0])
        data = self._data.of_trial(component, params)
        if data is self._data:
            return self
        # Several trials may run in one process, so that each needs an ablator of its own.
        ablator = copy.copy(self)
        ablator._data = data
        return ablator

    def data_fingerprint(self) -> str:
        """Return a text that changes with the registered data set; empty if there is none."""
        return self._data.fingerprint()

    def missing_remark(self) -> str:
        """Return a sentence on missing values that reach the training, or an empty text."""
        return self._data.missing_remark()

    def _edited(self, component: Component, listener: EditListener | None, model: object) -> object:
        edited = edit_base_model(model, self._edit(component, model))
        if listener is not None:
            listener(edited)
        return edited.model

    def _edit(self, component: Component, model: object) -> Edit:
        return component_edit(component, self.ablation_study, model)

    def _custom_generators(self) -> dict[str, ModelGenerator]:
        pairs = self.ablation_study.model.custom_model_generators
        return {identifier: generator for generator, identifier in pairs}

    def _find_dataset(self) -> TrainingDataset:
        # The platform sets find_training_dataset after this object is made.
        name, version, label = study_checks.require_dataset_name(self.ablation_study)
        return self.find_training_dataset(name, version, label)

    def _tested_sets(self) -> Sequence[Component]:
        """Return what is checked before the first trial: all components, or the largest ones."""
        return self.components()

    def _parts(self) -> list[Component]:
        """Return the single components that the trials leave out, alone or together."""
        sets = self._tested_sets()
        return list(dict.fromkeys(part for one in sets for part in (one.parts or (one,))))

    def _of_parameter(self, parameter: str) -> dict[str, Component]:
        return {part.label: part for part in self._parts() if part.parameter == parameter}

    def _feature_component(self, label: ParameterValue | None) -> Component:
        if label in (None, NOTHING):
            return Component.base()
        # The name of a feature may have the form of another label.
        parts = parts_of(str(label), self._of_parameter(FEATURE_PARAMETER))
        # A user's own ablator may leave out features that are no components.
        if parts is None:
            return Component.from_feature_label(label)
        return Component.combination(parts)

    def _by_label(self, label: str) -> Component:
        components = self._of_parameter(LAYER_PARAMETER)
        parts = parts_of(label, components)
        if parts is None:
            raise AblationError(
                f"The study has no model component '{label}'.{closest(label, list(components))} "
                f"Its components are: {', '.join(components)}."
            )
        return Component.combination(parts)
