"""Record what the layers of a Keras model compute for a batch, and compare two such records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from maggy.ablation.keras_models import KerasModel, TensorTree, inner_layers
from maggy.ablation.keras_paths import layer_paths

__all__ = ["Call", "Record", "first_difference", "record", "states_unchanged"]

_MAX_NUMBERS = 4096
"""Of a larger output of a layer, only about this many numbers are kept."""
_NOISE = 1e-3
"""A model whose output varies more than this, relative to its largest number, is random."""
_PRECISION = 1e-4
_HALF_PRECISION = 1e-2


@dataclass(frozen=True)
class Call:
    """One call of a layer.

    Attributes:
        path: The path of the layer.
        outputs: Numbers of its outputs.
    """

    path: str
    outputs: list[NDArray[np.generic]]


@dataclass
class Record:
    """The outputs of a model for one batch, and those of its layers in the order of the calls.

    Attributes:
        calls: The calls of layers, without those of nested models.
        outputs: The outputs of the model; None if a call has raised an error.
    """

    calls: list[Call] = field(default_factory=list)
    outputs: list[NDArray[np.generic]] | None = None

    @property
    def is_finite(self) -> bool:
        """Whether the model has computed numbers, so that a difference would be visible."""
        return self.outputs is not None and all(
            bool(np.isfinite(output).all())
            for output in self.outputs
            if np.issubdtype(output.dtype, np.number)
        )

    def varies_from(self, other: Record) -> bool:
        """Return whether the outputs differ from those of another call of the same model."""
        pairs = zip(self.outputs or [], other.outputs or [], strict=True)
        return not all(_agree(first, second, _NOISE) for first, second in pairs)


def record(keras: ModuleType, model: KerasModel, batch: TensorTree) -> Record:
    """Call a model as an evaluation does, and record what its layers return.

    An error of the model ends the record, and is not raised.

    Args:
        keras: The module.
        model: The model. Its layers are watched during the call.
        batch: The inputs.
    """
    result = Record()
    with _watched(keras, model, result.calls), suppress(Exception):
        result.outputs = _arrays(keras, model(batch, training=False))
    return result


def first_difference(first: Record, second: Record, copy: Record) -> str | None:
    """Return the path of the first layer that computes something else in the copy of a model.

    Args:
        first: The outputs of the model.
        second: Its outputs for the same batch again. A layer may vary from call to call.
        copy: The outputs of the copy.

    Returns:
        An empty path if only the outputs of the models differ, None if nothing does.
    """
    for number, call in enumerate(first.calls):
        again = second.calls[number] if number < len(second.calls) else call
        if number >= len(copy.calls) or not _agree_calls(call, again, copy.calls[number]):
            return call.path
    outputs = Call("", first.outputs or []), Call("", second.outputs or [])
    return None if _agree_calls(*outputs, Call("", copy.outputs or [])) else ""


@contextmanager
def states_unchanged(keras: ModuleType, model: KerasModel) -> Iterator[None]:
    """Restore all variables of a model after the block that are not trained, also its seeds."""
    variables = model.non_trainable_variables
    values = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


@contextmanager
def _watched(keras: ModuleType, model: KerasModel, calls: list[Call]) -> Iterator[None]:
    """Append each call of a layer inside the block to a list."""
    # A layer in several places is watched once.
    layers = {id(layer): (path, layer) for path, layer in reversed(layer_paths(model).items())}
    innermost = [(path, layer) for path, layer in layers.values() if not inner_layers(keras, layer)]
    own_calls = [vars(layer).get("call") for _, layer in innermost]
    for path, layer in innermost:
        layer.call = _recording(keras, path, layer.call, calls)
    try:
        yield
    finally:
        for (_, layer), call in zip(innermost, own_calls, strict=True):
            # The method of the class shows again.
            del layer.call
            if call is not None:
                layer.call = call


def _recording(
    keras: ModuleType, path: str, call: Callable[..., TensorTree], calls: list[Call]
) -> Callable[..., TensorTree]:
    def recording_call(*args: TensorTree, **kwargs: TensorTree) -> TensorTree:
        outputs = call(*args, **kwargs)
        calls.append(Call(path, [_sample(array) for array in _arrays(keras, outputs)]))
        return outputs

    return recording_call


def _arrays(keras: ModuleType, values: TensorTree) -> list[NDArray[np.generic]]:
    """Return the tensors among the outputs as arrays; those of no plain type are left out."""
    arrays = []
    for value in keras.tree.flatten(values):
        with suppress(Exception):  # sparse and ragged tensors, and what is no tensor
            arrays.append(np.asarray(keras.ops.convert_to_numpy(value)))
    return arrays


def _sample(array: NDArray[np.generic]) -> NDArray[np.generic]:
    flat = array.reshape(-1)
    return np.array(flat[:: max(1, flat.size // _MAX_NUMBERS)])


def _agree_calls(first: Call, second: Call, copy: Call) -> bool:
    if first.path != copy.path or len(first.outputs) != len(copy.outputs):
        return False
    if len(first.outputs) != len(second.outputs):
        return True
    return all(
        _agree(output, other, _precision(output), 10 * _distance(output, again))
        for output, again, other in zip(first.outputs, second.outputs, copy.outputs, strict=True)
    )


def _precision(array: NDArray[np.generic]) -> float:
    return _HALF_PRECISION if array.dtype.itemsize <= 2 else _PRECISION


def _agree(
    first: NDArray[np.generic], second: NDArray[np.generic], precision: float, noise: float = 0.0
) -> bool:
    if first.shape != second.shape:
        return False
    if not _is_real(first):
        return bool(np.array_equal(first, second))
    numbers = np.nan_to_num(first.astype(np.float64))
    scale = float(np.abs(numbers).max(initial=0.0))
    return _distance(first, second) <= max(precision * scale, noise)


def _distance(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Return the largest difference; infinity for other shapes, or a NaN in one of them only."""
    if first.shape != second.shape:
        return float("inf")
    if not _is_real(first):
        return 0.0
    one, two = first.astype(np.float64), second.astype(np.float64)
    # Equal infinities have no difference that is a number.
    is_equal = (one == two) | (np.isnan(one) & np.isnan(two))
    with np.errstate(invalid="ignore"):
        differences = np.where(is_equal, 0.0, np.abs(one - two))
    return float(np.nan_to_num(differences, nan=np.inf).max(initial=0.0))


def _is_real(array: NDArray[np.generic]) -> bool:
    # The short floats of machine learning are no numbers to NumPy ("V").
    return array.dtype.kind in "fiubV"
