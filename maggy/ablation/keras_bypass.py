"""Connect the layers of a functional model past those that are removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from types import ModuleType

from maggy.ablation.keras_models import KerasLayer, KerasModel, KerasTensor, TensorTree
from maggy.ablation.keras_targets import Targets
from maggy.common.exceptions import AblationError

__all__ = ["REMEDY", "Bypass"]

REMEDY = "Add a custom model without it: model.add_custom_model_generator()."
_MERGES = (
    "Add",
    "Average",
    "Concatenate",
    "Divide",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "TrueDivide",
)
"""The layers and the operations of Keras that merge tensors."""


class Bypass:
    """Connect the layers of a new model, but hand on the input of each removed layer.

    If a whole branch is removed, a merge (a sum, a product, a concatenation) would get the same
    tensor twice and would compute, for example, its square. So its inputs that became equal are
    one input, and a merge with a single input left is removed, too. Inputs that were equal before
    stay: a user may want a square.

    Args:
        keras: The module.
        model: The original model.
        targets: The layers that are removed or replaced.

    Attributes:
        merges: The names of the merges that were removed with a branch, in the order of their
            calls.
    """

    def __init__(self, keras: ModuleType, model: KerasModel, targets: Targets) -> None:
        self.merges: list[str] = []
        self._keras = keras
        self._targets = targets
        self._original_inputs = _inputs_by_name(model)

    def call(self, layer: KerasLayer, *args: TensorTree, **kwargs: TensorTree) -> TensorTree:
        """Return the outputs of a layer in the new model."""
        if self._targets.is_replaced(layer):
            # Without the keywords: they are those of the original, and masks follow the tensors.
            return self._targets.new_layer(layer)(*args)
        if self._targets.is_removed(layer):
            return self._only_input(layer, args, kwargs)
        if _is_merge(layer):
            tensors = self._tensors(args)
            distinct = self._without_repetitions(layer.name, tensors)
            if len(distinct) == 1 < len(tensors):
                self.merges.append(layer.name)
                return distinct[0]
            if len(distinct) < len(tensors):
                return layer(distinct, **kwargs)
        return layer(*args, **kwargs)

    def _without_repetitions(self, name: str, tensors: list[KerasTensor]) -> list[KerasTensor]:
        """Return the inputs of a merge without those that have become equal to an earlier one."""
        calls = self._original_inputs.get(name)
        originals: Sequence[object] = calls.pop(0) if calls else ()
        if len(originals) != len(tensors):
            originals = [object() for _ in tensors]  # unknown, so taken to be different
        distinct: list[tuple[KerasTensor, object]] = []
        # By identity, because comparing two tensors gives a tensor.
        for tensor, original in zip(tensors, originals, strict=True):
            if not any(tensor is one and original is not other for one, other in distinct):
                distinct.append((tensor, original))
        return [tensor for tensor, _ in distinct]

    def _only_input(
        self, layer: KerasLayer, args: TensorTree, kwargs: dict[str, TensorTree]
    ) -> KerasTensor:
        """Return the one tensor that goes into the layer.

        Several uses of the same tensor, as in self-attention, are one. Masks do not count: they
        belong to the tensor and follow it.
        """
        inputs = {name: value for name, value in kwargs.items() if not name.endswith("mask")}
        tensors = {id(tensor): tensor for tensor in self._tensors((args, inputs))}
        if len(tensors) != 1:
            raise AblationError(
                f"Layer '{self._targets.path(layer)}' has {len(tensors)} inputs, so it cannot be "
                f"removed: all but one of them would be lost. {REMEDY}"
            )
        return next(iter(tensors.values()))

    def _tensors(self, values: TensorTree) -> list[KerasTensor]:
        flat = self._keras.tree.flatten(values)
        return [value for value in flat if isinstance(value, self._keras.KerasTensor)]


def _inputs_by_name(model: KerasModel) -> dict[str, list[list[KerasTensor]]]:
    """Return the inputs of each call of a layer or operation, in the order of the calls.

    Keras has no public way to them. The result is empty if this version keeps them elsewhere.
    """
    nodes_by_depth = getattr(model, "_nodes_by_depth", {})
    inputs: dict[str, list[list[KerasTensor]]] = defaultdict(list)
    for depth in sorted(nodes_by_depth, reverse=True):
        for node in filter(lambda node: node.operation, nodes_by_depth[depth]):
            inputs[node.operation.name].append(list(node.input_tensors))
    return inputs


def _is_merge(layer: KerasLayer) -> bool:
    cls = type(layer)
    return cls.__name__ in _MERGES and cls.__module__.startswith("keras.")
