"""Let users import ``hops.util``, which needs a module of an old notebook server.

Nothing installs that module any more. This module imports no part of hops, and knows nothing of
Hopsworks but these two names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from maggy.common.import_hooks import ImportHook

__all__ = ["HopsUtilFinder", "mend_hops_util"]

_HOPS_UTIL = "hops.util"
_NOTEBOOK_SERVER = "notebook.notebookapp"
"""The module that ``hops.util`` imports although hops does not require its package."""


def mend_hops_util() -> None:
    """Make every later import of ``hops.util`` work.

    Nothing changes if hops is not installed, or if this function was called before.
    """
    if not any(isinstance(finder, HopsUtilFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, HopsUtilFinder())


class HopsUtilFinder(ImportHook):
    """Find ``hops.util`` where it is, and have it executed with the module that it needs.

    hops takes one function out of that module and never calls it. If the module is missing or
    broken, an empty one stands in for it while ``hops.util`` is executed, and only then: code that
    looks for the package notebook at any other time finds what is really installed.
    """

    def __init__(self) -> None:
        super().__init__([_HOPS_UTIL], lambda name: _notebook_server())


@contextmanager
def _notebook_server() -> Iterator[None]:
    """Make the notebook server's module importable: the real one, or one that stands in for it."""
    try:
        import_module(_NOTEBOOK_SERVER)
    except Exception:
        # The module is missing, or a package that it needs is missing or too new.
        pass
    else:
        yield
        return
    placeholder = ModuleType(_NOTEBOOK_SERVER)
    placeholder.list_running_servers = lambda *_: iter(())  # type: ignore[attr-defined]
    parent = _NOTEBOOK_SERVER.partition(".")[0]
    # A real package of this name stays in sys.modules, if it was there before.
    names = [_NOTEBOOK_SERVER] if parent in sys.modules else [_NOTEBOOK_SERVER, parent]
    sys.modules[_NOTEBOOK_SERVER] = placeholder
    sys.modules.setdefault(parent, ModuleType(parent))
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
