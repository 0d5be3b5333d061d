"""Leave One Component Out: an ablation study has one trial for each component.

This module decides which components a study has and what each trial gets. It reads no data and
edits no model itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator import study_checks
from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.component import NOTHING, Component
from maggy.ablation.edited_model import EditListener, current_listener
from maggy.ablation.generators import (
    DatasetFunction,
    ModelFunction,
    ModelGenerator,
    build_base_model,
    dataset_function_of,
    model_function_of,
    raise_no_base_model,
    try_custom_model,
)
from maggy.ablation.keras_edit import Edit
from maggy.ablation.model_edits import check_edits, edit_base_model, layers_with_prefix
from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.keras_session import fresh_names
from maggy.datasets.training_dataset import TrainingDataset
from maggy.trial import Trial

__all__ = ["LOCO", "NOTHING", "Component"]


class LOCO(AbstractAblator):
    """Leave One Component Out: run the base, then one trial for each included component.

    The order is fixed: base, features, single layers, groups (prefixes before lists), custom
    models, and within one kind the order of inclusion. The last layer of the base model is never
    removed, and the first one only if it is included by its name and the model knows its input.

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
        self._dataset: TrainingDataset | None = None
        self._function_names: frozenset[str] = frozenset()

    def components(self) -> list[Component]:
        """Return all components in the order of their trials. The first one is the base."""
        study, layers = self.ablation_study, self.ablation_study.model.layers
        return [
            Component.base(),
            *map(Component.feature, study.features.included_features),
            *map(Component.layer, layers.included_layers),
            *map(Component.prefix, layers.included_prefixes),
            *map(Component.group, layers.included_groups),
            *(Component.replacement(*replacement.key) for replacement in layers.replacements),
            *map(Component.custom, self._custom_generators()),
        ]

    def get_number_of_trials(self) -> int:
        """Return the number of trials, the base included."""
        return len(self.components())

    def initialize(self) -> None:
        """Begin with the base trial."""
        self._queue = self.components()

    def get_trial(self, ablation_trial: Trial | None = None) -> Trial | None:
        """Return the trial of the next component, or None after the last one."""
        return _trial_of(self._queue.pop(0)) if self._queue else None

    def withdraw(self, label: str) -> Trial | None:
        """Return the trial of the part of the model with this label, and do not suggest it later.

        Returns:
            None if the trial has been suggested already.
        """
        for component in self._queue:
            if component.label == label and component.kind != "feature":
                self._queue.remove(component)
                return _trial_of(component)
        return None

    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Do nothing."""

    def get_dataset_generator(self, ablated_feature: str | None = None) -> DatasetFunction:
        """Return ``dataset_function(num_epochs, batch_size)`` for the data set without a feature.

        A registered data set is looked up when that function is called.
        """
        # Users' own code may pass the label of a trial as it is.
        feature = None if ablated_feature in (None, NOTHING) else ablated_feature
        generator = self.ablation_study.custom_dataset_generator
        if generator is not None:
            return dataset_function_of(generator, feature)
        # The data set stays in this ablator, so the next trial on the same worker has it in memory.
        return lambda num_epochs, batch_size: self._training_dataset().dataset(
            num_epochs, batch_size, feature
        )

    def get_model_generator(self, layer_identifier: str | None = None) -> ModelFunction:
        """Return ``model_function()``, which at each call builds a new model without a component.

        Args:
            layer_identifier: The label of the component. None and ``"None"`` mean the base model.

        Raises:
            AblationError: If the study has no such component.
        """
        component = self._by_label(NOTHING if layer_identifier is None else layer_identifier)
        if component.kind == "custom":
            return model_function_of(self._custom_generators()[component.names[0]])
        # A missing base model is an error only where it is built: a training function that takes
        # its functions from hparams may never do that.
        base = self.ablation_study.model.base_model_generator or raise_no_base_model
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
        components = self.components()
        study_checks.check_labels(components)
        study_checks.check_effects(components, self._function_names)
        study_checks.check_models(self.ablation_study.model, self._function_names)
        if "dataset_function" not in self._function_names:
            return
        if self.ablation_study.custom_dataset_generator is not None:
            study_checks.check_dataset_generator(self.ablation_study)
            return
        # The platform may find another data set than the last time.
        self._dataset = None
        dataset = self._training_dataset()
        # The columns of TFRecord are read on a worker; see verify().
        if dataset.names is not None:
            dataset.check_names(self.ablation_study.features.included_features)
            dataset.load()

    def verify(self) -> None:
        """Build the base model once and check the names of all layers.

        If the base model knows its input, every removal is tried, too, and a copy of the model must
        compute what the model does. Custom models are not built here but by :meth:`probes`, because
        a mistake in one of them fails its own trial only.
        """
        # Without names it is TFRecord, which needs TensorFlow, and the driver may not have that.
        if self._dataset is not None and self._dataset.names is None:
            self._dataset.check_names(self.ablation_study.features.included_features)
        base = self.ablation_study.model.base_model_generator
        if base is None or "model_function" not in self._function_names:
            return
        # The first trial on this worker must find the automatic names as if nothing was built here.
        with fresh_names(keep=False):
            model = build_base_model(base)
            edits = [
                self._edit(component, model)
                for component in self.components()
                if component.kind in ("layer", "prefix", "group", "replacement")
            ]
            build = functools.partial(build_base_model, base)
            check_edits(model, edits, build, self.ablation_study.model.example_input)

    def probes(self) -> dict[str, Callable[[], object]]:
        """Return for each custom model a function that builds it once and discards it."""
        if "model_function" not in self._function_names:
            return {}
        generators = self._custom_generators()
        return {
            component.label: functools.partial(try_custom_model, generators[component.names[0]])
            for component in self.components()
            if component.kind == "custom"
        }

    def _edited(self, component: Component, listener: EditListener | None, model: object) -> object:
        edited = edit_base_model(model, self._edit(component, model))
        if listener is not None:
            listener(edited)
        return edited.model

    def _edit(self, component: Component, model: object) -> Edit:
        """Return how the base model changes together with a component."""
        if component.kind == "replacement":
            factories = {
                Component.replacement(*replacement.key).label: replacement.factory
                for replacement in self.ablation_study.model.layers.replacements
            }
            return Edit(replacements={component.names[0]: factories[component.label]})
        if component.kind == "prefix":
            return Edit(frozenset(layers_with_prefix(model, component.names[0])))
        # Whoever names the first layer means it. Prefixes and groups spare it.
        return Edit(frozenset(component.names), may_remove_first=component.kind == "layer")

    def _custom_generators(self) -> dict[str, ModelGenerator]:
        pairs = self.ablation_study.model.custom_model_generators
        return {identifier: generator for generator, identifier in pairs}

    def _training_dataset(self) -> TrainingDataset:
        if self._dataset is None:
            name, version, label = study_checks.require_dataset_name(self.ablation_study)
            self._dataset = self.find_training_dataset(name, version, label)
        return self._dataset

    def _by_label(self, label: str) -> Component:
        components = {part.label: part for part in self.components() if part.kind != "feature"}
        if label not in components:
            raise AblationError(
                f"The study has no model component '{label}'.{closest(label, list(components))} "
                f"Its components are: {', '.join(components)}."
            )
        return components[label]


def _trial_of(component: Component) -> Trial:
    return Trial(component.params(), trial_type="ablation")
