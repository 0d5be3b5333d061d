"""What must hold for a study before it costs anything. All checks run on the driver."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Sequence

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.component import Component, parts_of
from maggy.ablation.generators import (
    check_model_generator,
    raise_no_base_model,
    takes_feature,
    takes_width,
)
from maggy.ablation.keras_models import input_width
from maggy.ablation.labels import FEATURE_PARAMETER, LAYER_PARAMETER, SEPARATOR
from maggy.ablation.modelstudy import ModelStudy
from maggy.common.exceptions import AblationError, SignatureError

__all__ = [
    "check_combinations",
    "check_dataset_generator",
    "check_effects",
    "check_input_width",
    "check_labels",
    "check_models",
    "check_width",
    "knows_width",
    "require_dataset_name",
]


def check_labels(components: Iterable[Component]) -> None:
    """Check that every component has a label of its own.

    A feature and a layer may share a name, since their labels belong to different parameters.

    Raises:
        AblationError: If two components have the same label.
    """
    previous: set[tuple[str, ...]] = set()
    for component in components:
        # Trials with equal labels would have one id, and the records of one component.
        labels = tuple(component.params().values())
        if labels in previous:
            raise AblationError(
                f"Every component needs a label of its own, but two have '{component.label}'. "
                "Rename the layer, group or custom model."
            )
        previous.add(labels)


def check_combinations(components: Sequence[Component]) -> None:
    """Check that combinations have no custom model, and labels that workers read correctly.

    Raises:
        AblationError: If a combination has a custom model, or a label that can be read in two ways.
    """
    singles: dict[str, dict[str, Component]] = defaultdict(dict)
    for component in components:
        for part in component.parts or (component,):
            singles[part.parameter].setdefault(part.label, part)
    for component in components:
        for part in component.parts:
            if part.kind == "custom":
                raise AblationError(
                    "A custom model is a whole model, so nothing else can be left out of it, but "
                    f"got the combination '{component.label}'. Write a custom model without it."
                )
            parts = [other for other in component.parts if other.parameter == part.parameter]
            label = component.params()[part.parameter]
            if parts_of(label, singles[part.parameter]) != parts:
                raise AblationError(
                    f"The label '{label}' of a combination can be read in two ways, because a name "
                    f"in the study contains '{SEPARATOR}'. Use another name."
                )


def check_effects(components: Sequence[Component], function_names: frozenset[str]) -> None:
    """Check that the training function takes what the components change.

    Args:
        components: The components of the study, without combinations.
        function_names: Which of ``dataset_function`` and ``model_function`` it takes.

    Raises:
        SignatureError: If leaving out a component would change nothing.
    """
    features = [part for part in components if part.parameter == FEATURE_PARAMETER]
    changes = [
        part for part in components if part.parameter == LAYER_PARAMETER and not part.is_base
    ]
    for parameter, parts in (("dataset_function", features), ("model_function", changes)):
        if parts and parameter not in function_names:
            raise SignatureError(
                f"The study leaves out {', '.join(part.label for part in parts)}, but the "
                f"training function does not take {parameter}, so nothing would change. "
                f"Add the parameter {parameter} and use what it returns."
            )


def check_models(model: ModelStudy, function_names: frozenset[str]) -> None:
    """Check that there is a base model if it is needed, and the signatures of all generators.

    Args:
        model: The models of the study.
        function_names: Which of ``dataset_function`` and ``model_function`` are taken.

    Raises:
        AblationError: If the base model is needed and missing.
        SignatureError: If a generator needs an argument.
    """
    base = model.base_model_generator
    if base is not None:
        check_model_generator(base)
    elif "model_function" in function_names:
        raise_no_base_model()
    for generator, _ in model.custom_model_generators:
        check_model_generator(generator)


def check_dataset_generator(study: AblationStudy, components: Iterable[Component]) -> None:
    """Check that the user's data set generator can be called and can do what the study needs.

    Args:
        study: The study.
        components: Its components, without combinations.

    Raises:
        AblationError: If the study needs the columns of a registered data set.
        SignatureError: If the generator cannot leave features out.
    """
    generator = study.custom_dataset_generator
    if generator is None:
        return
    options = study.data_options.changes()
    if options:
        raise AblationError(
            f"{', '.join(options)} need a registered data set, but the study's data set generator "
            "makes the data itself. Do it there, or register the data with "
            "maggy.ablation.register_training_dataset() and give no dataset_generator."
        )
    features = [component for component in components if component.is_of_features]
    for component in features:
        if component.kind in ("feature_prefix", "feature_regex"):
            raise AblationError(
                f"'{component.label}' needs a registered data set, because the columns of a data "
                "set generator are not known. Include the list of the names instead."
            )
    if not takes_feature(generator) and features:
        names = ", ".join(component.label for component in features)
        raise SignatureError(
            f"The study ablates features ({names}), but its data set generator takes "
            "no feature, so nothing would be left out. "
            "Write it as f(num_epochs, batch_size, ablated_feature)."
        )


def check_width(study: AblationStudy) -> None:
    """Check that the number of features is known if the base model needs it.

    Raises:
        SignatureError: If it is not.
    """
    base = study.model.base_model_generator
    if base is None or not takes_width(base) or knows_width(study):
        return
    try:
        inspect.signature(base).bind()
    except TypeError:
        raise SignatureError(
            "num_features of the base model generator is known only for a registered data set, "
            "but the study has none. Give the parameter a default."
        ) from None


def knows_width(study: AblationStudy) -> bool:
    """Return whether the number of features is known, because the data set is registered."""
    return study.custom_dataset_generator is None and study.training_dataset_name is not None


def check_input_width(model: object, num_features: int, labels: Sequence[str]) -> None:
    """Check that a base model can be trained on fewer features.

    Only a Keras model with one input of two dimensions has a width that can be compared with the
    data.

    Args:
        model: The base model.
        num_features: The number of features of the base trial.
        labels: The components whose columns are dropped.

    Raises:
        AblationError: If its input has the width of the whole data set.
    """
    if not labels or input_width(model) != num_features:
        return
    raise AblationError(
        f"The input of the base model has a fixed width of {num_features}, but the trials without "
        f"{', '.join(labels)} have fewer features. Keep the width: AblationStudy(..., "
        "feature_ablation='mean'), 'zero' or 'permute'. Or give the base model generator a "
        "parameter num_features, and make the input of that width."
    )


def require_dataset_name(study: AblationStudy) -> tuple[str, int | None, str]:
    """Return the name, the version and the label of the registered data set of a study.

    Raises:
        AblationError: If the study does not name a data set or a label.
    """
    if study.training_dataset_name is None:
        raise AblationError(
            "The study names no training data set. Give training_dataset_name and register the "
            "data with maggy.ablation.register_training_dataset(), "
            "or give the study a dataset_generator."
        )
    if study.label_name is None:
        raise AblationError(
            "A study on a registered training data set must name the column to predict: "
            f"AblationStudy('{study.training_dataset_name}', label_name='...')."
        )
    return study.training_dataset_name, study.training_dataset_version, study.label_name
