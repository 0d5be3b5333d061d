"""Leave everything out, and put single components back."""

from __future__ import annotations

from maggy.ablation.ablator.subsets import SubsetAblator
from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis, ComponentMetrics
from maggy.ablation.statistics import paired_difference
from maggy.common.types import Json

__all__ = ["LeaveOneIn"]


class LeaveOneIn(SubsetAblator):
    """Run the base, one trial without all components, and one with each component put back alone.

    Where leaving one component out asks what the others cannot replace, this asks what a component
    is worth on its own. In ``result["differences"]`` the ``difference`` is from the base, as
    always. The entry of a component that is put back also has ``put_back``, its label, and
    ``contribution``: the metric minus that without all components.

    Source: the ranking of single variables in I. Guyon and A. Elisseeff, "An Introduction to
    Variable and Feature Selection", JMLR 3 (2003), 1157-1182, section 2.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare", "age")
        >>> [component.label for component in LeaveOneIn(study, []).components()][1:3]
        ['pclass + fare + age', 'fare + age']

    Args:
        ablation_study: The study.
        final_store: The list of ended trials. This ablator does not use it.
    """

    _min_components = 2

    def components(self) -> list[Component]:
        """Return the base, all components together, and all without one, in order."""
        players = self.players()
        rests = [self._rest(component) for component in players]
        return [Component.base(), Component.combination(players), *rests]

    def analyze_metrics(self, metrics: ComponentMetrics, confidence: float) -> Analysis:
        """Return the contribution of each component that is put back.

        With two or more repeats its interval is in ``contribution_ci_low`` and
        ``contribution_ci_high``. Values that cannot be computed are None.
        """
        nothing = Component.combination(self.players())
        entries: dict[Component, dict[str, Json]] = {}
        for component in self.players():
            rest = self._rest(component)
            sums = metrics.contrast({rest: 1, nothing: -1})
            effect = paired_difference([*sums.values()], confidence)
            entries[rest] = {"put_back": component.label, "contribution": effect.mean}
            if len(metrics.of(nothing)) > 1:
                entries[rest]["contribution_ci_low"] = effect.ci_low
                entries[rest]["contribution_ci_high"] = effect.ci_high
        return Analysis(differences=entries)

    def _rest(self, component: Component) -> Component:
        return self.without([other for other in self.players() if other != component])
