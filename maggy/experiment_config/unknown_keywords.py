"""The error for a keyword that a call does not take, with the closest one that it does take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection
from typing import Any, Final, TypeVar

from maggy.common.json_values import closest

__all__ = ["refuse_unknown_keywords", "unknown_keyword"]

Config = TypeVar("Config", bound=type)

OTHER_KEYWORDS: Final = {
    "algo": "optimizer",
    "algorithm": "optimizer",
    "ablation": "ablation_study",
    "earlystopping": "es_policy",
    "goal": "direction",
    "maxevals": "num_trials",
    "maxtrials": "num_trials",
    "metric": "optimization_key",
    "mode": "direction",
    "njobs": "num_workers",
    "niter": "num_trials",
    "ntrials": "num_trials",
    "numsamples": "num_trials",
    "objective": "optimization_key",
    "paramspace": "searchspace",
    "parallelism": "num_workers",
    "pruner": "es_policy",
    "sampler": "optimizer",
    "scheduler": "es_policy",
    "space": "searchspace",
    "study": "ablation_study",
    "timeout": "max_seconds",
}
"""Keywords of other libraries without underscores, and ours for the same."""


def unknown_keyword(owner: str, keyword: str, value: object, names: Collection[str]) -> TypeError:
    """Return the error for a keyword that does not exist.

    Example:
        >>> print(unknown_keyword("Config", "num_trial", 3, ["num_trials"]))
        Config has no argument 'num_trial' (got 3). Did you mean 'num_trials'? It has: num_trials.

    Args:
        owner: What was called.
        keyword: The keyword.
        value: The value that came with it.
        names: The keywords that exist.
    """
    meaning = OTHER_KEYWORDS.get(keyword.lower().replace("_", ""))
    hint = f" Did you mean '{meaning}'?" if meaning in names else closest(keyword, list(names))
    return TypeError(
        f"{owner} has no argument {keyword!r:.80} (got {value!r:.80}).{hint} "
        f"It has: {', '.join(names)}."
    )


def refuse_unknown_keywords(config: Config) -> Config:
    """Let the constructor of a config name the closest keyword if one does not exist.

    Any other mistake in a call, such as an argument that is missing, is left to Python. The
    signature and the help of the config stay those of its own constructor.
    """
    # mypy warns since a subclass may have another constructor. Here the class itself is meant.
    construct = config.__init__  # type: ignore[misc]
    names = [name for name in inspect.signature(construct).parameters if name != "self"]

    @functools.wraps(construct)
    def check_and_construct(self: object, /, *args: Any, **keywords: Any) -> None:  # noqa: ANN401
        for keyword, value in keywords.items():
            if keyword not in names:
                raise unknown_keyword(type(self).__name__, keyword, value, names)
        construct(self, *args, **keywords)

    config.__init__ = check_and_construct  # type: ignore[misc]
    return config
