"""Hold what a study does with its data: left-out features, missing values, held-out rows."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeAlias, get_args

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest
from maggy.common.types import Json

__all__ = ["DataOptions", "Draw", "FeatureAblation", "Missing", "Split"]

FeatureAblation: TypeAlias = Literal["drop", "mean", "zero", "permute"]
"""How a feature is left out. All but ``drop`` keep the width of the input."""
Missing: TypeAlias = Literal["mean", "median", "indicator", "drop", "keep"]
"""What happens to missing values."""
Split: TypeAlias = Literal["train", "test"]
"""The rows to train with, or the rows that are held out."""


@dataclass(frozen=True)
class DataOptions:
    """The options of a study for a registered data set.

    Example:
        >>> DataOptions(test_fraction=0.2).changes()
        {'test_fraction': 0.2}
        >>> DataOptions().changes()
        {}

    Args:
        feature_ablation: How a feature is left out.
        missing: What happens to missing values; None allows none.
        test_fraction: The share of rows held out, at least 0 and below 1.
        folds: The number of folds, at least 2, of which one is held out; None for no folds.

    Raises:
        BadArgumentsError: If a value breaks its rule, or both ``test_fraction`` and ``folds`` are
            given.
    """

    _: KW_ONLY
    feature_ablation: FeatureAblation = "drop"
    missing: Missing | None = None
    test_fraction: float = 0.0
    folds: int | None = None

    def __post_init__(self) -> None:
        _check_word("feature_ablation", self.feature_ablation, get_args(FeatureAblation))
        if self.missing is not None:
            _check_word("missing", self.missing, get_args(Missing))
        fraction = self.test_fraction
        number = None if isinstance(fraction, bool) else as_number(fraction)
        if number is None or math.isnan(number) or not 0 <= number < 1:
            raise BadArgumentsError(
                "test_fraction must be a number of at least 0 and below 1, such as 0.2 for a fifth "
                f"of the rows, but got {fraction!r:.80}."
            )
        object.__setattr__(self, "test_fraction", number)
        folds = self.folds
        if folds is None:
            return
        # True, the integer 1 to Python, is too small anyway.
        if not isinstance(folds, int) or folds < 2:
            raise BadArgumentsError(
                f"folds must be an integer of at least 2, but got {folds!r:.80}."
            )
        if number:
            raise BadArgumentsError(
                f"test_fraction={fraction!r} and folds={folds} both say which rows are held out. "
                "Give only one of them."
            )

    @property
    def holds_out(self) -> bool:
        """Whether rows are held out."""
        return self.folds is not None or self.test_fraction > 0

    @property
    def needs_draw(self) -> bool:
        """Whether anything is drawn at random."""
        return self.holds_out or self.feature_ablation == "permute"

    @property
    def needs_columns(self) -> bool:
        """Whether whole columns are needed, so that rows cannot be read one after the other."""
        fills = self.missing not in (None, "keep")
        return self.holds_out or fills or self.feature_ablation != "drop"

    def changes(self) -> dict[str, Json]:
        """Return the options that differ from their defaults, by name."""
        defaults = {
            "feature_ablation": "drop",
            "missing": None,
            "test_fraction": 0.0,
            "folds": None,
        }
        values: dict[str, Json] = {name: getattr(self, name) for name in defaults}
        return {name: value for name, value in values.items() if value != defaults[name]}


@dataclass(frozen=True)
class Draw:
    """What fixes all that is drawn for the data of a trial. All trials of a repeat share it.

    Attributes:
        seed: The seed of the split and of the permutation.
        fold: The number of the fold that is held out, from 0.
    """

    seed: int = 0
    fold: int = 0


def _check_word(name: str, value: object, words: tuple[str, ...]) -> None:
    if isinstance(value, str) and value in words:
        return
    options = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
    raise BadArgumentsError(
        f"{name} must be {options}, but got {value!r:.80}.{closest(str(value), list(words))}"
    )
