"""What the ablators have in common that leave out several components in one trial."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

from maggy.ablation.ablator.loco import LOCO
from maggy.ablation.component import Component
from maggy.common.exceptions import AblationError

__all__ = ["SubsetAblator", "are_exclusive"]


class SubsetAblator(LOCO):
    """An ablator whose trials leave out sets of the components that a study includes.

    A custom model is a whole model, from which nothing else can be left out. So studies with custom
    models are refused before any trial, and so are studies with combinations of their own.

    Args:
        ablation_study: The study.
        final_store: The list of ended trials.
    """

    # Whether two components that exclude each other may both be in the study.
    _takes_exclusive = False
    # The smallest number of components with which the ablator can say anything.
    _min_components = 0

    def players(self) -> list[Component]:
        """Return the components of which trials leave out sets, in the order of inclusion."""
        return [component for component in super().components() if not component.is_base]

    def without(self, components: Collection[Component]) -> Component:
        """Return the component of the trial that leaves out these components.

        The order of the study fixes the label, whatever the order of the components is.
        """
        return Component.combination(part for part in self.players() if part in components)

    def prepare(self, function_names: frozenset[str] = frozenset()) -> None:
        """Check that all components can be left out together, and the study as LOCO does.

        Raises:
            AblationError: If they cannot.
        """
        players = self.players()
        for component in players:
            self._check_player(component)
        if len(players) < self._min_components:
            raise AblationError(
                f"{self.name()} needs at least {self._min_components} components, but the study "
                f"has {len(players)}. Include more, or use ablator='loco'."
            )
        if not self._takes_exclusive:
            for first, second in itertools.combinations(players, 2):
                if are_exclusive(first, second):
                    raise AblationError(
                        f"{self.name()} leaves components out together, but '{first.label}' and "
                        f"'{second.label}' exclude each other. Exclude one of them."
                    )
        super().prepare(function_names)

    def _check_player(self, component: Component) -> None:
        if component.kind in ("custom", "combination"):
            noun = "custom model" if component.kind == "custom" else "combination"
            raise AblationError(
                f"{self.name()} combines the components of the study itself, but a {noun} cannot "
                f"be combined with others: '{component.label}'. Use ablator='loco' for it."
            )
        if " + " in component.label:
            raise AblationError(
                "The labels of combined components are joined with ' + ', so none may contain it, "
                f"but got '{component.label}'. Use another name."
            )

    def _tested_sets(self) -> Sequence[Component]:
        players = self.players()
        return [Component.base(), *players, Component.combination(players)]


def are_exclusive(first: Component, second: Component) -> bool:
    """Return whether no trial can leave out both.

    Two values of one parameter exclude each other, and so do two changes of a layer of which one
    replaces it.
    """
    if first.kind == second.kind == "choice":
        return first.names == second.names
    for replacement, other in ((first, second), (second, first)):
        if replacement.kind == "replacement" and other.kind in ("layer", "group", "replacement"):
            names = other.names[:1] if other.kind == "replacement" else other.names
            if replacement.names[0] in names:
                return True
    return False
