"""Packages that need not be installed, or that are installed and broken: one sentence with the remedy."""

from __future__ import annotations

import importlib
from typing import Any

from maggy.common.exceptions import MissingDependencyError

__all__ = ["can_import", "import_optional", "problem_with"]


def import_optional(module: str, purpose: str, remedy: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Its full name.
        purpose: What needs it, as the subject of the sentence: ``"to_pandas()"``.
        remedy: The command that installs the package.

    Raises:
        MissingDependencyError: It cannot be imported, for whatever reason. A package that does not fit another one
            raises TypeError, AttributeError or an error of its own.
    """
    package = module.split(".")[0]
    try:
        importlib.import_module(package)
        return importlib.import_module(module)
    except Exception as error:
        problem = problem_with(module, error)
        raise MissingDependencyError(
            f"{purpose} needs {package}, which {problem}: {remedy}"
        ) from error


def can_import(module: str) -> bool:
    """Whether a module is there and works."""
    try:
        importlib.import_module(module)
    except Exception:
        return False
    return True


def problem_with(module: str, error: Exception) -> str:
    """Return why a module could not be imported, as the predicate of a sentence."""
    package = module.split(".")[0]
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == package:
        return "is not installed"
    text = str(error).strip()
    reason = f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
    return f"is installed but cannot be imported ({reason})"
