"""Options of release 1.1 for optimizers that are Optuna's now: what has a counterpart is renamed, the rest is named."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number

__all__ = ["OPTIONS_OF_BOTH", "either", "share_of_good_trials", "translated", "warn_of_options"]

OPTIONS_OF_BOTH: dict[str, tuple[Any, ...]] = {
    "random_fraction": (0,),
    "interim_results": (False,),
    "interim_results_interval": (),
}
"""Options that TPE and the Gaussian process had, with the values by which they did what ours do."""


def translated(
    owner: str,
    options: Mapping[str, Any],
    renamed: Mapping[str, str],
    gone: Mapping[str, Collection[Any]],
) -> dict[str, Any]:
    """Return the options under their names of today; warn once of those that have no counterpart.

    Args:
        owner: Whose options they are, for the warning.
        options: What the user gave.
        renamed: The name of today for each name of release 1.1.
        gone: Options without a counterpart, each with the values that change nothing.

    Raises:
        BadArgumentsError: An option has both of its names.
    """
    lost = [
        name
        for name, same in gone.items()
        if options.get(name) is not None and options[name] not in same
    ]
    warn_of_options(owner, lost, stacklevel=4)
    kept = {name: value for name, value in options.items() if name not in gone}
    for old, new in renamed.items():
        if old in kept and new in kept:
            raise BadArgumentsError(
                f"{new} is what release 1.1 called {old}, but {owner} got both. Leave {old} out."
            )
    return {renamed.get(name, name): value for name, value in kept.items()}


def warn_of_options(owner: str, names: Collection[str], stacklevel: int = 3) -> None:
    """Warn that options of release 1.1 change nothing, all in one sentence; not if there are none."""
    if names:
        warnings.warn(
            f"{owner} has no counterpart of these options of release 1.1, and goes on without them: "
            f"{', '.join(names)}. Leave them out.",
            stacklevel=stacklevel,
        )


def either(name: str, value: Any, default: Any, old_name: str, old_value: Any) -> Any:
    """Return the value that was given, under its name of today or that of release 1.1.

    Raises:
        BadArgumentsError: Both were given.
    """
    if old_value is None:
        return value
    if value != default:
        raise BadArgumentsError(
            f"{name} is what release 1.1 called {old_name}, but got {value!r:.80} and {old_value!r:.80}. Leave one out."
        )
    return old_value


def share_of_good_trials(gamma: Any) -> Any:
    """Return what Optuna's TPE takes as ``gamma``, a function, for the share that release 1.1 took.

    Raises:
        BadArgumentsError: It is neither a function nor a number between 0 and 1.
    """
    share = as_number(gamma)
    if callable(gamma) or gamma is None:
        return gamma
    if share is None or not 0 < share < 1:
        raise BadArgumentsError(
            "gamma must be the share of the trials that count as good, above 0 and below 1, or a function as "
            f"optuna.samplers.TPESampler takes it, but got {gamma!r:.80}."
        )
    return partial(_good_trials, share)


def _good_trials(share: float, trials: int) -> int:
    return max(1, math.ceil(share * trials))
