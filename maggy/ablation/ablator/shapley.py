"""The Shapley value of each component: its mean contribution over random orders."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator.subsets import SubsetAblator
from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis, ComponentMetrics
from maggy.ablation.statistics import interval_of_mean, mean
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Json
from maggy.trial import Trial

__all__ = ["Shapley"]

_Contributions = dict[tuple[int, int], float]
"""The contributions of one component by order and repeat."""


class Shapley(SubsetAblator):
    """Share the difference between everything and nothing fairly among the components.

    All components are left out and then put back one by one, in many random orders. The value of a
    component is the mean change of the metric when it is put back. The values add up to the metric
    of the base minus that without all components. Components that replace each other share what
    they are worth, where leaving out one alone finds nothing.

    Each set of components has one trial a repeat, even if it appears in several orders. If there
    are at most ``samples`` orders (5 components have 120), all of them are used, and the values are
    exact but for the noise of training.

    Sources: L. S. Shapley, "A Value for n-Person Games", Contributions to the Theory of Games 2
    (1953), 307-317; J. Castro, D. Gomez and J. Tejada, "Polynomial Calculation of the Shapley Value
    Based on Sampling", Computers & Operations Research 36 (2009), 1726-1730.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare", "age")
        >>> Shapley(study, []).get_number_of_trials()
        8

    Args:
        ablation_study: The study.
        final_store: The list of ended trials. This ablator does not use it.
        samples: The number of orders, at least 1. More give narrower intervals and more trials: at
            most one for each set of components, and at most one for each component of an order.
        seed: The seed of the orders. It is no seed of the training, so that a study has the same
            trials whatever the config's seed is.

    Raises:
        BadArgumentsError: If an argument is something else.
    """

    def __init__(
        self,
        ablation_study: AblationStudy,
        final_store: list[Trial],
        samples: int = 200,
        seed: int = 0,
    ) -> None:
        super().__init__(ablation_study, final_store)
        for name, value, least in (("samples", samples, 1), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadArgumentsError(
                    f"{name} must be an integer of at least {least}, but got {value!r:.80}."
                )
        self.samples = samples
        self.seed = seed

    def components(self) -> list[Component]:
        """Return the base, then every set of components that an order needs."""
        players = self.players()
        sets = {frozenset[int](): None, frozenset(range(len(players))): None}
        for order in self._orders():
            missing = set(range(len(players)))
            for position in order:
                missing.discard(position)
                sets.setdefault(frozenset(missing))
        return [
            Component.combination(players[position] for position in sorted(missing))
            for missing in sets
        ]

    def trial_options(self) -> dict[str, Json]:
        """Return ``samples`` and ``seed``."""
        return {"samples": self.samples, "seed": self.seed}

    def analyze_metrics(self, metrics: ComponentMetrics, confidence: float) -> Analysis:
        """Return ``shapley``: a dict for each component.

        It holds ``component``, the label, ``value``, and ``ci_low`` and ``ci_high``. The interval
        covers the choice of the orders and, with two or more repeats, the noise of training. With
        one repeat and all orders there is nothing to estimate it from, and it is None. Orders with
        a failed trial are left out.
        """
        players, contributions = self.players(), self._contributions(metrics)
        entries: list[Json] = []
        for component, values in zip(players, contributions, strict=True):
            value, low, high = self._value(values, confidence)
            entries.append(
                {"component": component.label, "value": value, "ci_low": low, "ci_high": high}
            )
        return Analysis({"shapley": entries})

    def _orders(self) -> Iterator[tuple[int, ...]]:
        """Yield the orders in which the components are put back, as positions."""
        positions = range(len(self.players()))
        if self._has_all_orders():
            yield from itertools.permutations(positions)
            return
        rng = random.Random(self.seed)
        for _ in range(self.samples):
            yield tuple(rng.sample(positions, len(positions)))

    def _has_all_orders(self) -> bool:
        return math.factorial(len(self.players())) <= self.samples

    def _contributions(self, metrics: ComponentMetrics) -> list[_Contributions]:
        players = self.players()
        contributions: list[_Contributions] = [{} for _ in players]
        changes: dict[tuple[frozenset[int], int], dict[int, float]] = {}
        for number, order in enumerate(self._orders()):
            missing = frozenset(range(len(players)))
            for position in order:
                # Many orders share a change, and to make the labels of a set takes time.
                key = (missing, position)
                missing -= {position}
                if key not in changes:
                    with_it = Component.combination(players[i] for i in sorted(missing))
                    without = Component.combination(players[i] for i in sorted(key[0]))
                    changes[key] = metrics.contrast({with_it: 1, without: -1})
                for repeat, change in changes[key].items():
                    contributions[position][number, repeat] = change
        return contributions

    def _value(
        self, contributions: _Contributions, confidence: float
    ) -> tuple[float | None, float | None, float | None]:
        if not contributions:
            return None, None, None
        by_order: dict[int, list[float]] = {}
        by_repeat: dict[int, list[float]] = {}
        for (order, repeat), contribution in contributions.items():
            by_order.setdefault(order, []).append(contribution)
            by_repeat.setdefault(repeat, []).append(contribution)
        orders, repeats = map(_means, (by_order, by_repeat))
        value = mean(orders)
        # All orders leave nothing to chance. The noise of training is the same in all of them, so
        # it shows only between repeats.
        sources = [repeats] if self._has_all_orders() else [orders, repeats]
        return value, *interval_of_mean(value, sources, confidence)


def _means(groups: dict[int, list[float]]) -> list[float]:
    return [mean(values) for values in groups.values()]
