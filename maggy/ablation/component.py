"""A component of an ablation study, and the labels by which trials and records name it.

No other module knows the format of the labels.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from maggy.common.exhaustive import assert_never
from maggy.common.types import ParameterValue

__all__ = ["LABEL_PARAMETERS", "NOTHING", "Component", "ComponentKind", "ablated_labels"]

NOTHING = "None"
"""The label of the base trial, which leaves nothing out."""
_FEATURE = "ablated_feature"
_LAYER = "ablated_layer"
LABEL_PARAMETERS = (_FEATURE, _LAYER)
"""The parameters of an ablation's trial. Their values are labels."""
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
    "combination",
]
"""The kinds of components. Only users' own ablators make a combination."""


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
            ``layer``, ``prefix``, ``group``, ``replacement``, ``custom`` or ``combination``.
        label: The name of the component in its trial and in every record.
        names: The features, the layers, the prefix, the regular expression or the identifier of the
            custom model. For a replacement, the layer and what replaces it.
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
    def from_params(cls, params: Mapping[str, ParameterValue]) -> Component:
        """Return the component that a trial leaves out.

        This is the inverse of :meth:`params`. A layer whose own name has the form of another label,
        such as ``Layers prefixed P``, is read as what the label says.

        Args:
            params: The parameters of an ablation's trial. A missing parameter leaves nothing out.

        Returns:
            A ``combination`` if both a feature and a part of the model are left out.
        """
        feature, layer = ablated_labels(params)
        parts = []
        # Labels become text, since a user's own ablator may use numbers.
        if feature is not None:
            parts.append(cls._from_feature_label(str(feature)))
        if layer is not None:
            parts.append(cls._from_layer_label(str(layer)))
        match parts:
            case []:
                return cls.base()
            case [part]:
                return part
            case _:
                label = " + ".join(part.label for part in parts)
                return cls("combination", label, parts=tuple(parts))

    @classmethod
    def from_feature_label(cls, label: ParameterValue | None) -> Component:
        """Return the component of a trial with this label of a feature; the base for None."""
        return cls.from_params({_FEATURE: label})

    @classmethod
    def _from_feature_label(cls, label: str) -> Component:
        if label.startswith(_FEATURE_PREFIX_LABEL):
            return cls.feature_prefix(label.removeprefix(_FEATURE_PREFIX_LABEL))
        if label.startswith(_FEATURE_REGEX_LABEL):
            return cls.feature_regex(label.removeprefix(_FEATURE_REGEX_LABEL))
        names = _names_in(label)
        # The name of a column may begin with a bracket, too.
        return cls.feature(label) if names == (label,) else cls("feature_group", label, names)

    @classmethod
    def _from_layer_label(cls, label: str) -> Component:
        if label.startswith(_PREFIX_LABEL):
            return cls.prefix(label.removeprefix(_PREFIX_LABEL))
        if label.startswith(_CUSTOM_LABEL):
            return cls.custom(label.removeprefix(_CUSTOM_LABEL))
        if label.startswith("["):
            return cls("group", label, _names_in(label))
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

    def params(self) -> dict[str, str]:
        """Return the parameters of the trial that leaves out this component."""
        if self.kind == "combination":
            labels = [
                (name, label)
                for part in self.parts
                for name, label in part.params().items()
                if label != NOTHING
            ]
            return {_FEATURE: NOTHING, _LAYER: NOTHING, **dict(labels)}
        if self.is_of_features:
            return {_FEATURE: self.label, _LAYER: NOTHING}
        # All others change the model, also kinds that a user's subclass of LOCO adds.
        return {_FEATURE: NOTHING, _LAYER: self.label}

    def describe(self) -> str:
        """Return the text by which printed results and plots name this component."""
        match self.kind:
            case "base":
                return "base"
            case "feature" | "layer" | "replacement":
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


def ablated_labels(
    params: Mapping[str, ParameterValue],
) -> tuple[ParameterValue | None, ParameterValue | None]:
    """Return the labels of the feature and of the layer that a trial leaves out.

    None leaves nothing out. Labels are strings, unless a user's own ablator gives something else.

    Args:
        params: The parameters of the trial. A user's own ablator may omit one that never varies.
    """
    feature, layer = params.get(_FEATURE), params.get(_LAYER)
    return (None if feature == NOTHING else feature), (None if layer == NOTHING else layer)


def _names_in(label: str) -> tuple[str, ...]:
    """Return the names in the label of a group, or the label itself if it lists no names."""
    try:
        names = ast.literal_eval(label)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        # A user's own ablator may write any text. Deep brackets raise the last two.
        return (label,)
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return (label,)
