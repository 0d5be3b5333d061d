"""Find the object that a user means by an instance or a name. It lists no names itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.other_names import OtherNames

__all__ = ["resolve", "with_names"]

T = TypeVar("T")
Documented = TypeVar("Documented", bound=Callable[..., object])


def resolve(
    value: object,
    argument: str,
    base: type[T],
    factories: Mapping[str, Callable[[], T]],
    other_names: OtherNames = OtherNames({}, {}),  # noqa: B008 (frozen)
) -> T:
    """Return the optimizer, stop rule or ablator that the user means.

    Args:
        value: An instance, which is returned itself, or a name in upper or lower case. None means
            the name ``"none"``.
        argument: The name of the user's argument, for the error text.
        base: The class from which a user's own classes derive.
        factories: The functions that make instances, by name in lower case. The names are listed
            only for an error.
        other_names: The names that other libraries use, for the error text.

    Raises:
        BadArgumentsError: If nothing has this name.
        TypeError: If the value is a class or anything else, or if the factory does not return an
            instance of ``base``.
    """
    if isinstance(value, base):
        return value
    if value is None or isinstance(value, str):
        return _make(value, argument, base, factories, other_names)
    if isinstance(value, type) and issubclass(value, base):
        raise TypeError(
            f"{argument} must be an instance, but got the class {value.__name__}. "
            f"Write {value.__name__}()."
        )
    raise TypeError(
        f"{argument} must be one of {_quote(factories)}, or an instance of {base.__name__}, "
        f"but got {type(value).__name__}: {value!r:.80}. "
        f"Derive your own class from {base.__name__}."
    )


def _make(
    name: str | None,
    argument: str,
    base: type[T],
    factories: Mapping[str, Callable[[], T]],
    other_names: OtherNames,
) -> T:
    factory = factories.get("none" if name is None else name.strip().lower())
    if factory is None:
        text = "none" if name is None else name
        hint = other_names.advice(text) or closest(text, sorted(factories))
        raise BadArgumentsError(
            f"{argument} must be one of {_quote(factories)}, or an instance of {base.__name__}, "
            f"but got {name!r:.80}.{hint}"
        )
    instance = factory()
    if not isinstance(instance, base):  # a factory of another distribution may return anything
        raise TypeError(
            f"{argument}={name!r} must make an instance of {base.__name__}, "
            f"but made {instance!r:.80}. "
            f"Derive the class that is registered under this name from {base.__name__}."
        )
    return instance


def with_names(
    names: Iterable[str], placeholder: str = "{names}"
) -> Callable[[Documented], Documented]:
    """Return a decorator that lists the names in a docstring in place of the placeholder.

    Example:
        >>> @with_names(["b", "a"])
        ... def choose(name):
        ...     "Choose {names}."
        >>> choose.__doc__
        "Choose ``'a'`` or ``'b'``."

    Args:
        names: The names of a table, so that the docstring needs no change when the table grows.
        placeholder: The text in the docstring that the list replaces.
    """
    *others, last = [f"``{name!r}``" for name in sorted(names)]
    text = f"{', '.join(others)} or {last}" if others else last

    def fill_in(target: Documented) -> Documented:
        if target.__doc__ is not None:  # python -OO removes docstrings
            target.__doc__ = target.__doc__.replace(placeholder, text)
        return target

    return fill_in


def _quote(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
