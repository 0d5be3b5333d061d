"""A component of an ablation study, and the labels by which trials and records name it.

Only this module and :mod:`maggy.ablation.labels` know the format of the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from maggy.ablation.labels import (
    CHOICE_PARAMETER,
    FEATURE_PARAMETER,
    LABEL_PARAMETERS,
    LAYER_PARAMETER,
    NOTHING,
    SEPARATOR,
    ablated_choice,
    ablated_labels,
    choice_label,
    names_in,
    split_label,
)
from maggy.common.exhaustive import assert_never
from maggy.common.types import ParameterValue

__all__ = ["Component", "ComponentKind", "parts_of"]

# Labels are hashed into the ids of trials and stand in records: with another text, a resumed study
# would not find its trials.
_PREFIX_LABEL = "Layers prefixed "
_CUSTOM_LABEL = "Custom model: "
_REPLACED_LABEL = " replaced by "
_FEATURE_PREFIX_LABEL = "Features prefixed "
_FEATURE_REGEX_LABEL = "Features matching "

ComponentKind: TypeAlias = Literal[
    "base",
    "feature",
    "feature_prefix",
    "feature_regex",
    "feature_group",
    "layer",
    "prefix",
    "group",
    "replacement",
    "custom",
    "choice",
    "combination",
]
"""The kinds of components."""


# Frozen, because results use components as the keys of dicts.
@dataclass(frozen=True)
class Component:
    """A component is what one trial leaves out, or, for ``custom``, the model that it trains.

    The class methods make the components of a study; :meth:`from_params` reads one from a trial.

    Example:
        >>> Component.prefix("block_3").params()
        {'ablated_feature': 'None', 'ablated_layer': 'Layers prefixed block_3'}
        >>> Component.from_params({"ablated_feature": "fare", "ablated_layer": "None"}).describe()
        'feature fare'

    Attributes:
        kind: ``base``, ``feature``, ``feature_prefix``, ``feature_regex``, ``feature_group``,
            ``layer``, ``prefix``, ``group``, ``replacement``, ``custom``, ``choice`` or
            ``combination``.
        label: The name of the component in its trial and in every record.
        names: The features, the layers, the prefix, the regular expression, the identifier of the
            custom model or the parameter of the choice. For a replacement, the layer and what
            replaces it.
        parts: The components of a combination; empty for all other kinds.
    """

    kind: ComponentKind
    label: str = NOTHING
    names: tuple[str, ...] = ()
    parts: tuple[Component, ...] = ()

    @classmethod
    def base(cls) -> Component:
        """Return the component of the base trial, which leaves nothing out."""
        return cls("base")

    @classmethod
    def feature(cls, name: str) -> Component:
        """Return the component that leaves out a feature."""
        return cls("feature", name, (name,))

    @classmethod
    def feature_prefix(cls, prefix: str) -> Component:
        """Return the component that leaves out all features whose names begin with a prefix."""
        return cls("feature_prefix", f"{_FEATURE_PREFIX_LABEL}{prefix}", (prefix,))

    @classmethod
    def feature_regex(cls, regex: str) -> Component:
        """Return the component that leaves out all features with a match of an expression."""
        return cls("feature_regex", f"{_FEATURE_REGEX_LABEL}{regex}", (regex,))

    @classmethod
    def feature_group(cls, names: Iterable[str]) -> Component:
        """Return the component that leaves out several features together."""
        features = list(names)
        return cls("feature_group", str(features), tuple(features))

    @classmethod
    def layer(cls, name: str) -> Component:
        """Return the component that leaves out a layer."""
        return cls("layer", name, (name,))

    @classmethod
    def prefix(cls, prefix: str) -> Component:
        """Return the component that leaves out all layers whose names begin with a prefix."""
        return cls("prefix", f"{_PREFIX_LABEL}{prefix}", (prefix,))

    @classmethod
    def group(cls, names: Iterable[str]) -> Component:
        """Return the component that leaves out several layers together."""
        layers = list(names)
        return cls("group", str(layers), tuple(layers))

    @classmethod
    def replacement(cls, layer: str, label: str) -> Component:
        """Return the component in which another layer stands in place of a layer."""
        return cls("replacement", f"{layer}{_REPLACED_LABEL}{label}", (layer, label))

    @classmethod
    def custom(cls, identifier: str) -> Component:
        """Return the component that trains a custom model in place of the base model."""
        return cls("custom", f"{_CUSTOM_LABEL}{identifier}", (identifier,))

    @classmethod
    def choice(cls, name: str, value: object) -> Component:
        """Return the component that gives a parameter of the training function another value."""
        return cls("choice", choice_label(name, value), (name,))

    @classmethod
    def combination(cls, components: Iterable[Component]) -> Component:
        """Return the component that leaves out all of these together.

        The parts keep their order within one parameter of the trial; features come before parts of
        the model, and choices last.

        Example:
            >>> Component.combination(map(Component.feature, ("age", "fare"))).params()
            {'ablated_feature': 'age + fare', 'ablated_layer': 'None'}

        Args:
            components: The components. The base among them leaves nothing out, and the parts of a
                combination count one by one.

        Returns:
            The base without any component, and a single component as it is.
        """
        singles = [
            part
            for component in components
            for part in (component.parts or (component,))
            if not part.is_base
        ]
        parts = sorted(
            dict.fromkeys(singles),
            key=lambda part: (*LABEL_PARAMETERS, CHOICE_PARAMETER).index(part.parameter),
        )
        match parts:
            case []:
                return cls.base()
            case [part]:
                return part
            case _:
                label = SEPARATOR.join(part.label for part in parts)
                return cls("combination", label, parts=tuple(parts))

    @classmethod
    def from_params(cls, params: Mapping[str, ParameterValue]) -> Component:
        """Return the component that a trial leaves out.

        This is the inverse of :meth:`params`. A name that has the form of another label, such as
        ``Layers prefixed P`` or ``a + b``, is read as what the label says.

        Args:
            params: The parameters of an ablation's trial. A missing parameter leaves nothing out.

        Returns:
            A ``combination`` if several things are left out.
        """
        feature, layer = ablated_labels(params)
        choice = ablated_choice(params)
        parts: list[Component] = []
        # Labels become text, since a user's own ablator may use numbers.
        if feature is not None:
            parts += map(cls._from_feature_label, split_label(str(feature)))
        if layer is not None:
            parts += map(cls._from_layer_label, split_label(str(layer)))
        if choice is not None:
            # A value may contain the separator; the name of the next choice may not.
            for label in re.split(rf"{re.escape(SEPARATOR)}(?=\w+=)", str(choice)):
                parts.append(cls("choice", label, (label.partition("=")[0],)))
        return cls.combination(parts)

    @classmethod
    def from_feature_label(cls, label: ParameterValue | None) -> Component:
        """Return the component of a trial with this label of a feature; the base for None."""
        return cls.from_params({FEATURE_PARAMETER: label})

    @classmethod
    def _from_feature_label(cls, label: str) -> Component:
        if label.startswith(_FEATURE_PREFIX_LABEL):
            return cls.feature_prefix(label.removeprefix(_FEATURE_PREFIX_LABEL))
        if label.startswith(_FEATURE_REGEX_LABEL):
            return cls.feature_regex(label.removeprefix(_FEATURE_REGEX_LABEL))
        names = names_in(label)
        # The name of a column may begin with a bracket, too.
        return cls.feature(label) if names == (label,) else cls("feature_group", label, names)

    @classmethod
    def _from_layer_label(cls, label: str) -> Component:
        if label.startswith(_PREFIX_LABEL):
            return cls.prefix(label.removeprefix(_PREFIX_LABEL))
        if label.startswith(_CUSTOM_LABEL):
            return cls.custom(label.removeprefix(_CUSTOM_LABEL))
        if label.startswith("["):
            return cls("group", label, names_in(label))
        layer, separator, replacement = label.partition(_REPLACED_LABEL)
        if separator:
            return cls.replacement(layer, replacement)
        return cls.layer(label)

    @property
    def is_base(self) -> bool:
        """Whether nothing is left out."""
        return self.kind == "base"

    @property
    def is_of_features(self) -> bool:
        """Whether features are left out, and nothing of the model."""
        return self.kind in ("feature", "feature_prefix", "feature_regex", "feature_group")

    @property
    def is_named_after_alternative(self) -> bool:
        """Whether the label names what is there in the base's place, as for a choice."""
        if self.parts:
            return any(part.is_named_after_alternative for part in self.parts)
        return self.kind in ("choice", "replacement", "custom")

    @property
    def parameter(self) -> str:
        """The parameter of the trial that holds the label of a component that has no parts."""
        if self.is_of_features:
            return FEATURE_PARAMETER
        if self.kind == "choice":
            return CHOICE_PARAMETER
        # All others change the model, also kinds that a user's subclass of LOCO adds.
        return LAYER_PARAMETER

    def params(self) -> dict[str, str]:
        """Return the parameters of the trial that leaves out this component."""
        params = dict.fromkeys(LABEL_PARAMETERS, NOTHING)
        for part in self.parts or (self,):
            previous = params.get(part.parameter, NOTHING)
            joined_label = f"{previous}{SEPARATOR}{part.label}"
            params[part.parameter] = part.label if previous == NOTHING else joined_label
        return params

    def describe(self) -> str:
        """Return the text by which printed results and plots name this component."""
        match self.kind:
            case "base":
                return "base"
            case "feature" | "layer" | "replacement" | "choice":
                kind = "layer" if self.kind == "replacement" else self.kind
                return f"{kind} {self.label}"
            case "group":
                return f"layers {self.label}"
            case "feature_group":
                return f"features {self.label}"
            case "prefix" | "custom" | "feature_prefix" | "feature_regex":
                # These labels say themselves what they are.
                return self.label
            case "combination":
                return ", ".join(part.describe() for part in self.parts)
            case _:
                return assert_never(self.kind)


def parts_of(label: str, components: Mapping[str, Component]) -> list[Component] | None:
    """Return the components whose labels make up the label of a trial, in their order.

    Example:
        >>> age, fare = map(Component.feature, ("age", "fare"))
        >>> parts_of("fare + age", {"age": age, "fare": fare}) == [fare, age]
        True

    Args:
        label: The value of one parameter of the trial.
        components: Components without parts, by label. All labels belong to this parameter.

    Returns:
        None if the label is not made of these. A label that is a component itself is not split.
    """
    if label in components:
        return [components[label]]
    for first, component in components.items():
        if label.startswith(f"{first}{SEPARATOR}"):
            others = parts_of(label.removeprefix(f"{first}{SEPARATOR}"), components)
            if others is not None:
                return [component, *others]
    return None
