"""The feature side of an ablation study: single features and groups of features.

This module reads no data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from maggy.ablation.labels import NOTHING
from maggy.ablation.names import exclude, flat_names, require_name, sorted_groups
from maggy.common.exceptions import BadArgumentsError

__all__ = ["FeatureStudy"]


class FeatureStudy:
    """The features of a study. One trial leaves out one feature or one group of features.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("fare")
        >>> study.features.include_groups(["sex_male", "sex_female"], prefix="embarked_")
        >>> study.features.included_groups
        [['sex_female', 'sex_male']]

    Attributes:
        included_features: The names of single features, in the order of inclusion.
        included_prefixes: The prefixes, in the order of inclusion.
        included_regexes: The regular expressions, in the order of inclusion.
        included_groups: The lists, in the order of inclusion. The names in each are sorted.
    """

    def __init__(self) -> None:
        self.included_features: list[str] = []
        self.included_prefixes: list[str] = []
        self.included_regexes: list[str] = []
        self.included_groups: list[list[str]] = []

    def include(self, *features: str | list[str]) -> None:
        """Add features. Each of them is left out of the data set of one trial.

        A feature that is included already keeps its position.

        Args:
            *features: Names, or lists of names.

        Raises:
            BadArgumentsError: If something else is among them; then nothing is added.
        """
        names = flat_names(features, "Feature")
        if NOTHING in names:
            raise BadArgumentsError(
                f"A feature cannot be called '{NOTHING}', because that is the label of the base "
                "trial. Rename the column."
            )
        self.included_features = list(dict.fromkeys(self.included_features + names))

    def exclude(self, *features: str | list[str]) -> None:
        """Remove features from the study. A name that is not in it is logged and ignored.

        Args:
            *features: Names, or lists of names.

        Raises:
            BadArgumentsError: If something else is among them; then nothing is removed.
        """
        self.included_features = exclude(
            self.included_features, flat_names(features, "Feature"), "Feature"
        )

    def include_groups(
        self, *groups: list[str], prefix: str | None = None, regex: str | None = None
    ) -> None:
        """Add groups of features. One trial leaves out all features of a group.

        Prefixes and regular expressions need a registered data set, because only its columns are
        known before the first trial.

        Args:
            *groups: Lists of two or more names. Their order does not matter.
            prefix: All features whose names begin with it, in upper or lower case. A prefix that
                ends in a digit does not fit a name that continues with a digit.
            regex: All features with a match of this regular expression of Python anywhere in their
                name. ``^`` and ``$`` stand for the beginning and the end of the name.

        Raises:
            BadArgumentsError: If an argument is something else; then nothing is added.
        """
        # All arguments are checked before the first one is added.
        lists, prefixes, regexes = _read_groups(groups, prefix, regex)
        self.included_groups += [group for group in lists if group not in self.included_groups]
        self.included_prefixes += [name for name in prefixes if name not in self.included_prefixes]
        self.included_regexes += [text for text in regexes if text not in self.included_regexes]

    def exclude_groups(
        self, *groups: list[str], prefix: str | None = None, regex: str | None = None
    ) -> None:
        """Remove groups from the study. One that is not in it changes nothing.

        Args:
            *groups: Lists of two or more names, as they were included, in any order.
            prefix: A prefix, as it was included.
            regex: A regular expression, as it was included.

        Raises:
            BadArgumentsError: If an argument is something else; then nothing is removed.
        """
        lists, prefixes, regexes = _read_groups(groups, prefix, regex)
        self.included_groups = [group for group in self.included_groups if group not in lists]
        self.included_prefixes = exclude(self.included_prefixes, prefixes, "Prefix")
        self.included_regexes = exclude(self.included_regexes, regexes, "Regular expression")

    def list_all(self) -> None:
        """Print the included single features, one a line."""
        for name in self.included_features:
            print(name)


def _read_groups(
    groups: Iterable[list[str]], prefix: str | None, regex: str | None
) -> tuple[list[list[str]], list[str], list[str]]:
    """Return the groups, sorted and without duplicates, and lists of at most one text each."""
    lists = sorted_groups(groups, "feature")
    if not lists and prefix is None and regex is None:
        raise BadArgumentsError(
            "A feature group is a list of two or more names, prefix='...' or regex='...', but got "
            "none of them."
        )
    prefixes = [] if prefix is None else [require_name(prefix, "A prefix")]
    regexes = [] if regex is None else [require_name(regex, "A regular expression")]
    for text in regexes:
        try:
            re.compile(text)
        except re.error as error:
            raise BadArgumentsError(
                f"regex must be a regular expression of Python, but got {text!r:.80}: {error}. "
                "Put a backslash before a character that stands for itself."
            ) from None
    return lists, prefixes, regexes
