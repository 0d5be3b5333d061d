"""Users' generators of data sets and models, and the functions that trials get from them.

This module checks the signatures of generators and calls them. It changes no model.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeAlias
from weakref import WeakValueDictionary

from maggy.common.exceptions import AblationError, MissingDependencyError, SignatureError
from maggy.common.keras_session import call_generator, fresh_names

__all__ = [
    "DatasetFunction",
    "DatasetGenerator",
    "ModelFunction",
    "ModelGenerator",
    "build_base_model",
    "check_model_generator",
    "dataset_function_of",
    "model_function_of",
    "raise_no_base_model",
    "sized_generator",
    "takes_feature",
    "takes_width",
    "try_custom_model",
]

DatasetGenerator: TypeAlias = Callable[..., object]
"""A user's function of the number of epochs, the batch size and, perhaps, an ablated feature."""
DatasetFunction: TypeAlias = Callable[..., object]
"""The function that a training function gets as ``dataset_function``."""
ModelGenerator: TypeAlias = Callable[..., object]
"""A user's function that builds a model. Only the removal of layers needs a Keras model.

A parameter ``num_features`` gets the number of features. All others need defaults.
"""
ModelFunction: TypeAlias = Callable[[], object]
"""The function that a training function gets as ``model_function``."""

_WIDTH = "num_features"
"""The parameter of a model generator that gets the number of features."""
_models: WeakValueDictionary[int, object] = WeakValueDictionary()
"""The models that generators have returned in this process, by id, as long as they exist."""


def takes_feature(generator: DatasetGenerator) -> bool:
    """Return whether a data set generator takes the feature to leave out.

    Raises:
        SignatureError: If it can be called neither with two nor with three positional arguments.
    """
    parameters = list(inspect.signature(generator).parameters.values())
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        # ``*args`` takes the feature, too.
        return True
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(parameter.kind in by_position for parameter in parameters)
    required_keywords = [
        parameter
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    ]
    if count in (2, 3) and not required_keywords:
        return count == 3
    raise SignatureError(
        "A data set generator must be f(num_epochs, batch_size) or "
        f"f(num_epochs, batch_size, ablated_feature), but got {_name_and_signature(generator)}."
    )


def check_model_generator(generator: ModelGenerator) -> None:
    """Check that a model generator can be called without arguments, except ``num_features``.

    Raises:
        SignatureError: If another parameter has no default.
    """
    width = {_WIDTH: 1} if takes_width(generator) else {}
    try:
        inspect.signature(generator).bind(**width)
    except TypeError:
        raise SignatureError(
            "A model generator is called without arguments, but got "
            f"{_name_and_signature(generator)}. Give its parameters defaults."
        ) from None


def takes_width(generator: ModelGenerator) -> bool:
    """Return whether a model generator has a parameter ``num_features``."""
    try:
        parameter = inspect.signature(generator).parameters.get(_WIDTH)
    except (TypeError, ValueError):  # Some functions of C have no signature.
        return False
    return parameter is not None and parameter.kind in (
        parameter.POSITIONAL_OR_KEYWORD,
        parameter.KEYWORD_ONLY,
    )


def sized_generator(generator: ModelGenerator, num_features: Callable[[], int]) -> ModelGenerator:
    """Return a generator without arguments that gives another one the number of features.

    A generator that does not take the number is returned as it is.

    Args:
        generator: The generator of a model.
        num_features: Return the number. It is called when a model is built.
    """
    if not takes_width(generator):
        return generator

    @functools.wraps(generator)
    def build() -> object:
        return generator(**{_WIDTH: num_features()})

    return build


def dataset_function_of(
    generator: DatasetGenerator, feature: str | list[str] | None
) -> DatasetFunction:
    """Return the ``dataset_function`` that calls a user's data set generator.

    Args:
        generator: The generator.
        feature: The feature to leave out, a list of several, or None. A generator of two parameters
            does not get it.
    """
    # The signature is read here, once, and not at each call in the middle of a training.
    features = (feature,) if takes_feature(generator) else ()

    # Training functions may pass these two arguments by name.
    def dataset_function(num_epochs: int, batch_size: int) -> object:
        return call_generator(generator, num_epochs, batch_size, *features)

    return dataset_function


def model_function_of(
    generator: ModelGenerator, change: Callable[..., object] | None = None
) -> ModelFunction:
    """Return the ``model_function`` that builds a new model at each call.

    Keras' automatic layer names begin anew in each model, so that names in a study stay valid.

    Args:
        generator: The generator of the model.
        change: Return the model to train, given the model of the generator. None changes nothing.
    """

    def model_function() -> object:
        # Names such as "dense_1" in the study mean those of a fresh session, and a worker runs many
        # trials in one session.
        with fresh_names():
            model = _new_model(generator)
            return model if change is None else change(model)

    return model_function


def build_base_model(generator: ModelGenerator) -> object:
    """Return the base model.

    Raises:
        AblationError: If the generator raises, or returns a model that it has returned before.
        MissingDependencyError: If the generator needs TensorFlow or Keras, which is not installed.
    """
    try:
        return _new_model(generator)
    except (AblationError, MissingDependencyError):
        # These name the remedy already.
        raise
    except Exception as error:
        raise AblationError(
            "The base model cannot be built, because its generator raises "
            f"{type(error).__name__}: {error}"
        ) from error


def try_custom_model(generator: ModelGenerator) -> None:
    """Build a custom model once and discard it.

    Raises:
        AblationError: If the generator returns None, or a model that it has returned before.
    """
    # The model is discarded, so the names in it are free again.
    with fresh_names(keep=False):
        if _new_model(generator) is None:
            raise AblationError(
                f"The custom model generator {_name(generator)}() must return a model, "
                "but it returned None."
            )


def raise_no_base_model() -> NoReturn:
    """Raise the error of a study without a base model. It stands in for the missing generator.

    Raises:
        AblationError: Always.
    """
    raise AblationError(
        "The training function takes model_function, so the study needs a base model. "
        "Set it with ablation_study.model.set_base_model_generator(function)."
    )


def _new_model(generator: ModelGenerator) -> object:
    """Return the model of a generator, which must build another one at each call."""
    model = call_generator(generator)
    # Models of Keras and PyTorch. Other libraries may train a copy of what they are given.
    if not isinstance(model, type) and (
        hasattr(model, "trainable_variables") or hasattr(model, "named_parameters")
    ):
        if _models.get(id(model)) is model:
            raise AblationError(
                f"A model generator must build a new model at each call, but {_name(generator)}() "
                "returned the same one again, so a trial would go on with the weights of another. "
                "Build the model inside the function."
            )
        with suppress(TypeError):  # an object of slots, which cannot be known again
            _models[id(model)] = model
    return model


def _name_and_signature(generator: DatasetGenerator) -> str:
    return f"{_name(generator)}{inspect.signature(generator)}"


def _name(generator: DatasetGenerator) -> str:
    return str(getattr(generator, "__name__", type(generator).__name__))
