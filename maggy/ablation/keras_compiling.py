"""Compile a copy of a Keras model like the original, also with users' own losses and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from maggy.ablation.keras_models import KerasModel, LayerConfig, Optimizer

__all__ = ["compile_like", "uncompiled"]


@contextmanager
def uncompiled(model: KerasModel) -> Iterator[None]:
    """Let Keras take a model for one that is not compiled.

    To copy a compiled model, it would serialize the loss and the metrics. It cannot do that with
    functions and classes of users.
    """
    is_compiled = model.compiled
    model.compiled = False
    try:
        yield
    finally:
        model.compiled = is_compiled


def compile_like(model: KerasModel, new: KerasModel) -> None:
    """Compile a new model as the original was, if it was. The new one has an optimizer of its own.

    Losses and metrics are the same objects, so the original must not be trained any more.
    """
    if not model.compiled:
        return
    arguments = _compile_arguments(model)
    if arguments is None:
        new.compile_from_config(model.get_compile_config())
        return
    new.compile(**{**arguments, "optimizer": _copy_optimizer(model.optimizer)})


def _compile_arguments(model: KerasModel) -> LayerConfig | None:
    """Return the arguments with which a model was compiled, as the user gave them.

    The public method returns them serialized. None if this version of Keras keeps them elsewhere.
    """
    arguments = getattr(getattr(model, "_compile_config", None), "config", None)
    return dict(arguments) if isinstance(arguments, dict) else None


def _copy_optimizer(optimizer: Optimizer) -> Optimizer:
    try:
        return type(optimizer).from_config(optimizer.get_config())
    except Exception:
        # A class of the user's without a configuration. The original is not trained, so the new
        # model can have its optimizer.
        return optimizer
