"""The metrics of a study by component and repeat, and what an ablator concludes from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from maggy.ablation.component import Component
from maggy.common.types import Json
from maggy.trial import Trial

__all__ = ["Analysis", "ComponentMetrics"]


@dataclass(frozen=True)
class Analysis:
    """What an ablator adds to the result of its study.

    Attributes:
        result: Further keys of the result.
        differences: Further keys of a component's entry in ``result["differences"]``.
    """

    result: Mapping[str, Json] = field(default_factory=dict)
    differences: Mapping[Component, Mapping[str, Json]] = field(default_factory=dict)


class ComponentMetrics:
    """Look up the metrics of a study's trials by component and repeat.

    Example:
        >>> trial = Trial(Component.feature("age").params(), "ablation")
        >>> trial.status, trial.final_metric = Trial.FINALIZED, 0.5
        >>> ComponentMetrics([trial]).of(Component.feature("age"))
        {0: 0.5}

    Args:
        trials: Trials that have ended. Those without a finite metric count as missing.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._metrics: dict[frozenset[tuple[str, str]], dict[int, float]] = {}
        for trial in trials:
            metric = trial.final_metric
            if metric is not None and math.isfinite(metric):
                key = _key(Component.from_params(trial.params))
                self._metrics.setdefault(key, {})[trial.repeat or 0] = metric

    def of(self, component: Component) -> Mapping[int, float]:
        """Return the metrics of a component by repeat."""
        return self._metrics.get(_key(component), {})

    def contrast(self, weights: Mapping[Component, int]) -> dict[int, float]:
        """Return the weighted sum of the metrics of several components, by repeat.

        All trials of a repeat have the same seed, so the sum of a repeat is *paired*.

        Args:
            weights: The factor of each component. The difference of ``a`` from the base is
                ``{a: 1, base: -1}``.

        Returns:
            The sums of the repeats in which all components have a metric. One that is beyond floats
            is missing.
        """
        columns = [(weight, self.of(component)) for component, weight in weights.items()]
        repeats = sorted(set.intersection(*(set(column) for _, column in columns)))
        sums = {
            repeat: _sum([weight * column[repeat] for weight, column in columns])
            for repeat in repeats
        }
        return {repeat: total for repeat, total in sums.items() if math.isfinite(total)}


def _key(component: Component) -> frozenset[tuple[str, str]]:
    # Labels, because the names in a component that is read from labels may differ.
    return frozenset(component.params().items())


def _sum(numbers: list[float]) -> float:
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # beyond floats, or infinity minus infinity
        return math.nan
