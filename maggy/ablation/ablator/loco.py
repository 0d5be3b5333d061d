"""Leave One Component Out: one trial for each component of the study. Reads no data and edits no model itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from maggy.ablation import keras_surgery
from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.common.exceptions import (
    AblationError,
    BadArgumentsError,
    MissingDependencyError,
    SignatureError,
)
from maggy.common.json_values import closest
from maggy.common.keras_session import call_generator, fresh_names
from maggy.datasets.training_dataset import TrainingDataset
from maggy.trial import Trial

__all__ = ["LOCO", "Component"]

NOTHING = "None"


@dataclass(frozen=True)
class Component:
    """What one trial leaves out, or for ``custom`` puts in.

    Attributes:
        kind: ``base``, ``feature``, ``layer``, ``prefix``, ``group`` or ``custom``.
        label: What the trial, and every record of it, calls it.
        names: The feature, the layers, the prefix or the custom model's identifier.
    """

    kind: str
    label: str = NOTHING
    names: tuple[str, ...] = ()

    def params(self) -> dict[str, str]:
        """The parameters of its trial."""
        feature, layer = (self.label, NOTHING) if self.kind == "feature" else (NOTHING, self.label)
        return {"ablated_feature": feature, "ablated_layer": layer}


class LOCO(AbstractAblator):
    """Leave One Component Out: the base, then one trial for each included component.

    The order is fixed: base, features, single layers, groups (prefixes before lists), custom models, each
    in the order of inclusion. The first and the last layer of the base model are never removed.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> from maggy.ablation.ablator import LOCO
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare")
        >>> LOCO(study, []).get_number_of_trials()
        3

    Args:
        ablation_study: The study.
        final_store: The list of ended trials, which this ablator does not use.
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
        self._offered: frozenset[str] = frozenset()

    def components(self) -> list[Component]:
        """All components in the order of their trials; the base is the first."""
        study, layers = self.ablation_study, self.ablation_study.model.layers
        return [
            Component("base"),
            *(Component("feature", name, (name,)) for name in study.features.included_features),
            *(Component("layer", name, (name,)) for name in layers.included_layers),
            *(
                Component("prefix", f"Layers prefixed {prefix}", (prefix,))
                for prefix in layers.included_prefixes
            ),
            *(Component("group", str(group), tuple(group)) for group in layers.included_groups),
            *(
                Component("custom", f"Custom model: {name}", (name,))
                for _, name in study.model.custom_model_generators
            ),
        ]

    def get_number_of_trials(self) -> int:
        """How many trials there will be, the base included."""
        return len(self.components())

    def initialize(self) -> None:
        """Begins with the base trial."""
        self._queue = self.components()

    def get_trial(self, ablation_trial: Trial | None = None) -> Trial | None:
        """The next component's trial, or None when all have been given."""
        return Trial(self._queue.pop(0).params(), trial_type="ablation") if self._queue else None

    def withdraw(self, label: str) -> Trial | None:
        """Return the trial of the model component with this label, if it has not been given yet."""
        for component in self._queue:
            if component.label == label and component.kind != "feature":
                self._queue.remove(component)
                return Trial(component.params(), trial_type="ablation")
        return None

    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Does nothing."""

    def get_dataset_generator(
        self, ablated_feature: str | None = None
    ) -> Callable[[int, int], Any]:
        """``dataset_function(num_epochs, batch_size)`` without this feature; what it needs is looked up when called."""
        feature = None if ablated_feature in (None, NOTHING) else ablated_feature
        generator = self.ablation_study.custom_dataset_generator
        if generator is not None:
            return _with_feature(generator, feature)
        return lambda num_epochs, batch_size: self._training_dataset().dataset(
            num_epochs, batch_size, feature
        )

    def get_model_generator(self, layer_identifier: str | None = None) -> Callable[[], Any]:
        """``model_function()``: builds the model without the component of this label, anew at each call."""
        component = self._by_label(NOTHING if layer_identifier is None else layer_identifier)
        if component.kind == "custom":
            custom = {
                name: made for made, name in self.ablation_study.model.custom_model_generators
            }
            return _named_afresh(custom[component.names[0]])
        base = self.ablation_study.model.base_model_generator or _no_base_model
        if component.kind == "base":
            return _named_afresh(base)
        return _named_afresh(base, lambda model: _without(model, component))

    def prepare(self, offered: frozenset[str] = frozenset()) -> None:
        """Checks the study on the driver: data set, feature names, signatures; see ``AbstractAblator.prepare``."""
        self._offered = frozenset(offered)
        components, model = self.components(), self.ablation_study.model
        self._check_labels(components)
        self._check_takes(
            "dataset_function", [part for part in components if part.kind == "feature"]
        )
        self._check_takes(
            "model_function", [part for part in components if part.kind not in ("base", "feature")]
        )
        if "model_function" in offered and model.base_model_generator is None:
            _no_base_model()
        for generator in (
            model.base_model_generator,
            *(made for made, _ in model.custom_model_generators),
        ):
            if generator is not None:
                _check_model_generator(generator)
        if "dataset_function" in offered:
            self._check_dataset()

    def verify(self) -> None:
        """Builds the base model once and checks every layer name; see ``AbstractAblator.verify``.

        If the base model knows its input, every removal is tried as well. Custom models are not built here, but
        as :meth:`probes`: a mistake in one of them is its own trial's failure.
        """
        if self._dataset is not None and self._dataset.names is None:
            self._dataset.check_names(self.ablation_study.features.included_features)
        base = self.ablation_study.model.base_model_generator
        if base is None or "model_function" not in self._offered:
            return
        with fresh_names(keep=False):
            model = _base_model(base)
            for component in self.components():
                if component.kind not in ("layer", "prefix", "group"):
                    continue
                names = _names_to_remove(model, component)
                keras_surgery.require_removable(model, names)
                if keras_surgery.has_input(model):
                    keras_surgery.remove_layers(model, names)

    def probes(self) -> dict[str, Callable[[], Any]]:
        """Return a function for each custom model that builds it and forgets it."""
        if "model_function" not in self._offered:
            return {}
        custom = {name: made for made, name in self.ablation_study.model.custom_model_generators}
        return {
            component.label: functools.partial(_build, custom[component.names[0]])
            for component in self.components()
            if component.kind == "custom"
        }

    def _training_dataset(self) -> TrainingDataset:
        if self._dataset is None:
            study = self.ablation_study
            if study.training_dataset_name is None:
                raise AblationError(
                    "The study names no training data set. Give training_dataset_name and register the data with "
                    "maggy.ablation.register_training_dataset(), or give the study a dataset_generator."
                )
            if study.label_name is None:
                raise AblationError(
                    "A study on a registered training data set must name the column to predict: "
                    f"AblationStudy('{study.training_dataset_name}', label_name='...')."
                )
            self._dataset = self.find_training_dataset(
                study.training_dataset_name, study.training_dataset_version, study.label_name
            )
        return self._dataset

    def _check_dataset(self) -> None:
        features = self.ablation_study.features.included_features
        generator = self.ablation_study.custom_dataset_generator
        if generator is not None:
            if _generator_arity(generator) == 2 and features:
                raise SignatureError(
                    f"The study ablates features ({', '.join(features)}), but its data set generator takes no feature, "
                    "so nothing would be left out. Write it as f(num_epochs, batch_size, ablated_feature)."
                )
            return
        self._dataset = None
        dataset = self._training_dataset()
        if dataset.names is not None:
            dataset.check_names(features)
            dataset.load()

    def _check_takes(self, parameter: str, components: list[Component]) -> None:
        if components and parameter not in self._offered:
            raise SignatureError(
                f"The study leaves out {', '.join(part.label for part in components)}, but the training function does "
                f"not take {parameter}, so nothing would change. Add the parameter {parameter} and use what it returns."
            )

    def _check_labels(self, components: list[Component]) -> None:
        labels = [tuple(component.params().values()) for component in components]
        for position, pair in enumerate(labels):
            if pair in labels[:position]:
                raise AblationError(
                    f"Every component needs a label of its own, but two have '{components[position].label}'. "
                    "Rename the layer, group or custom model."
                )

    def _by_label(self, label: str) -> Component:
        known = {part.label: part for part in self.components() if part.kind != "feature"}
        if label not in known:
            raise AblationError(
                f"The study has no model component '{label}'.{closest(label, list(known))} "
                f"Its components are: {', '.join(known)}."
            )
        return known[label]


def _no_base_model() -> NoReturn:
    raise AblationError(
        "The training function takes model_function, so the study needs a base model. "
        "Set it with ablation_study.model.set_base_model_generator(function)."
    )


def _build(generator: Callable[[], Any]) -> None:
    with fresh_names(keep=False):
        if call_generator(generator) is None:
            name = getattr(generator, "__name__", type(generator).__name__)
            raise AblationError(
                f"The custom model generator {name}() must return a model, but it returned None."
            )


def _named_afresh(
    generator: Callable[[], Any], change: Callable[[Any], Any] | None = None
) -> Callable[[], Any]:
    def model_function() -> Any:
        with fresh_names():
            model = call_generator(generator)
            return model if change is None else change(model)

    return model_function


def _without(model: Any, component: Component) -> Any:
    return keras_surgery.remove_layers(model, _names_to_remove(model, component))


def _names_to_remove(model: Any, component: Component) -> list[str]:
    if component.kind == "prefix":
        return keras_surgery.layers_with_prefix(model, component.names[0])
    return list(component.names)


def _base_model(generator: Callable[[], Any]) -> Any:
    try:
        return call_generator(generator)
    except (AblationError, MissingDependencyError):
        raise
    except Exception as error:
        raise AblationError(
            f"The base model cannot be built, because its generator raises {type(error).__name__}: {error}"
        ) from error


def _with_feature(generator: Callable[..., Any], feature: str | None) -> Callable[[int, int], Any]:
    takes_feature = _generator_arity(generator) == 3

    def dataset_function(num_epochs: int, batch_size: int) -> Any:
        return call_generator(
            generator, num_epochs, batch_size, *([feature] if takes_feature else [])
        )

    return dataset_function


def _generator_arity(generator: Callable[..., Any]) -> int:
    """2 or 3: whether the user's data set generator takes the ablated feature."""
    parameters = list(inspect.signature(generator).parameters.values())
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return 3
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(parameter.kind in by_position for parameter in parameters)
    lone = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if count in (2, 3) and not lone:
        return count
    raise SignatureError(
        "A data set generator must be f(num_epochs, batch_size) or f(num_epochs, batch_size, ablated_feature), but got "
        f"{getattr(generator, '__name__', type(generator).__name__)}{inspect.signature(generator)}."
    )


def _check_model_generator(generator: Callable[[], Any]) -> None:
    try:
        inspect.signature(generator).bind()
    except TypeError:
        raise SignatureError(
            "A model generator is called without arguments, but got "
            f"{getattr(generator, '__name__', type(generator).__name__)}{inspect.signature(generator)}. "
            "Give its parameters defaults."
        ) from None
