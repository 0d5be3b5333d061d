"""PyTorch modules as a study sees them, by their names. PyTorch is optional.

This module changes no model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeAlias

from maggy.ablation.names import has_prefix
from maggy.common.exceptions import AblationError
from maggy.common.json_values import closest

__all__ = [
    "ExampleInput",
    "TorchModule",
    "is_torch_module",
    "module_names",
    "modules_with_prefix",
    "removable_names",
    "require_modules",
    "without_inner",
]

ExampleInput: TypeAlias = Callable[[], object]
"""A user's function that returns what the module's ``forward`` takes."""
_SEPARATOR = "."


class TorchTensor(Protocol):
    """A tensor of PyTorch."""

    def any(self) -> TorchTensor:
        """Return whether an element is true."""

    def isnan(self) -> TorchTensor:
        """Return which elements are NaN."""

    def numel(self) -> int:
        """Return the number of its elements."""


class TorchModule(Protocol):
    """A module of PyTorch."""

    training: bool

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Return the outputs for inputs."""

    def named_children(self) -> Iterator[tuple[str, TorchModule]]:
        """Yield the modules in this one, without those inside them."""

    def named_modules(self, *, remove_duplicate: bool = True) -> Iterator[tuple[str, TorchModule]]:
        """Yield all modules in this one by name, itself included under an empty name."""

    def parameters(self) -> Iterator[TorchTensor]:
        """Yield the weights of this module and of all modules in it."""

    def get_submodule(self, target: str) -> TorchModule:
        """Return the module of this name."""

    def train(self, mode: bool = True) -> TorchModule:
        """Let the module train or compute, with all modules in it."""


def is_torch_module(value: object) -> bool:
    """Return whether a value is a module of PyTorch and no Keras layer.

    With ``KERAS_BACKEND=torch``, a Keras layer is a module, too.
    """
    # Whoever has made a module has imported PyTorch.
    nn = getattr(sys.modules.get("torch"), "nn", None)
    if nn is None or not isinstance(value, nn.Module):
        return False
    layer = getattr(getattr(sys.modules.get("keras"), "layers", None), "Layer", None)
    return layer is None or not isinstance(value, layer)


def module_names(model: TorchModule) -> dict[str, TorchModule]:
    """Return all modules in a model by name; one that is used under several names has them all."""
    modules = dict(model.named_modules(remove_duplicate=False))
    modules.pop("")
    return modules


def require_modules(model: TorchModule, names: Iterable[str]) -> None:
    """Check that the model has modules of these names.

    Raises:
        AblationError: If a name does not exist. The message lists the closest name.
    """
    modules = module_names(model)
    for name in names:
        if name not in modules:
            raise AblationError(
                f"The base model has no layer '{name}'.{_closest_name(name, modules)} "
                f"{_listing(model, name, modules)}"
            )


def modules_with_prefix(model: TorchModule, prefix: str) -> list[str]:
    """Return the names of the modules that begin with a prefix, without modules inside them.

    The rules for case and digits are those of
    :func:`~maggy.ablation.names.has_prefix`. No module is spared because of its order.

    Raises:
        AblationError: If there is no such module, so that nothing would be removed.
    """
    modules = module_names(model)
    matches = without_inner(name for name in modules if has_prefix(name, prefix))
    if not matches:
        raise AblationError(
            f"No layer of the base model has a name that begins with '{prefix}'."
            f"{_closest_name(prefix, modules)} {_listing(model, prefix, modules)}"
        )
    return matches


def removable_names(model: TorchModule, names: Iterable[str]) -> list[str]:
    """Return the modules to remove, in the order of the model, if these names are left out.

    The modules of a ``ModuleList`` or ``ModuleDict`` stand for it, since it is never called itself.
    A shared module is removed under all its names.
    """
    from torch import nn

    modules = module_names(model)
    removal: set[int] = set()
    pending = [modules[name] for name in names]
    while pending:
        module = pending.pop()
        if isinstance(module, (nn.ModuleList, nn.ModuleDict)):
            pending += [child for _, child in module.named_children()]
        else:
            removal.add(id(module))
    return without_inner(name for name, module in modules.items() if id(module) in removal)


def without_inner(names: Iterable[str]) -> list[str]:
    """Return the names without those of modules inside another one of them.

    Example:
        >>> without_inner(["layer", "layer.0", "layer_norm"])
        ['layer', 'layer_norm']

    Args:
        names: Names of modules, in any order.
    """
    all_names = list(names)
    return [
        name
        for name in all_names
        if not any(name.startswith(f"{other}{_SEPARATOR}") for other in all_names)
    ]


def _closest_name(name: str, modules: Mapping[str, TorchModule]) -> str:
    # Whoever forgets the module around it has written the end of a name.
    ends = [other for other in modules if other.endswith(f"{_SEPARATOR}{name}")]
    return f" Did you mean '{ends[0]}'?" if ends else closest(name, list(modules))


def _listing(model: TorchModule, name: str, modules: Mapping[str, TorchModule]) -> str:
    """Return the modules next to a name, or those of the model itself, as a sentence."""
    parent = name.rpartition(_SEPARATOR)[0]
    children = [child for child, _ in modules.get(parent, model).named_children()]
    if parent in modules and children:
        siblings = ", ".join(f"{parent}{_SEPARATOR}{child}" for child in children)
        return f"The layers of '{parent}' are: {siblings}."
    return f"Its layers are: {', '.join(child for child, _ in model.named_children())}."
