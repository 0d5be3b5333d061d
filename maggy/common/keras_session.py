"""Run users' generators with fresh automatic names in Keras, and with errors that say a remedy."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import ParamSpec, TypeVar

from maggy.common.exceptions import MissingDependencyError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = [
    "call_generator",
    "fresh_names",
    "import_keras",
    "import_tensorflow",
    "missing_tensorflow",
]

_log = logging.getLogger(__name__)
_COUNTERS = "object_name_uids"
_USUAL_IMPORTS = {
    "tf": "import tensorflow as tf",
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "keras": "import keras",
    "tensorflow": "import tensorflow",
}

P = ParamSpec("P")
T = TypeVar("T")


def missing_tensorflow(purpose: str) -> MissingDependencyError:
    """Return the error for a purpose that needs TensorFlow where it is not installed."""
    return MissingDependencyError(
        f"{purpose} needs TensorFlow, which is not installed here. "
        f"Install it with: {install_command('tensorflow')}"
    )


def import_tensorflow(purpose: str) -> ModuleType:
    """Return TensorFlow.

    Args:
        purpose: What needs it, as the subject of a sentence.

    Raises:
        MissingDependencyError: If it cannot be imported.
    """
    return import_optional("tensorflow", purpose, install_command("tensorflow"))


def import_keras(purpose: str) -> ModuleType:
    """Return Keras 3.

    Args:
        purpose: What needs it, as the subject of a sentence.

    Raises:
        MissingDependencyError: If it cannot be imported.
    """
    return import_optional("keras", purpose, install_command("tensorflow"))


@contextmanager
def fresh_names(keep: bool = True) -> Iterator[None]:
    """Count automatic layer names (``dense``, ``dense_1``) from the beginning inside the block.

    Nothing else of the user's Keras session changes. Afterwards each counter continues from its
    old value.

    Args:
        keep: Whether each counter also passes the names inside the block. Then a layer that the
            user adds to a model of the block gets no name that the model already has.
    """
    before = _swap_counters({})
    try:
        yield
    finally:
        inside = _swap_counters(before)
        if keep:
            _swap_counters(
                {
                    name: max(before.get(name, 0), inside.get(name, 0))
                    for name in {**before, **inside}
                }
            )


def _swap_counters(counters: dict[str, int]) -> dict[str, int]:
    """Set Keras' name counters, and return their earlier values."""
    if "keras" not in sys.modules:
        return {}
    # The only public way is clear_session, which would clear the user's whole session. If this
    # private part of Keras has moved, names simply count on.
    try:
        from keras.src.backend.common import global_state

        previous = global_state.get_global_attribute(_COUNTERS) or {}
        global_state.set_global_attribute(_COUNTERS, defaultdict(int, counters))
        return dict(previous)
    except (ImportError, AttributeError):
        _log.warning(
            "This version of Keras hides its name counters: automatic layer names count on "
            "between models."
        )
        return {}


def call_generator(generator: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a user's generator, and return its value.

    Raises:
        NameError: If the function uses a name that a worker does not know. The message adds the
            remedy.
        MissingDependencyError: If it imports TensorFlow or Keras, which is not installed.
    """
    try:
        return generator(*args, **kwargs)
    except UnboundLocalError:  # a NameError, but a mistake inside the function
        raise
    except NameError as error:
        raise NameError(f"{error}. {_import_remedy(generator, error)}", name=error.name) from error
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("tensorflow", "keras"):
            raise missing_tensorflow(f"The function {_name(generator)}") from error
        raise


def _import_remedy(generator: Callable[P, T], error: NameError) -> str:
    name = _name(generator)
    line = _USUAL_IMPORTS.get(error.name or "")
    if line:
        return f"The function runs on a worker: add `{line}` inside {name}, as its first line."
    return f"The function runs on a worker: import or define everything that it uses inside {name}."


def _name(function: Callable[P, T]) -> str:
    return f"{getattr(function, '__name__', type(function).__name__)}()"
