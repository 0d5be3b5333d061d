"""The labels of an ablation's trials: the parameters that hold them, and how they are joined.

:mod:`maggy.ablation.component` knows what a label means.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from maggy.common.types import ParameterValue

__all__ = [
    "CHOICE_PARAMETER",
    "FEATURE_PARAMETER",
    "LABEL_PARAMETERS",
    "LAYER_PARAMETER",
    "NOTHING",
    "SEPARATOR",
    "ablated_choice",
    "ablated_labels",
    "choice_label",
    "names_in",
    "split_label",
]

NOTHING = "None"
"""The label of the base trial, which leaves nothing out."""
FEATURE_PARAMETER = "ablated_feature"
LAYER_PARAMETER = "ablated_layer"
CHOICE_PARAMETER = "ablated_choice"
"""The parameter that only the trials of choices have."""
LABEL_PARAMETERS = (FEATURE_PARAMETER, LAYER_PARAMETER)
"""The parameters of every trial of an ablation. Their values are labels."""
SEPARATOR = " + "
"""What stands between the labels of a combination."""


def ablated_labels(
    params: Mapping[str, ParameterValue],
) -> tuple[ParameterValue | None, ParameterValue | None]:
    """Return the labels of the feature and of the layer that a trial leaves out.

    None leaves nothing out. Labels are strings, unless a user's own ablator gives something else.

    Args:
        params: The parameters of the trial. A user's own ablator may omit one that never varies.
    """
    feature, layer = params.get(FEATURE_PARAMETER), params.get(LAYER_PARAMETER)
    return (None if feature == NOTHING else feature), (None if layer == NOTHING else layer)


def ablated_choice(params: Mapping[str, ParameterValue]) -> ParameterValue | None:
    """Return the label of the choice that a trial makes; None if it makes none."""
    choice = params.get(CHOICE_PARAMETER)
    return None if choice == NOTHING else choice


def choice_label(name: str, value: object) -> str:
    """Return the label of a choice: ``optimizer='sgd'``."""
    return f"{name}={value!r}"


def split_label(label: str) -> list[str]:
    """Return the labels that are joined in one label of a feature or of a part of the model."""
    labels: list[str] = []
    for text in label.split(SEPARATOR):
        # The names in the list of a group may contain the separator.
        if labels and labels[-1].startswith("[") and not labels[-1].endswith("]"):
            labels[-1] += f"{SEPARATOR}{text}"
        else:
            labels.append(text)
    return labels


def names_in(label: str) -> tuple[str, ...]:
    """Return the names in the label of a group, or the label itself if it lists no names."""
    try:
        names = ast.literal_eval(label)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        # A user's own ablator may write any text. Deep brackets raise the last two.
        return (label,)
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return (label,)
