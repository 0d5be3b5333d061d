"""Leave out every component and every pair of components, to find those that act together."""

from __future__ import annotations

import itertools

from maggy.ablation.ablator.subsets import SubsetAblator, are_exclusive
from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis, ComponentMetrics
from maggy.ablation.statistics import paired_difference
from maggy.common.types import Json

__all__ = ["Pairs"]


class Pairs(SubsetAblator):
    """Run the base, one trial for each component, and one for each pair of components.

    The interaction of a and b is ``d(ab) - d(a) - d(b)``, where d is the difference from the base.
    It is 0 if each matters as much without the other one. Two features that hold the same
    information are each worth nothing alone, but their interaction is what they are worth together.

    Two components that exclude each other, such as two values of one choice, are no pair.

    Source: the two-factor interaction of factorial experiments: R. A. Fisher, "The Design of
    Experiments" (1935), chapter 6.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare", "age")
        >>> Pairs(study, []).get_number_of_trials()
        7

    Args:
        ablation_study: The study.
        final_store: The list of ended trials. This ablator does not use it.
    """

    _takes_exclusive = True
    _min_components = 2

    def pairs(self) -> list[tuple[Component, Component]]:
        """Return the pairs, in the order of inclusion."""
        pairs = itertools.combinations(self.players(), 2)
        return [pair for pair in pairs if not are_exclusive(*pair)]

    def components(self) -> list[Component]:
        """Return the base, the components, and the pairs."""
        pairs = [Component.combination(pair) for pair in self.pairs()]
        return [Component.base(), *self.players(), *pairs]

    def analyze_metrics(self, metrics: ComponentMetrics, confidence: float) -> Analysis:
        """Return ``interactions``: a dict for each pair.

        It holds ``components`` (the two labels), ``interaction`` (the mean over the repeats), and
        ``ci_low`` and ``ci_high``, paired by repeat. Values that cannot be computed are None.
        """
        interactions: list[Json] = []
        for first, second in self.pairs():
            both = Component.combination((first, second))
            # d(ab) - d(a) - d(b); the base is in it with -1 + 1 + 1.
            sums = metrics.contrast({both: 1, first: -1, second: -1, Component.base(): 1})
            effect = paired_difference([*sums.values()], confidence)
            interactions.append(
                {
                    "components": [first.label, second.label],
                    "interaction": effect.mean,
                    "ci_low": effect.ci_low,
                    "ci_high": effect.ci_high,
                }
            )
        return Analysis({"interactions": interactions})

    def _tested_sets(self) -> list[Component]:
        return self.components()
