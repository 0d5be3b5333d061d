"""Turn the errors that the libraries of stores raise into the ``OSError`` of the contract."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from maggy.common.exceptions import MaggyError

__all__ = ["StoreError", "with_os_errors"]

_Class = TypeVar("_Class", bound=type)


class StoreError(OSError):
    """An error of a store's library. The text begins with the name of the library's own class."""


def with_os_errors(cls: _Class) -> _Class:
    """Let the methods of a class raise ``OSError`` in place of a library's own errors.

    A store's library has errors that derive from ``Exception`` alone, such as that of S3 without
    credentials. Errors of Maggy, and those that are an ``OSError`` already, stay as they are.
    """
    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("__"):
            setattr(cls, name, _with_os_errors(method))
    return cls


def _with_os_errors(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: object, **options: object) -> object:
        try:
            return method(*args, **options)
        except (OSError, MaggyError, MemoryError):
            raise
        except Exception as error:
            raise StoreError(f"{type(error).__name__}: {error}") from error

    return call
