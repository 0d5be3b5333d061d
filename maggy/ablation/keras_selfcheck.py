"""Check before any trial whether a copy of a Keras model computes what the model computes.

Trials without a component train a copy of the base model. If a layer of the user's is copied
wrongly, the base and these trials would differ in more than the component.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import ModuleType

from maggy.ablation.keras_arguments import first_other_argument, lacking_arguments
from maggy.ablation.keras_batches import batches
from maggy.ablation.keras_models import KerasModel, KerasTensor
from maggy.ablation.keras_paths import layer_paths
from maggy.ablation.keras_records import first_difference, record, states_unchanged
from maggy.ablation.keras_surgery import copy_model
from maggy.common.exceptions import AblationError
from maggy.common.keras_session import import_keras
from maggy.common.seeding import unchanged_generators

__all__ = ["check_copy"]

_MAX_BYTES = 200_000_000
"""The weights of a larger model are not worth the time and the memory of its outputs."""


def check_copy(model: KerasModel) -> None:
    """Check that a copy of the model gives the model's outputs for the same inputs.

    The inputs are random. If the model cannot be called with them, or is larger than 200 MB, the
    arguments of its layers are compared instead. A model whose own outputs differ from call to call
    is not checked. A model that cannot be copied is not refused here: what cannot be copied may be
    what all components leave out.

    Neither the model nor the shared random generators change.

    Args:
        model: A Sequential or functional model that knows its input.

    Raises:
        AblationError: If a layer of the copy differs, which the message names, or if the copy has
            other weights to train.
    """
    keras = import_keras("Copying a model")
    with unchanged_generators():
        try:
            copy = copy_model(model)
        except Exception:
            return
        # Layers that are no longer shared would otherwise be taken for layers that differ.
        if len(copy.weights) > len(model.weights):
            _require_equal_weights(model, copy)
        path = _first_difference(keras, model, copy)
    if path is not None:
        raise _error(model, path)
    _require_equal_weights(model, copy)


def _first_difference(keras: ModuleType, model: KerasModel, copy: KerasModel) -> str | None:
    """Return the path of the first layer that differs; an empty path if only the output does."""
    for batch in batches(keras, model) if _has_small_weights(model) else ():
        with states_unchanged(keras, model):
            first, second = record(keras, model, batch), record(keras, model, batch)
        # A batch that does not fit is followed by others: for example, by larger images.
        if first.is_finite and second.is_finite:
            if first.varies_from(second):
                return None
            return first_difference(first, second, record(keras, copy, batch))
    return first_other_argument(model, copy)


def _require_equal_weights(model: KerasModel, copy: KerasModel) -> None:
    """Refuse a model of which a copy would train other weights, although it computes the same."""
    if _sizes(model.weights) == _sizes(copy.weights) and (
        _sizes(model.trainable_variables) == _sizes(copy.trainable_variables)
    ):
        return
    raise AblationError(
        f"A copy of the base model trains {sum(_sizes(copy.trainable_variables)):,} parameters, "
        f"but the base model trains {sum(_sizes(model.trainable_variables)):,}, so trials without "
        "a component would differ from the base in more than that. Most likely a layer is shared "
        "by several nested models or wrappers, or single weights are frozen. Share and freeze "
        "layers of one model, or add the variants of the model with "
        "model.add_custom_model_generator()."
    )


def _sizes(weights: Iterable[KerasTensor]) -> list[int]:
    return sorted(math.prod(size or 0 for size in weight.shape) for weight in weights)


def _has_small_weights(model: KerasModel) -> bool:
    return 4 * sum(_sizes(model.weights)) <= _MAX_BYTES


def _error(model: KerasModel, path: str) -> AblationError:
    layer = layer_paths(model).get(path)
    location = f"beginning with layer '{path}' ({type(layer).__name__})"
    names = [] if layer is None else lacking_arguments(layer)
    return AblationError(
        "A copy of the base model computes something else than the base model, "
        f"{location if path else 'although all its layers compute the same'}, so trials without a "
        "component would differ from the base in more than that. The most likely cause is a "
        "get_config() that lacks an argument of the constructor"
        f"{': ' + ', '.join(names) if names else ''}. Let get_config() return all arguments of the "
        "constructor, or add the variants of the model with model.add_custom_model_generator()."
    )
