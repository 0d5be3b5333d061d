"""Combinations of a study: several things that one trial leaves out together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from maggy.ablation.choices import Choice, choices_of
from maggy.ablation.component import Component
from maggy.ablation.labels import FEATURE_PARAMETER, LAYER_PARAMETER, NOTHING
from maggy.ablation.names import flat_names
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import ParameterValue

__all__ = ["Combination", "make_combination"]


@dataclass(frozen=True)
class Combination:
    """What one trial leaves out together.

    Attributes:
        features: The names of features, or labels of components that leave features out.
        layers: The names of layers, or labels of components that change the model.
        choices: The choices that the trial makes.
    """

    features: tuple[str, ...]
    layers: tuple[str, ...]
    choices: tuple[Choice, ...]

    @property
    def key(self) -> tuple[frozenset[str], ...]:
        """What differs between any two combinations of a study: the names without their order."""
        labels = frozenset(choice.label for choice in self.choices)
        return frozenset(self.features), frozenset(self.layers), labels

    def component(self, components: Iterable[Component]) -> Component:
        """Return the component of this combination.

        Args:
            components: The other components of the study, which may be meant by their labels.
        """
        by_label = {(part.parameter, part.label): part for part in components}
        return Component.combination(
            [
                *(
                    by_label.get((FEATURE_PARAMETER, name), Component.feature(name))
                    for name in self.features
                ),
                *(
                    by_label.get((LAYER_PARAMETER, name), Component.layer(name))
                    for name in self.layers
                ),
                *(choice.component for choice in self.choices),
            ]
        )


def make_combination(
    feature: str | list[str] | None,
    layer: str | list[str] | None,
    choice: Mapping[str, ParameterValue] | None,
) -> Combination:
    """Return the combination that a user describes.

    Raises:
        BadArgumentsError: If it has fewer than two parts, or a part is something else.
    """
    if choice is not None and not isinstance(choice, Mapping):
        raise BadArgumentsError(
            "choice must be a dict of values by the name of a parameter, such as "
            f"{{'augment': False}}, but got {type(choice).__name__}: {choice!r:.80}."
        )
    combination = Combination(
        tuple(flat_names([] if feature is None else [feature], "Feature")),
        tuple(flat_names([] if layer is None else [layer], "Layer")),
        tuple(choices_of(choice or {})),
    )
    if NOTHING in (*combination.features, *combination.layers):
        raise BadArgumentsError(
            f"A part of a combination cannot be called '{NOTHING}', because that is the label of "
            "the base trial. Rename it, or leave the argument out."
        )
    parts = [*combination.features, *combination.layers, *combination.choices]
    if len(parts) < 2:
        raise BadArgumentsError(
            f"A combination must have two or more parts, but got {len(parts)}. "
            "Include a single component with features.include(), model.layers.include() or "
            "choices.include()."
        )
    return combination
