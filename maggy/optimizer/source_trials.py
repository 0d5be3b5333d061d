"""Tell an optimizer the trials of another experiment (``warm_start``), as far as they fit."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Params
from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.rungs import BUDGET_NAMES
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["Misfit", "SourceTrials", "has_own_restore", "num_trials_with", "tell"]


@dataclass(frozen=True)
class Misfit:
    """A trial whose parameters are outside the search space, with the reason."""

    trial: Trial
    reason: str


@dataclass(frozen=True)
class SourceTrials:
    """The ended trials of the experiment from which a search is warm-started.

    Attributes:
        fits: The trials that an optimizer can be told, with values of the search space.
        misfits: The others.
    """

    fits: Sequence[Trial] = ()
    misfits: Sequence[Misfit] = ()

    @classmethod
    def of(
        cls, trials: Iterable[Trial], space: Searchspace, names: Collection[str] | None
    ) -> SourceTrials:
        """Return the trials, and which of them fit. The arguments stay as they are.

        Args:
            trials: The trials.
            space: The search space.
            names: The names of all parameters of a trial, a budget included; None if they are
                unknown. Then a trial may have any others besides those of the space.
        """
        fits: list[Trial] = []
        misfits: list[Misfit] = []
        for trial in trials:
            try:
                params = _convert(trial.params, space, names)
            except BadArgumentsError as error:
                misfits.append(Misfit(trial, str(error).rstrip(".")))
            else:
                fits.append(_copy(trial, params))
        return cls(fits, misfits)

    @property
    def finals(self) -> list[Trial]:
        """The trials that fit and ended with a metric."""
        return [trial for trial in self.fits if trial.final_metric is not None]


def has_own_restore(optimizer: AbstractOptimizer) -> bool:
    """Return whether the optimizer may take trials over. The method that it inherits does not."""
    return type(optimizer).restore is not AbstractOptimizer.restore


def num_trials_with(
    optimizer: AbstractOptimizer, num_trials: int | None, source: SourceTrials
) -> int | None:
    """Return the ``num_trials`` of an optimizer that is going to be told trials.

    It counts those that it takes over. So their number is added, or they would cost new ones.
    """
    if num_trials is None or not has_own_restore(optimizer):
        return num_trials
    return num_trials + len(source.fits)


def tell(
    optimizer: AbstractOptimizer,
    source: SourceTrials,
    records: Sequence[Trial],
    num_trials: int | None,
) -> bool:
    """Restore an optimizer from the trials of another experiment and from its own records.

    In any case its ``final_store`` gets those of the other experiment that have a metric.

    Args:
        optimizer: The optimizer, initialized with :func:`num_trials_with`.
        source: The trials of the other experiment.
        records: The recorded trials of this one, if it is resumed.
        num_trials: The number of trials without those of the other experiment.

    Returns:
        Whether the optimizer has taken them over.
    """
    takes_over = optimizer.restore([*source.fits, *records])
    if not takes_over:
        # It has counted none of them.
        optimizer.num_trials = num_trials  # type: ignore[assignment]
    optimizer.final_store.extend(source.finals)
    return takes_over


def _convert(params: Params, space: Searchspace, names: Collection[str] | None) -> Params:
    """Return the parameters as values of the search space, and the further ones as they are.

    Raises:
        BadArgumentsError: If they do not fit. The text says why, without the rule.
    """
    own = {name: value for name, value in params.items() if name in space}
    others = {name: value for name, value in params.items() if name not in space}
    if names is not None:
        others = _rename_budget(others, names)
        for name in others:
            if name not in names:
                raise BadArgumentsError(f"it has {name!r}, which is not in the search space")
        for name in names:
            if name not in space and name not in others:
                raise BadArgumentsError(f"it has no {name!r}")
    # The names that exist depend on the conditions of the space, so it checks them itself.
    missing = [name for name in space.names() if name not in own]
    try:
        values = space.checked(own)
    except BadArgumentsError:
        if missing and not any("when" in entry for entry in space):
            raise BadArgumentsError(f"it has no {missing[0]!r}") from None
        raise
    for name in values:
        if name not in own:  # a constant, which a user may leave out, but which a trial has
            raise BadArgumentsError(f"it has no {name!r}")
    return {**values, **others}


def _rename_budget(params: Params, names: Collection[str]) -> Params:
    """Return the parameters with the name of the budget that this experiment has."""
    if len(params) == 1:
        ((name, value),) = params.items()
        wish = next((wish for wish in BUDGET_NAMES if wish in names), None)
        if name in BUDGET_NAMES and name not in names and wish is not None:
            return {wish: value}
    return params


def _copy(trial: Trial, params: Params) -> Trial:
    """Return a copy with these parameters that is no initial trial of this experiment."""
    twin = copy.copy(trial)
    twin.params, twin.info_dict = params, dict(trial.info_dict)
    twin.initial_number = None
    return twin
