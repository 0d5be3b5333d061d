"""The choices of a study: other values for parameters of the training function.

This module calls no training function and does not read its signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from maggy.ablation.component import Component, parts_of
from maggy.ablation.labels import choice_label
from maggy.ablation.names import exclude, flat_names
from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.types import ParameterValue

__all__ = ["Choice", "ChoiceStudy", "choices_of", "values_of"]


@dataclass(frozen=True)
class Choice:
    """A value for a parameter of the training function in place of its default.

    Attributes:
        name: The parameter.
        value: The value.
    """

    name: str
    value: ParameterValue

    @property
    def label(self) -> str:
        """The label of the trial that makes this choice."""
        return choice_label(self.name, self.value)

    @property
    def component(self) -> Component:
        """The component that makes this choice."""
        return Component.choice(self.name, self.value)


class ChoiceStudy:
    """The choices of a study. One trial makes one choice; the base has the function's defaults.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.choices.include(augment=False, optimizer="sgd")
        >>> study.choices.include(optimizer="rmsprop")
        >>> study.choices.list_all()
        augment=False
        optimizer='sgd'
        optimizer='rmsprop'

    Attributes:
        included_choices: The choices, in the order of inclusion.
    """

    def __init__(self) -> None:
        self.included_choices: list[Choice] = []

    def include(self, **values: ParameterValue) -> None:
        """Add choices. Each of them is made by one trial.

        Several values of one parameter are several components. A choice that is included already
        keeps its position.

        Args:
            **values: Values by the name of a parameter of the training function. The parameter must
                have a default, which the base and all other trials use.

        Raises:
            BadArgumentsError: If the text of a value changes from run to run or has several lines;
                then nothing is added.
        """
        by_label = {choice.label: choice for choice in self.included_choices}
        choices = choices_of(values)
        self.included_choices = list({**by_label, **{c.label: c for c in choices}}.values())

    def exclude(self, *names: str | list[str], **values: ParameterValue) -> None:
        """Remove choices from the study. One that is not in it is logged and ignored.

        Args:
            *names: Names of parameters, or lists of names. All their values are removed.
            **values: Single choices, as they were included.

        Raises:
            BadArgumentsError: If something else is among the names; then nothing is removed.
        """
        removal = flat_names(names, "Choice")
        own_names = list(dict.fromkeys(choice.name for choice in self.included_choices))
        remaining_names = exclude(own_names, removal, "Choice")
        choices = [choice for choice in self.included_choices if choice.name in remaining_names]
        labels = exclude(
            [choice.label for choice in choices],
            [choice_label(name, value) for name, value in values.items()],
            "Choice",
        )
        self.included_choices = [choice for choice in choices if choice.label in labels]

    def list_all(self) -> None:
        """Print the labels of the included choices, one a line."""
        for choice in self.included_choices:
            print(choice.label)


def choices_of(values: Mapping[str, ParameterValue]) -> list[Choice]:
    """Return a choice for each value.

    Args:
        values: The values by the name of the parameter.

    Raises:
        BadArgumentsError: If the text of a value changes from run to run or has several lines.
    """
    choices = [Choice(name, value) for name, value in values.items()]
    for choice in choices:
        # Labels are hashed into the ids of trials, by which a resumed study finds them. The order
        # of a set changes from process to process.
        is_stable = " at 0x" not in choice.label and not isinstance(choice.value, (set, frozenset))
        if not is_stable or not choice.label.isprintable():
            raise BadArgumentsError(
                "The value of a choice must have one line of text that is the same in every run, "
                f"since this names its trial, but got {choice.label!r:.80}. Include a name, such "
                f"as {choice.name}='large', and look it up in the training function."
            )
    return choices


def values_of(label: str, choices: Iterable[Choice]) -> dict[str, ParameterValue]:
    """Return the arguments of the training function in the trial with this label.

    Args:
        label: The label of one choice or of several.
        choices: All choices of the study.

    Raises:
        AblationError: If a choice is not among them.
    """
    by_label = {choice.label: choice for choice in choices}
    parts = parts_of(label, {name: choice.component for name, choice in by_label.items()})
    if parts is None:
        raise AblationError(
            f"The study has no choice '{label}'.{closest(label, list(by_label))} "
            f"Its choices are: {', '.join(by_label) or 'none'}."
        )
    return {by_label[part.label].name: by_label[part.label].value for part in parts}
