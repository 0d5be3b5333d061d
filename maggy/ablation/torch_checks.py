"""Check before any trial whether modules can be left out of a PyTorch model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING

from maggy.ablation.keras_edit import Edit
from maggy.ablation.torch_models import (
    ExampleInput,
    TorchModule,
    module_names,
    removable_names,
    require_modules,
)
from maggy.ablation.torch_surgery import edit_module
from maggy.common.exceptions import AblationError, MissingDependencyError
from maggy.common.keras_session import call_generator

if TYPE_CHECKING:
    import torch

__all__ = ["check_module_edits"]


def check_module_edits(
    model: TorchModule,
    edits: Sequence[Edit],
    build: Callable[[], TorchModule],
    example_input: ExampleInput | None,
) -> None:
    """Check that modules can be left out of a model.

    With an example input each edit is tried: the model's output must keep its shape and type.
    Without one, modules are refused by their class if it takes or returns several tensors.

    Args:
        model: The base model, which has never run. It is not changed.
        edits: The edits of the study.
        build: Return another base model, for one that cannot be copied.
        example_input: Return what the model's ``forward`` takes, or None.

    Raises:
        AblationError: If a module does not exist, or cannot be left out.
    """
    for edit in edits:
        require_modules(model, sorted(edit.removal))
        require_modules(model, sorted(edit.replacements))
    if example_input is None:
        for edit in edits:
            _refuse_by_class(model, edit)
            edit_module(_copy(model, build), edit)
        return
    example = _example(example_input)
    removal = {name for edit in edits for name in removable_names(model, edit.removal)}
    base_output, traffic = _observe(_copy(model, build), removal, example)
    for edit in edits:
        for name in removable_names(model, edit.removal):
            _refuse_several_tensors(name, module_names(model)[name], traffic[name])
        _try(_copy(model, build), edit, example, base_output)


@dataclass(frozen=True)
class _Spec:
    """The shape and the type of a tensor."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"the shape {self.shape} and the type {self.dtype}"


@dataclass
class _Traffic:
    """The largest numbers of tensors that a module has taken and returned in one call."""

    inputs: int = 0
    outputs: int = 0


def _copy(model: TorchModule, build: Callable[[], TorchModule]) -> TorchModule:
    # Each edit starts from a model that has never run, since lazy modules fix their shapes.
    try:
        return copy.deepcopy(model)
    except Exception:  # modules that make tensors of their parameters cannot be copied
        return build()


def _example(example_input: ExampleInput) -> object:
    import torch

    try:
        example = call_generator(example_input)
    except (MissingDependencyError, NameError):
        # These name the remedy already.
        raise
    except Exception as error:
        raise AblationError(
            "The function of model.set_example_input() is called without arguments and must return "
            f"an input of the model, but it raises {type(error).__name__}: {error}"
        ) from error
    if isinstance(example, (torch.Tensor, tuple, Mapping)):
        return example
    raise AblationError(
        "The function of model.set_example_input() must return a tensor, a tuple of positional "
        "arguments or a dict of named arguments for the model's forward, but it returned "
        f"{type(example).__name__}: {example!r:.80}."
    )


def _run(model: TorchModule, example: object) -> object:
    """Return the output of the model as an evaluation would compute it."""
    import torch

    model.train(False)
    with torch.no_grad():
        if isinstance(example, Mapping):
            return model(**example)
        return model(*example) if isinstance(example, tuple) else model(example)


def _observe(
    model: TorchModule, names: Iterable[str], example: object
) -> tuple[list[_Spec], dict[str, _Traffic]]:
    """Return the outputs of the base model, and what goes into modules and comes out of them."""
    traffic = _watch(model, names)
    with _without_fast_path():
        try:
            output = _run(model, example)
        except Exception as error:
            raise AblationError(
                "The base model cannot be called with what the function of "
                "model.set_example_input() returns. Let it return a tensor, or a tuple or dict of "
                f"the arguments of forward. PyTorch says: {type(error).__name__}: {error}"
            ) from error
    return _specs(output), traffic


def _watch(model: TorchModule, names: Iterable[str]) -> dict[str, _Traffic]:
    """Return what will go into modules and come out of them, by name."""
    traffic = {name: _Traffic() for name in names}
    for name, counts in traffic.items():
        module: torch.nn.Module = model.get_submodule(name)
        module.register_forward_hook(_counter(counts), with_kwargs=True)
    return traffic


def _counter(counts: _Traffic) -> Callable[..., None]:
    def count(
        module: TorchModule, args: object, kwargs: Mapping[str, object], output: object
    ) -> None:
        counts.inputs = max(counts.inputs, len(_specs((args, kwargs))))
        counts.outputs = max(counts.outputs, len(_specs(output)))

    return count


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Let Transformers call the modules in them also in an evaluation."""
    import torch

    mha = getattr(torch.backends, "mha", None)
    if mha is None:
        yield
        return
    is_enabled = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(is_enabled)


def _try(model: TorchModule, edit: Edit, example: object, base_output: list[_Spec]) -> None:
    traffic = _watch(model, [*removable_names(model, edit.removal), *edit.replacements])
    model = edit_module(model, edit).model
    try:
        output = _specs(_run(model, example))
    except Exception as error:
        raise AblationError(
            f"{edit.describe()} the base model cannot compute the example input, most likely "
            "because another module needs a shape or an attribute that only the original has. "
            "Remove them as a group with what depends on them, or replace the module by one that "
            "gives the same: model.layers.replace('name', factory). "
            f"PyTorch says: {type(error).__name__}: {error}"
        ) from error
    _refuse_calls(traffic)
    if output == base_output:
        return
    specs = next(
        (pair for pair in zip(output, base_output, strict=False) if pair[0] != pair[1]), None
    )
    now, before = specs or (f"{len(output)} tensors", f"{len(base_output)}")
    raise AblationError(
        f"{edit.describe()} the model's output has {now}, but that of the base model has {before}, "
        "so their metrics cannot be compared. Replace the module by one that gives the same shape "
        "and type: model.layers.replace('name', factory)."
    )


def _refuse_calls(traffic: Mapping[str, _Traffic]) -> None:
    """Refuse a change after which the model still calls the module that has gone."""
    for name, counts in traffic.items():
        if counts != _Traffic():
            raise AblationError(
                f"Layer '{name}' has been taken out, but the model still calls it, so nothing "
                "would change. Most likely its forward finds the module in a list, a dict or a "
                "closure of Python. Let it call the attribute, or use torch.nn.ModuleList or "
                "torch.nn.ModuleDict."
            )


def _refuse_several_tensors(name: str, module: TorchModule, traffic: _Traffic) -> None:
    if traffic.inputs <= 1 and traffic.outputs <= 1:
        return
    raise AblationError(
        f"Layer '{name}' ({type(module).__name__}) takes {_count(traffic.inputs)} and returns "
        f"{_count(traffic.outputs)}, so torch.nn.Identity cannot stand in its place. "
        f"{_replace_remedy(name)}"
    )


def _refuse_by_class(model: TorchModule, edit: Edit) -> None:
    from torch import nn

    classes = (
        nn.RNNBase,
        nn.RNNCellBase,
        nn.MultiheadAttention,
        nn.Transformer,
        nn.TransformerEncoderLayer,
        nn.TransformerDecoder,
        nn.TransformerDecoderLayer,
        nn.Bilinear,
    )
    for name in removable_names(model, edit.removal):
        module = module_names(model)[name]
        if isinstance(module, classes):
            raise AblationError(
                f"Layer '{name}' ({type(module).__name__}) takes or returns several tensors, so "
                f"torch.nn.Identity cannot stand in its place. {_replace_remedy(name)} If the "
                "model gives it one tensor only, let a trial run show that: "
                "model.set_example_input(f)."
            )


def _replace_remedy(name: str) -> str:
    return (
        "Replace it by a module that takes and returns the same: "
        f"model.layers.replace('{name}', factory)."
    )


def _count(number: int) -> str:
    return "1 tensor" if number == 1 else f"{number} tensors"


def _specs(value: object) -> list[_Spec]:
    """Return the specs of all tensors in a value, also in tuples, lists, dicts and dataclasses."""
    import torch

    if isinstance(value, torch.Tensor):
        return [_Spec(tuple(value.shape), str(value.dtype))]
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [spec for item in value for spec in _specs(item)]
    return []
