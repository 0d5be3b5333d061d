"""Make our callbacks callbacks of a framework when the first one is made, not when imported."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import new_class
from typing import ClassVar, TypeVar

__all__ = ["FrameworkCallback"]

_Callback = TypeVar("_Callback", bound="FrameworkCallback")


class FrameworkCallback:
    """The base of our callbacks. An instance is one of the framework's own class, too."""

    _not_copied: ClassVar[Mapping[str, object]] = {}
    """Attributes that a copy does not take over, with the values that they get instead."""

    def __new__(cls: type[_Callback], *_: object, **__: object) -> _Callback:
        """Return an instance that the framework accepts."""
        # Most frameworks accept only subclasses of their own class. Deriving from it here would
        # import the framework with this module. So the instance is of a subclass of both, made now.
        # Python calls __init__ on it as usual, because it is an instance of ``cls`` too.
        plain_class: type = cls
        callback: _Callback = object.__new__(_combine(plain_class, cls._framework_classes()))
        return callback

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        """Import the framework, and return the classes from which its callbacks derive.

        Raises:
            MissingDependencyError: If the framework cannot be imported.
        """
        raise NotImplementedError

    def __reduce__(self) -> tuple[object, ...]:
        state = {**self.__dict__, **self._not_copied}
        return _restore, (getattr(type(self), "_plain_class", type(self)), state)


# In a cache, so that all callbacks of one class have the same type.
@cache
def _combine(cls: type, framework_classes: tuple[type, ...]) -> type:
    """Return a subclass of all of these classes, with the name of the first one."""
    bases = [base for base in framework_classes if not issubclass(cls, base)]
    if not bases:
        return cls
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    # pickle finds this class by its name, but not the subclass.
    names["_plain_class"] = cls
    return new_class(cls.__name__, (cls, *bases), exec_body=lambda space: space.update(names))


def _restore(cls: type[_Callback], state: dict[str, object]) -> _Callback:
    """Return a callback with this state, from pickle or copy.

    Args:
        cls: The class before it became a subclass of the framework's class.
        state: The attributes.
    """
    callback = cls.__new__(cls)
    callback.__dict__.update(state)
    return callback
