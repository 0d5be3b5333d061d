"""Make the search spaces of the contract tests, and a metric for their configurations."""

from __future__ import annotations

from maggy.common.types import Params
from maggy.searchspace import Searchspace

__all__ = ["conditional_space", "experiment_space", "objective"]


def experiment_space(seed: int = 7) -> Searchspace:
    """Return a space with every type and a log scale. The driver seeds spaces in the same way."""
    return Searchspace(
        kernel=("INTEGER", [2, 8]),
        rate=("DOUBLE", [1e-4, 1e-1], "log"),
        dropout=("DOUBLE", [0.0, 0.9]),
        pool=("DISCRETE", [1, 2, 4]),
        activation=("CATEGORICAL", ["relu", "gelu"]),
    ).seeded(seed)


def conditional_space(seed: int = 7) -> Searchspace:
    """Return a space with conditional parameters, a constant and steps.

    One parameter depends on a parameter that is conditional itself.
    """
    return Searchspace(
        epochs=("CONSTANT", [5]),
        algorithm=("CATEGORICAL", ["sgd", "adam", "none"]),
        momentum=("DOUBLE", [0.0, 0.9], {"when": {"algorithm": "sgd"}}),
        decay=("DOUBLE", [0.1, 0.9], {"step": 0.1, "when": {"algorithm": ["sgd", "adam"]}}),
        nesterov=("DISCRETE", [0, 1], {"when": {"algorithm": "sgd"}}),
        units=("INTEGER", [8, 64], {"step": 8}),
        lookahead=("INTEGER", [1, 1000], {"log": True, "when": {"nesterov": 1}}),
    ).seeded(seed)


def objective(params: Params) -> float:
    """Return a metric that depends on every parameter and is equal in every process."""
    return sum(
        (len(str(value)) + float(ord(str(value)[-1]))) * (position + 1)
        for position, value in enumerate(params.values())
    )
