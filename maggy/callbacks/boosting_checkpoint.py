"""The part that the checkpoints of XGBoost and LightGBM have in common: models of rounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from maggy.callbacks.checkpoint_saving import OnlyTraining, SavingReporter
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number

__all__ = ["BoostingCheckpoint"]

_POSITION = "rounds.json"
"""The file with the number of rounds that were trained, and that of the rounds in the model."""


class BoostingCheckpoint(OnlyTraining):
    """Save the model of all rounds so far, and say how many are left.

    A model that the training began with, but did not train, does not count.
    """

    _unit = "rounds"
    _file: ClassVar[str]
    """The name of the model's file."""

    def __init__(self, reporter: SavingReporter, every: int) -> None:
        super().__init__(reporter, every)
        self._is_told_model = self._is_told_rounds = False
        self._first_round = 0
        self._saved_round = 0

    @property
    def model(self) -> str | None:
        """The path of the saved model; None in a run that begins at the beginning."""
        self._is_told_model = True
        checkpoint = self._restore()
        return None if checkpoint is None else str(checkpoint / self._file)

    def rounds_left(self, rounds: int) -> int:
        """Return how many rounds are left to train.

        Args:
            rounds: The number of rounds of the whole training, at least 1.

        Raises:
            BadArgumentsError: If ``rounds`` is no whole number of at least 1.
        """
        number = as_number(rounds)
        if not isinstance(number, int) or number < 1:
            raise BadArgumentsError(
                f"rounds must be a whole number of at least 1, but got {rounds!r:.80}."
            )
        self._is_told_rounds = True
        return max(0, number - self._position()[0])

    def _is_told(self) -> bool:
        return super()._is_told() and self._is_told_rounds and self._is_told_model

    def _begin_at(self, rounds_of_model: int) -> None:
        """Note that the training begins.

        Args:
            rounds_of_model: The number of rounds of the model that it begins with.

        Raises:
            BadArgumentsError: If it was not told to begin with the saved model, or did not.
            NotSupportedError: If it is the second one with this reporter.
        """
        trained, expected = self._position()
        self._begin(is_continued=rounds_of_model == expected)
        self._first_round = rounds_of_model - trained
        self._saved_round = rounds_of_model

    def _save_round(
        self, rounds_of_model: int, write: Callable[[Path], object], is_last: bool
    ) -> None:
        """Save the model if it is time to.

        Args:
            rounds_of_model: The number of rounds of the model now.
            write: Write the model to a path.
            is_last: Whether no further round follows.
        """
        trained = rounds_of_model - self._first_round
        if rounds_of_model == self._saved_round or not self._is_due(trained, is_last):
            return
        self._saved_round = rounds_of_model
        with self._checkpoint(step=max(0, trained - 1)) as folder:
            write(folder / self._file)
            position = {"trained": trained, "rounds_of_model": rounds_of_model}
            (folder / _POSITION).write_text(json.dumps(position), encoding="utf-8")

    def _position(self) -> tuple[int, int]:
        """Return how many rounds were trained, and how many the saved model has."""
        checkpoint = self._restore()
        if checkpoint is None:
            return 0, 0
        position = json.loads((checkpoint / _POSITION).read_text(encoding="utf-8"))
        return position["trained"], position["rounds_of_model"]
