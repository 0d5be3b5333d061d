"""What every use of Optuna here needs: that it is installed, that it keeps quiet, and what it can be told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from maggy.common.exceptions import MissingDependencyError
from maggy.common.optional import import_optional
from maggy.trial import Trial

__all__ = ["needs_of", "quiet", "reportable_points", "require", "saying_what_is_missing"]

NEEDS = {"QMCSampler": ("scipy",), "CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch")}
"""What some of Optuna's samplers import when they are asked for the first time, and Optuna does not bring along."""

MOST_POINTS = 1000


def reportable_points(trial: Trial) -> dict[int, float]:
    """What a trial reported, as Optuna takes it: whole steps of at least 0, and no more than 1,000 of them."""
    steps, values = trial.step_history, trial.metric_history
    apart = max(1, math.ceil(len(steps) / MOST_POINTS))
    chosen = range((len(steps) - 1) % apart, len(steps), apart)  # the last one among them
    return {math.floor(steps[place]): values[place] for place in chosen if steps[place] >= 0}


def require(name: str, modules: Collection[str], extra: str) -> None:
    """Say how to install what is missing, or what is wrong with Optuna, without importing anything else.

    Raises:
        MissingDependencyError: A module is missing, or Optuna cannot be imported, for whatever reason.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingDependencyError(
            f"{name} needs {' and '.join(missing)}, which cannot be imported here: pip install 'maggy[{extra}]'."
        )
    if "optuna" in modules:
        import_optional("optuna", name, f"pip install --upgrade 'maggy[{extra}]'")


def needs_of(sampler: Any) -> list[str]:
    """Return the modules that a sampler of Optuna's imports late."""
    return [module for kind in type(sampler).__mro__ for module in NEEDS.get(kind.__name__, ())]


@contextmanager
def saying_what_is_missing(name: str) -> Iterator[None]:
    """Name the optimizer and the remedy when a sampler imports what is not there."""
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(
            f"{name} needs a package that cannot be imported here: {error}. Install it, for example with pip install "
            f"{(error.name or 'scipy').split('.')[0]}."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from announcing each study and trial, and from warning of what we do on purpose."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="optuna")
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # Our own option of TPE, which release 1.1 had too.
            warnings.filterwarnings(
                "ignore", message="`gamma` has been deprecated", category=FutureWarning
            )
            yield
    finally:
        optuna.logging.set_verbosity(before)
