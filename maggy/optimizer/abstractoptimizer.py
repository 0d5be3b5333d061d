"""Define the contract of an optimizer: it suggests trials, and the driver runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import ClassVar, Literal

from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Params
from maggy.earlystop import AbstractEarlyStop
from maggy.optimizer.helpers import OptimizerHelpers
from maggy.optimizer.hyperband_settings import HyperbandSettings, PrunerArguments, pruner_settings
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["AbstractOptimizer", "check_space"]


class AbstractOptimizer(OptimizerHelpers, ABC):
    """Suggest the trials of an experiment. Derive from this class to write your own optimizer.

    The driver sets the attributes below and then calls ``initialize``. It calls ``get_suggestion``
    whenever a worker is free, one call at a time, and ``finalize_experiment`` at the end. A
    constructor may take any arguments, and should check them.

    The search space is a copy that is seeded with the experiment's seed. An optimizer that draws
    only from this copy, or from its own generator with a fixed seed, gives the same suggestions in
    every run.

    Example:
        >>> class Twice(AbstractOptimizer):
        ...     def initialize(self):
        ...         self.left = 2
        ...     def get_suggestion(self, trial=None):
        ...         if self.left == 0:
        ...             return None
        ...         self.left -= 1
        ...         return Trial(self.searchspace.get_random_parameter_values(1)[0])

    :class:`~maggy.optimizer.helpers.OptimizerHelpers` adds the methods that an optimizer of release
    1 calls.

    An optimizer can be the sampler of a pruner, which runs its configurations on small budgets
    first: ``RandomSearch(pruner="hyperband", pruner_kwargs={"resource_max": 27})``.

    Args:
        pruner: ``"hyperband"``, or None to run each configuration once. If your own class has a
            constructor, pass both arguments on; otherwise your class has no pruner.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Attributes:
        num_trials: The number of trials that the user asked for, initial trials included. None if
            the user left the number to the optimizer.
        searchspace: The search space to draw from.
        trial_store: The running trials by id.
        final_store: The trials that ended with a metric, in the order in which they ended.
        direction: ``"max"`` or ``"min"``.
        allow_repeats: Whether equal configurations may run again while untried ones remain.
    """

    own_rule: AbstractEarlyStop | None = None
    """A rule about running trials that belongs to the optimizer; None if it has none.

    It is asked before the user's rules. The optimizer suggests the trials that it pauses again: it
    returns the same object. Those that have not been suggested again when it returns None end as
    stopped.
    """

    needs_num_trials: ClassVar[bool] = True
    """Whether the user must say how many trials to run."""

    independent: ClassVar[bool] = False
    """Whether suggestions ignore results. If so, they are prepared in advance, and no worker waits.

    A class with its own ``get_suggestion`` must set this attribute itself.
    """

    can_be_sampler: ClassVar[bool] = True
    """Whether a pruner can run this optimizer's configurations on budgets.

    It cannot if the optimizer sets a budget itself, or suggests no hyperparameters.
    """

    pruner: HyperbandSettings | None = None
    """The pruner that runs this optimizer's configurations; None to run them as they are."""

    num_trials: int
    searchspace: Searchspace
    trial_store: dict[str, Trial]
    final_store: list[Trial]
    direction: str
    allow_repeats: bool = False

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # A new ``get_suggestion`` may use results although the inherited one does not. Suggestions
        # that were prepared in advance would then come too early.
        if "get_suggestion" in vars(cls):
            cls.independent = vars(cls).get("independent", False)

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: PrunerArguments | None = None
    ) -> None:
        self.pruner = pruner_settings(pruner, pruner_kwargs)

    def initialize(self) -> None:
        """Prepare for an experiment. The driver calls this once, before the first suggestion."""

    @abstractmethod
    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """Suggest the next trial to run.

        Equal parameters may be suggested again: the driver gives the trials different ids.

        Args:
            trial: A trial that has just ended with a metric. Every such trial is passed once. None
                at the beginning, and after a trial that failed. A failed trial is in neither store.

        Returns:
            A new trial. ``"IDLE"`` if there is none now, but there may be one once another trial
            has ended. None if there will be no more; every later call then returns None, too.
        """

    def initial_trial(self, params: Params) -> Trial:
        """Return the trial of a configuration that the user wants to run first.

        The driver calls this before the first ``get_suggestion``. Override it if your optimizer
        counts its trials or adds parameters to them.

        Args:
            params: A checked configuration of the search space.
        """
        return Trial(params)

    def restore(self, trials: list[Trial]) -> bool:
        """Take over the records of an experiment that is resumed. Called after ``initialize``.

        The default takes over nothing. The driver then replays the experiment from its beginning: a
        suggestion that is recorded is not run again, but ends at once with its recorded metric.
        This suits suggestions that ignore results. Override this method if your suggestions depend
        on results.

        Args:
            trials: All trials that ended, in the order in which they ended, failed trials and
                initial trials included. Behind them stand those that run again. One that goes on
                from a checkpoint has the status ``Trial.RUNNING``.

        Returns:
            Whether the optimizer has taken the trials over and makes only new suggestions from now.
        """
        return False

    def total_trials(self) -> int | None:
        """Return the number of trials, or None if it is not known in advance.

        The driver calls this before ``initialize``.
        """
        return None

    def parameters(self, function_parameters: Collection[str]) -> Collection[str] | None:
        """Return the names of the hyperparameters of every trial, or None if they are not known.

        The driver calls this before anything runs and checks the training function against the
        names. An optimizer may refuse a search space here.

        Args:
            function_parameters: The names of the training function's parameters.
        """
        return None

    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Finish the experiment. The driver calls this once, after the last trial.

        Args:
            trials: All trials that ended with a metric.
        """

    def name(self) -> str:
        """Return the name for the printed results. The default is the name of the class."""
        return type(self).__name__


def check_space(space: Searchspace | None, budget_name: str, optimizer_name: str) -> None:
    """Refuse a search space in which an optimizer cannot search.

    Args:
        space: The search space.
        budget_name: The parameter that the optimizer adds, or the empty string.
        optimizer_name: The name of the optimizer, for the error text.

    Raises:
        BadArgumentsError: If the space is missing or empty, or already has the added parameter.
    """
    if space is None or len(space) == 0:
        raise BadArgumentsError(
            f"{optimizer_name} needs a search space with at least one hyperparameter, "
            f"but got {space!r}. "
            "Pass for example searchspace=Searchspace(lr=('DOUBLE', [0.001, 0.1]))."
        )
    if budget_name in space:
        raise BadArgumentsError(
            f"{optimizer_name} passes the parameter {budget_name!r} to the training function, "
            "but the search space has a parameter of this name, too. Rename it."
        )
