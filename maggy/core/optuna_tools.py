"""What every use of Optuna here needs: that it is installed, that it keeps quiet, and what it can be told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from maggy.core.exceptions import MissingDependencyError
from maggy.trial import Trial

__all__ = ["quiet", "require", "tellable_points"]

MOST_POINTS = 1000


def tellable_points(trial: Trial) -> dict[int, float]:
    """What a trial reported, as Optuna takes it: whole steps of at least 0, and no more than 1,000 of them."""
    steps, values = trial.step_history, trial.metric_history
    apart = max(1, math.ceil(len(steps) / MOST_POINTS))
    chosen = range((len(steps) - 1) % apart, len(steps), apart)  # the last one among them
    return {math.floor(steps[place]): values[place] for place in chosen if steps[place] >= 0}


def require(name: str, modules: Collection[str], extra: str) -> None:
    """Say how to install what is missing, without importing what is there."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingDependencyError(
            f"{name} needs {' and '.join(missing)}, which cannot be imported here: pip install 'maggy[{extra}]'."
        )


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
            warnings.filterwarnings("ignore", message="`gamma` has been deprecated", category=FutureWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
