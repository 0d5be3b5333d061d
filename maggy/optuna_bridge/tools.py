"""Check that Optuna is installed, keep it quiet, and choose the points that are reported to it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from maggy.common.exceptions import MissingDependencyError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.trial import Trial

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = [
    "explain_missing_package",
    "late_imports_of",
    "quiet",
    "reportable_points",
    "require",
]

_LATE_IMPORTS = {
    "QMCSampler": ("scipy",),
    "CmaEsSampler": ("cmaes",),
    "GPSampler": ("scipy", "torch"),
}
"""The packages that some of Optuna's samplers import at their first suggestion.

Optuna does not install them.
"""

MAX_POINTS = 1000
"""The maximum number of points of a trial that are reported to Optuna."""


def reportable_points(trial: Trial) -> dict[int, float]:
    """Return the points of a trial that Optuna can hold, by step.

    Steps are rounded down to whole ones. Steps below 0 are left out. Of more than ``MAX_POINTS``
    points only every n-th is returned, the last one included.
    """
    steps, values = trial.step_history, trial.metric_history
    distance = max(1, math.ceil(len(steps) / MAX_POINTS))
    # Begin so that the last point is among the chosen ones.
    first = (len(steps) - 1) % distance
    return {
        math.floor(steps[index]): values[index]
        for index in range(first, len(steps), distance)
        if steps[index] >= 0
    }


def require(name: str, modules: Collection[str], extra: str) -> None:
    """Check that the packages of an optimizer are there. Nothing but Optuna is imported.

    Args:
        name: The optimizer or method that needs them, as the subject of the error text.
        modules: The names of the modules.
        extra: The extra of Maggy that installs them.

    Raises:
        MissingDependencyError: If a module is missing, or Optuna cannot be imported for any reason.
    """
    # find_spec imports nothing. Importing PyTorch takes seconds.
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingDependencyError(
            f"{name} needs {' and '.join(missing)}, which cannot be imported here: "
            f"{install_command(extra)}"
        )
    if "optuna" in modules:
        import_optional("optuna", name, install_command(extra, upgrade=True))


def late_imports_of(sampler: BaseSampler) -> list[str]:
    """Return the modules that a sampler of Optuna imports at its first suggestion."""
    return [
        module for base in type(sampler).__mro__ for module in _LATE_IMPORTS.get(base.__name__, ())
    ]


@contextmanager
def explain_missing_package(name: str) -> Iterator[None]:
    """Name the optimizer and the remedy when a sampler imports a missing package.

    Args:
        name: The optimizer's name.

    Raises:
        MissingDependencyError: If the block raises ``ImportError``.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "scipy").split(".")[0]
        raise MissingDependencyError(
            f"{name} needs a package that cannot be imported here: {error}. Install it, for "
            f"example with pip install {package}."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from printing a line for each study and trial, and from warning needlessly."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="optuna")
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # Release 1.1 had this option of TPE, so Maggy keeps it.
            warnings.filterwarnings(
                "ignore", message="`gamma` has been deprecated", category=FutureWarning
            )
            yield
    finally:
        optuna.logging.set_verbosity(before)
