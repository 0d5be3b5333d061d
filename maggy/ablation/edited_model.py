"""Describe what an edit has really changed in a model, and tell it to a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["EditListener", "EditedModel", "current_listener", "edits_told_to"]

Model_co = TypeVar("Model_co", covariant=True)


@dataclass(frozen=True)
class EditedModel(Generic[Model_co]):
    """A model without some layers, and what that has cost.

    Example:
        >>> print(EditedModel("a model", ("conv", "add"), restarts=("dense",)).describe())
        Left out: conv, add. Weights that start anew, because their shapes changed: dense.

    Attributes:
        model: The new model.
        removal: The layers that are gone, merges included that went together with a branch. A
            layer inside another one is not listed if that is gone, too.
        replacements: The layers in whose places others stand.
        restarts: The layers that stayed, but whose weights no longer fit and start anew.
    """

    model: Model_co
    removal: tuple[str, ...] = ()
    replacements: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the changes as sentences; no text if nothing has changed."""
        subjects = {
            "Left out": self.removal,
            "Replaced": self.replacements,
            "Weights that start anew, because their shapes changed": self.restarts,
        }
        return " ".join(
            f"{subject}: {', '.join(names)}." for subject, names in subjects.items() if names
        )


EditListener = Callable[[EditedModel[object]], None]
"""A function that is called with every model that an edit has made."""

# Each thread has its own value, so trials in several threads of a process do not mix.
_listener: ContextVar[EditListener | None] = ContextVar("maggy_edit_listener", default=None)


@contextmanager
def edits_told_to(listener: EditListener) -> Iterator[None]:
    """Tell a function of each model that is edited by functions made inside the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def current_listener() -> EditListener | None:
    """Return the function that hears of edits in this thread, or None."""
    return _listener.get()
