"""End a ``match`` over all kinds of a value."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["assert_never"]


def assert_never(value: NoReturn) -> NoReturn:
    """Raise an error for a kind of value that no case has handled.

    The type checker reports a call that can be reached. ``typing.assert_never`` needs Python 3.11.

    Raises:
        AssertionError: Always, with the name of the value's type.
    """
    raise AssertionError(
        f"A value of the type {type(value).__name__} is not handled: {value!r:.200}."
    )
