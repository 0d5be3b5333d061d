"""The components of a study in their order, and how each of them changes the base model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maggy.ablation.component import Component
from maggy.ablation.keras_edit import Edit, merge_edits
from maggy.ablation.model_edits import layers_with_prefix

if TYPE_CHECKING:
    from maggy.ablation.ablationstudy import AblationStudy

__all__ = ["EDIT_KINDS", "component_edit", "study_components"]

EDIT_KINDS = ("layer", "prefix", "group", "replacement")
"""The kinds of components that change the base model."""


def study_components(study: AblationStudy) -> list[Component]:
    """Return the base and everything that the study includes, in the order of their trials."""
    features, layers = study.features, study.model.layers
    singles = [
        Component.base(),
        *map(Component.feature, features.included_features),
        *map(Component.feature_prefix, features.included_prefixes),
        *map(Component.feature_regex, features.included_regexes),
        *map(Component.feature_group, features.included_groups),
        *map(Component.layer, layers.included_layers),
        *map(Component.prefix, layers.included_prefixes),
        *map(Component.group, layers.included_groups),
        *(Component.replacement(*replacement.key) for replacement in layers.replacements),
        *(Component.custom(name) for _, name in study.model.custom_model_generators),
        *(choice.component for choice in study.choices.included_choices),
    ]
    return [*singles, *(part.component(singles) for part in study.combinations)]


def component_edit(component: Component, study: AblationStudy, model: object) -> Edit:
    """Return how the base model changes together with a component.

    Args:
        component: A component of one of the kinds in ``EDIT_KINDS``, or a combination of such.
        study: The study.
        model: The base model.

    Raises:
        AblationError: If the model has no layer with the component's prefix.
    """
    if component.parts:
        return merge_edits(component_edit(part, study, model) for part in component.parts)
    if component.kind == "replacement":
        factories = {
            Component.replacement(*replacement.key).label: replacement.factory
            for replacement in study.model.layers.replacements
        }
        return Edit(replacements={component.names[0]: factories[component.label]})
    if component.kind == "prefix":
        return Edit(frozenset(layers_with_prefix(model, component.names[0])))
    # Whoever names the first layer means it. Prefixes and groups spare it.
    return Edit(frozenset(component.names), may_remove_first=component.kind == "layer")
