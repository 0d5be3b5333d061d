"""Make our callbacks callbacks of Keras when the first one is made, not when they are imported."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["KerasCallback"]

_Callback = TypeVar("_Callback", bound="KerasCallback")


class KerasCallback:
    """The base of our callbacks for Keras. An instance is one of Keras' ``Callback``, too."""

    def __new__(cls: type[_Callback], *_: object, **__: object) -> _Callback:
        """Return an instance that Keras accepts."""
        # Keras accepts only subclasses of its Callback. Deriving from it here would import Keras
        # with this module. So the instance is of a subclass of both, made now. Python calls
        # __init__ on it as usual, because it is an instance of ``cls`` too.
        plain_class: type = cls
        callback: _Callback = object.__new__(_with_keras(plain_class))
        return callback

    def __reduce__(self) -> tuple[object, ...]:
        # Without the model: each fit() sets it again, and not every model can be copied.
        state = {name: value for name, value in self.__dict__.items() if name != "_model"}
        return _restore, (getattr(type(self), "_plain_class", type(self)), state)


# In a cache, so that all callbacks of one class have the same type.
@cache
def _with_keras(cls: type) -> type:
    """Return a subclass of a class and of Keras' Callback, with the name of the class."""
    callbacks = import_optional("keras.callbacks", cls.__name__, install_command("tensorflow"))
    if issubclass(cls, callbacks.Callback):
        return cls
    names = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    # pickle finds this class by its name, but not the subclass.
    names["_plain_class"] = cls
    return type(cls.__name__, (cls, callbacks.Callback), names)


def _restore(cls: type[_Callback], state: dict[str, object]) -> _Callback:
    """Return a callback with this state, from pickle or copy.

    Args:
        cls: The class before it became a subclass of Keras' Callback.
        state: The attributes.
    """
    callback = cls.__new__(cls)
    callback.__dict__.update(_model=None, **state)
    return callback
