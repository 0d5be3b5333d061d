"""Two experiments side by side: their best trials, what they cost, and how fast they got there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError, NotSupportedError
from maggy.common.extras import install_command
from maggy.common.json_values import to_plain
from maggy.common.optional import import_optional
from maggy.common.text_table import TextTable
from maggy.common.types import Json
from maggy.result.numbers import format_number
from maggy.result.plots.comparison import plot_best_so_far
from maggy.result.result import ExperimentResult
from maggy.result.rows import TrialRow

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

__all__ = ["ExperimentComparison"]

_MAX_ROWS = 100


class _Printer(Protocol):
    """What IPython gives a class that prints itself."""

    def text(self, obj: str) -> None: ...


class ExperimentComparison:
    """Two experiments side by side.

    Worker-seconds are the durations of the ended trials, added up: what the experiment has cost,
    whatever the number of workers. Of a trial that lost its worker only the last run counts.

    Args:
        results: The results of two experiments with one metric and one direction.

    Attributes:
        rows: A dict for each experiment: ``experiment`` (its name), ``state``, ``best_val``,
            ``best_trial`` (the number, or the id), ``trials``, ``early_stopped``, ``failed``,
            ``worker_seconds``, ``worker_seconds_to_best``, ``worker_seconds_to_reach_other`` (when
            it had a metric as good as the best one of the other experiment, or None) and
            ``best_config``.

    Raises:
        BadArgumentsError: If their metrics or directions differ.
        NotSupportedError: If one of them is a function that ran once.
    """

    def __init__(self, results: Sequence[ExperimentResult]) -> None:
        first, second = results
        for result in results:
            if result.kind == "single":
                raise NotSupportedError(
                    "Only searches and ablations can be compared, but one of these is a function "
                    "that ran once, which has no metric."
                )
        for name in ("optimization_key", "direction"):
            one, other = getattr(first, name), getattr(second, name)
            if one != other:
                raise BadArgumentsError(
                    f"Experiments that are compared must have the same {name}, but got {one!r:.80} "
                    f"and {other!r:.80}."
                )
        self._results = [first, second]
        self._names = _names_of(first, second)
        bests = [result["best_val"] for result in results]
        self.rows: list[dict[str, Json]] = [
            _row(name, result, other_best)
            for name, result, other_best in zip(self._names, results, reversed(bests), strict=True)
        ]

    def to_dict(self) -> dict[str, dict[str, Json]]:
        """Return the rows by the names of the experiments."""
        return {str(row["experiment"]): to_plain(row) for row in self.rows}

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with one row an experiment.

        Raises:
            MissingDependencyError: If pandas is not installed.
        """
        frames = import_optional("pandas", "to_pandas()", install_command("plots"))
        return frames.DataFrame(self.rows)

    def plot(self, axes: Sequence[Axes] | None = None) -> list[Axes]:
        """Draw the best metric so far over worker-seconds, and over the number of trials.

        Args:
            axes: Two axes of matplotlib to draw on; None for a new figure.

        Returns:
            The two axes.

        Raises:
            MissingDependencyError: If matplotlib is not installed.
        """
        first = self._results[0]
        trials = [result.trials for result in self._results]
        direction = Direction.parse(first.direction)
        return plot_best_so_far(self._names, trials, first.optimization_key, direction, axes)

    def __str__(self) -> str:
        """Return the table as text."""
        return self._table().to_text()

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        first = self._results[0]
        caption = f"{first.optimization_key} ({first.direction})"
        return self._table().to_html(caption, _MAX_ROWS)

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:
        """Give IPython in a terminal the table as text."""
        printer.text(str(self))

    def _table(self) -> TextTable:
        params: list[dict[str, Json]] = [result["best_config"] or {} for result in self._results]
        names = list(dict.fromkeys(name for values in params for name in values))
        measures = [name for name in self.rows[0] if name not in ("experiment", "best_config")]
        lines = [
            *([name, *(_text(row[name]) for row in self.rows)] for name in measures),
            *([f"best: {name}", *(_text(values.get(name)) for values in params)] for name in names),
        ]
        return TextTable(["", *self._names], lines, right=frozenset({1, 2}))


def _names_of(first: ExperimentResult, second: ExperimentResult) -> list[str]:
    """Return names that differ: those of the users, else the ids, else with a letter."""
    names = [str(result.record.get("name") or "") for result in (first, second)]
    if not all(names) or names[0] == names[1]:
        names = [_id_of(result) for result in (first, second)]
    if not all(names) or names[0] == names[1]:
        names = [
            f"{name or 'experiment'} ({letter})" for name, letter in zip(names, "ab", strict=True)
        ]
    return names


def _id_of(result: ExperimentResult) -> str:
    return (result.directory or "").rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def _row(name: str, result: ExperimentResult, other_best: float | None) -> dict[str, Json]:
    best_row = next((row for row in result.trials if row["trial_id"] == result["best_id"]), None)
    sign = Direction.parse(result.direction).sign
    seconds = 0.0
    to_best = to_reach = None
    for row in result.trials:
        seconds += _seconds(row)
        metric = row["metric"]
        if row is best_row:
            to_best = seconds
        is_as_good = metric is not None and other_best is not None
        if to_reach is None and is_as_good and sign * (metric or 0) >= sign * (other_best or 0):
            to_reach = seconds
    return {
        "experiment": name,
        "state": result.state,
        "best_val": result["best_val"],
        "best_trial": None if best_row is None else best_row.get("number") or best_row["trial_id"],
        "trials": len(result.trials),
        "early_stopped": result["early_stopped"],
        "failed": result["failed"],
        "worker_seconds": seconds,
        "worker_seconds_to_best": to_best,
        "worker_seconds_to_reach_other": to_reach,
        "best_config": to_plain(result["best_config"] or {}),
    }


def _seconds(row: TrialRow) -> float:
    return (row["duration"] or 0) / 1000


def _text(value: Json) -> str:
    if value is None:
        return ""
    return format_number(value) if isinstance(value, float) else str(value)
