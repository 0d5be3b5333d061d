"""A study of Optuna in memory that follows an experiment. Nothing that is done to it comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maggy.common.types import Json
from maggy.optuna_bridge.study import distributions_of, freeze, to_study
from maggy.optuna_bridge.tools import quiet
from maggy.searchspace.parameter_rules import WrittenSpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import InMemoryStorage
    from optuna.trial import FrozenTrial

__all__ = ["MirrorWasDeleted", "StudyMirror"]


class MirrorWasDeleted(LookupError):
    """Somebody has deleted the study, as the dashboard allows."""


class StudyMirror:
    """A study with the trials that have ended, and with those that run.

    Only one thread may call :meth:`update`. Others may read the study meanwhile.

    Example:
        >>> mirror = StudyMirror("demo", {}, "max", "accuracy")  # doctest: +SKIP
        >>> mirror.update(result.trials, result.running)  # doctest: +SKIP

    Args:
        name: The name of the study.
        specs: The search space as a dict.
        direction: ``"max"`` or ``"min"``.
        metric: The name of the metric.

    Attributes:
        storage: The storage that holds the study alone.

    Raises:
        MissingDependencyError: If Optuna is not installed.
    """

    def __init__(
        self,
        name: str,
        specs: Mapping[str, WrittenSpec],
        direction: str,
        metric: str,
    ) -> None:
        with quiet():
            from optuna.storages import InMemoryStorage

            self.storage: InMemoryStorage = InMemoryStorage()
            to_study([], {}, direction, metric, self.storage, name)
        self._study_id = self.storage.get_study_id_from_name(name)
        self._specs = specs
        self._ids: dict[str, int] = {}  # of Optuna, by the ids of the trials
        self._ended: set[str] = set()
        self._distributions: dict[str, BaseDistribution] = {}
        self._free_values: dict[str, dict[str, Any]] = {}

    def update(
        self, ended_rows: Iterable[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
    ) -> None:
        """Add what is new.

        A trial that runs no longer, and has not ended, waits for another worker or was killed. It
        stays as it was.

        Args:
            ended_rows: Trials that have ended. Those of an earlier call change nothing.
            running: The trials that run, with their points so far.

        Raises:
            MirrorWasDeleted: If somebody has deleted the study.
        """
        new = [row for row in ended_rows if row["trial_id"] not in self._ended]
        try:
            self._widen([*new, *running])
            for row in [*new, *running]:
                self._put(row)
        except KeyError as error:  # Optuna's storage knows no such study, or no such trial
            raise MirrorWasDeleted(str(error)) from error
        self._ended |= {row["trial_id"] for row in new}

    def describe(self, attributes: Mapping[str, Json]) -> None:
        """Set what the study says about the experiment besides its trials.

        Raises:
            MirrorWasDeleted: If somebody has deleted the study.
        """
        try:
            for key, value in attributes.items():
                self.storage.set_study_user_attr(self._study_id, key, value)
        except KeyError as error:
            raise MirrorWasDeleted(str(error)) from error

    def _widen(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Let the distributions of all trials hold the values of these.

        A parameter outside the search space, such as a budget, gets its distribution from values,
        and Optuna's analyses leave out a parameter with several distributions.
        """
        for row in rows:
            for name, value in row["params"].items():
                if name not in self._specs:
                    self._free_values.setdefault(name, {})[repr(value)] = value
        samples: list[Mapping[str, Any]] = [
            {"params": {name: value}}
            for name, values in self._free_values.items()
            for value in values.values()
        ]
        distributions = distributions_of([*samples, *rows], self._specs)
        changes = {
            name: distribution
            for name, distribution in distributions.items()
            if name in self._distributions and self._distributions[name] != distribution
        }
        self._distributions |= distributions
        if changes:
            for trial in self._trials():
                common = changes.keys() & trial.distributions.keys()
                # A new dict, since another thread may go through the old one.
                trial.distributions = {
                    **trial.distributions,
                    **{name: changes[name] for name in common},
                }

    def _put(self, row: Mapping[str, Any]) -> None:
        trial = freeze(row, self._distributions)
        number = self._ids.get(row["trial_id"])
        if number is None:
            self._ids[row["trial_id"]] = self.storage.create_new_trial(self._study_id, trial)
            return
        # The object itself, not a copy: Optuna would take the time of this call for the end of the
        # trial, and cannot take back points of a run that was lost.
        copy = self.storage.get_trial(number)
        if copy.state.is_finished():  # by the dashboard
            return
        if trial.state.is_finished():
            values = None if trial.value is None else [trial.value]
            self.storage.set_trial_state_values(number, trial.state, values)
            copy = self.storage.get_trial(number)
            copy.user_attrs = trial.user_attrs
            if row["start"] is not None:
                copy.datetime_start = trial.datetime_start
                copy.datetime_complete = trial.datetime_complete
        copy.intermediate_values = trial.intermediate_values

    def _trials(self) -> list[FrozenTrial]:
        return self.storage.get_all_trials(self._study_id, deepcopy=False)
