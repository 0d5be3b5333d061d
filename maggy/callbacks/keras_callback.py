"""The base of the callbacks for Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from maggy.callbacks.framework_callback import FrameworkCallback
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["KerasCallback"]


class KerasCallback(FrameworkCallback):
    """The base of our callbacks for Keras. An instance is one of Keras' ``Callback``, too."""

    # Each fit() sets the model again, and not every model can be copied.
    _not_copied: ClassVar[Mapping[str, object]] = {"_model": None}

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        remedy = install_command("tensorflow")
        return (import_optional("keras.callbacks", cls.__name__, remedy).Callback,)
