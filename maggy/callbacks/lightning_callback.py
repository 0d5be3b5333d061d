"""The base of the callbacks for PyTorch Lightning."""

from __future__ import annotations

import sys

from maggy.callbacks.framework_callback import FrameworkCallback
from maggy.common.extras import install_command
from maggy.common.optional import can_import, import_optional

__all__ = ["LightningCallback"]

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")
"""The two packages that Lightning is published as. Each has classes of its own."""


class LightningCallback(FrameworkCallback):
    """The base of our callbacks for Lightning. An instance is one of Lightning's, too."""

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        # Each package accepts only its own class. What is imported is what the user takes.
        packages = [name for name in _PACKAGES if sys.modules.get(name) is not None]
        packages = packages or [name for name in _PACKAGES if can_import(name)][:1]
        remedy = install_command("lightning")
        return tuple(
            import_optional(name, cls.__name__, remedy).Callback
            for name in packages or _PACKAGES[:1]
        )
