"""Tell programming errors from others, and find the line of the mistake and its remedy."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import TracebackType

from maggy.common.exceptions import MaggyError

__all__ = ["mistake_of", "remedy_of"]

PROGRAMMING_ERRORS = (
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    NameError,
    TypeError,
)
"""The errors that any configuration would raise.

They include Maggy's own errors for a wrong return type and a missing metric. A ValueError, a
RuntimeError and a lack of memory are not among them: they may be due to the configuration.
"""

_MAGGY = os.path.join(Path(__file__).resolve().parents[2], "")
_LIBRARIES = (
    _MAGGY,
    os.path.join(sysconfig.get_path("stdlib"), ""),
    os.path.join(sysconfig.get_path("platstdlib"), ""),
)
_INSTALLED = ("site-packages", "dist-packages")
_KERAS_KEYS = {
    "acc": "accuracy",
    "accuracy": "accuracy",
    "val_acc": "val_accuracy",
    "val_accuracy": "val_accuracy",
}


def mistake_of(error: BaseException) -> tuple[str, str]:
    """Return the class of a programming error and where it was made; two empty texts for others.

    The location is the innermost line outside Maggy, the standard library and installed packages.
    If the training function is itself installed, it is the line where the function was left.
    """
    if not isinstance(error, PROGRAMMING_ERRORS):
        return "", ""
    return type(error).__name__, _location(error.__traceback__)


def remedy_of(error: BaseException) -> str:
    """Return what to do about an error whose cause is common; an empty text for others."""
    key = error.args[0] if isinstance(error, KeyError) and error.args else None
    if isinstance(error, MaggyError) or not isinstance(key, str) or key not in _KERAS_KEYS:
        return ""
    if "keras" not in sys.modules:
        return ""
    return (
        f"If {key!r} is looked up in the history of a Keras model: the keys are named after the "
        f"metrics given to compile(), so metrics=['accuracy'] makes the key {_KERAS_KEYS[key]!r}."
    )


def _location(frames: TracebackType | None) -> str:
    innermost = outermost = ""
    while frames is not None:
        filename = frames.tb_frame.f_code.co_filename
        location = f"at {filename}, line {frames.tb_lineno}"
        if not outermost and not filename.startswith(_MAGGY):
            outermost = location
        if not _is_library(filename):
            innermost = location
        frames = frames.tb_next
    return innermost or outermost or "in what the function returned"


def _is_library(filename: str) -> bool:
    if filename.startswith("<frozen ") or filename.startswith(_LIBRARIES):
        return True
    return any(part in _INSTALLED for part in filename.replace("\\", "/").split("/"))
