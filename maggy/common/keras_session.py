"""Running users' generators: Keras' automatic names counted from a fresh session, errors with a remedy."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maggy.common.exceptions import MissingDependencyError
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


def missing_tensorflow(what: str) -> MissingDependencyError:
    """The error for ``what`` needing TensorFlow where it is not installed."""
    return MissingDependencyError(
        f'{what} needs TensorFlow, which is not installed here. Install it with: pip install "maggy[tensorflow]"'
    )


def import_tensorflow(what: str) -> Any:
    """TensorFlow, or an error that says that ``what`` needs it and how to install it."""
    return import_optional("tensorflow", what, 'pip install "maggy[tensorflow]"')


def import_keras(what: str) -> Any:
    """Keras 3, or an error that says that ``what`` needs it and how to install it."""
    return import_optional("keras", what, 'pip install "maggy[tensorflow]"')


@contextmanager
def fresh_names(keep: bool = True) -> Iterator[None]:
    """Automatic layer names (``dense``, ``dense_1``) count from the beginning inside, whatever was built before.

    Nothing else of the user's Keras session changes. Afterwards the counters stand where they stood.
    With ``keep`` they also pass what was built inside, so that a layer that the user then adds to
    that model does not get a name which the model already has.
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


def _swap_counters(new: dict[str, int]) -> dict[str, int]:
    """Puts Keras' name counters in place and returns those that were there.

    Keras has no public way but ``clear_session``, which would clear the user's session. When this
    part of Keras has moved, or Keras is not loaded yet, names simply count on.
    """
    if "keras" not in sys.modules:
        return {}
    try:
        from keras.src.backend.common import global_state

        old = global_state.get_global_attribute(_COUNTERS) or {}
        global_state.set_global_attribute(_COUNTERS, defaultdict(int, new))
        return dict(old)
    except (ImportError, AttributeError):
        _log.warning(
            "This version of Keras hides its name counters: automatic layer names count on between models."
        )
        return {}


def call_generator(generator: Callable[..., Any], *args: Any) -> Any:
    """What a user's generator returns for ``args``.

    Raises:
        NameError: The function uses a name that a worker does not know; the message adds the remedy.
        MissingDependencyError: It imports TensorFlow or Keras, which is not installed.
    """
    try:
        return generator(*args)
    except UnboundLocalError:
        raise
    except NameError as error:
        raise NameError(f"{error}. {_import_remedy(generator, error)}", name=error.name) from error
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("tensorflow", "keras"):
            raise missing_tensorflow(f"The function {_name(generator)}") from error
        raise


def _import_remedy(generator: Callable[..., Any], error: NameError) -> str:
    usual = {
        "tf": "import tensorflow as tf",
        "np": "import numpy as np",
        "pd": "import pandas as pd",
        "keras": "import keras",
        "tensorflow": "import tensorflow",
    }
    name = _name(generator)
    known = usual.get(error.name or "")
    if known:
        return f"The function runs on a worker: add `{known}` inside {name}, as its first line."
    return f"The function runs on a worker: import or define everything that it uses inside {name}."


def _name(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__name__', type(function).__name__)}()"
