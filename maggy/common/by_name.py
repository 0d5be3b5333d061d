"""Finds the policy that a user means, given an instance or a name. The names are listed where the policies are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest

__all__ = ["resolve"]

T = TypeVar("T")


def resolve(given: Any, argument: str, base: type[T], known: Mapping[str, Callable[[], T]]) -> T:
    """The instance of ``base`` that is meant.

    Args:
        given: An instance, which is returned itself; or a name, in any case; None is the name ``"none"``.
        argument: What the user calls it, for the error.
        base: The class that a user's own policy derives from.
        known: What each name, in lower case, stands for.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no such name.
        TypeError: It is a class, or something else altogether.
    """
    if isinstance(given, base):
        return given
    names = sorted(known)
    listed = ", ".join(f"'{name}'" for name in names)
    if given is None or isinstance(given, str):
        make = known.get("none" if given is None else given.strip().lower())
        if make is not None:
            return make()
        hint = closest(given, names) if given is not None else ""
        raise BadArgumentsError(
            f"{argument} must be one of {listed}, or an instance of {base.__name__}, but got {given!r:.80}.{hint}"
        )
    if isinstance(given, type) and issubclass(given, base):
        raise TypeError(
            f"{argument} must be an instance, but got the class {given.__name__}. Write {given.__name__}()."
        )
    raise TypeError(
        f"{argument} must be one of {listed}, or an instance of {base.__name__}, "
        f"but got {type(given).__name__}: {given!r:.80}. Derive your own class from {base.__name__}."
    )
