"""The contract of an optimizer: it suggests trials, and the driver runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any, ClassVar, Literal

from maggy.optimizer.helpers import OptimizerHelpers
from maggy.optimizer.hyperband_settings import HyperbandSettings, pruner_settings
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["AbstractOptimizer"]


class AbstractOptimizer(OptimizerHelpers, ABC):
    """Suggests the trials of an experiment; derive from it to write your own.

    The driver sets the attributes below before it calls ``initialize``, then asks ``get_suggestion`` whenever a
    worker is free, one call at a time, and calls ``finalize_experiment`` at the end. A constructor is free to take
    what it likes, and should check it.

    The search space is a copy seeded with the experiment's seed: an optimizer that draws from it alone, or from a
    generator of its own with a fixed seed, gives the same suggestions in every run.

    Example:
        >>> class Twice(AbstractOptimizer):
        ...     def initialize(self):
        ...         self.left = 2
        ...     def get_suggestion(self, trial=None):
        ...         self.left -= 1
        ...         return Trial(self.searchspace.get_random_parameter_values(1)[0]) if self.left >= 0 else None

    What an optimizer of release 1 called of its base class is there too: see
    :class:`~maggy.optimizer.helpers.OptimizerHelpers`.

    Any optimizer can be the sampler of a pruner, which runs its configurations on small budgets first:
    ``RandomSearch(pruner="hyperband", pruner_kwargs={"resource_max": 27})``.

    Args:
        pruner: ``"hyperband"``, or None to run each configuration once. A class of your own that has a constructor
            passes both arguments on, or does without pruners.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.

    Attributes:
        num_trials: How many trials the user asked for, initial ones included; None if that was left to the optimizer.
        searchspace: What to draw from.
        trial_store: The trials that are running, by id.
        final_store: The trials that have ended with a metric, in the order in which they ended.
        direction: ``"max"`` or ``"min"``.
        allow_repeats: Whether the user lets equal configurations run again while untried ones are left.
    """

    needs_num_trials: ClassVar[bool] = True
    """Whether the user must say how many trials there are to be."""

    independent: ClassVar[bool] = False
    """Whether suggestions depend on no result: then they are made ahead, and no worker waits for one.

    A class that has a ``get_suggestion`` of its own must say so itself.
    """

    pruner: HyperbandSettings | None = None
    """The pruner that runs this optimizer's configurations; None if they run as they are."""

    num_trials: int
    searchspace: Searchspace
    trial_store: dict[str, Trial]
    final_store: list[Trial]
    direction: str
    allow_repeats: bool = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "get_suggestion" in vars(cls):
            cls.independent = vars(cls).get("independent", False)

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: dict[str, Any] | None = None
    ) -> None:
        self.pruner = pruner_settings(pruner, pruner_kwargs)

    def initialize(self) -> None:
        """Prepare for an experiment; called once, before the first suggestion."""

    @abstractmethod
    def get_suggestion(self, trial: Trial | None = None) -> Trial | Literal["IDLE"] | None:
        """The next trial to run.

        Equal parameters may be suggested again: the driver tells the trials apart.

        Args:
            trial: A trial that has just ended with a metric; each is given once. None when there is none, as at the
                beginning and after a trial that failed: a failed trial is in neither store.

        Returns:
            A new trial; ``"IDLE"`` if there is none now but may be once another trial has ended; or None if there
            will be no more, after which every further call returns None.
        """

    def initial_trial(self, params: dict[str, Any]) -> Trial:
        """The trial of a configuration that the user wants tried first; called before the first ``get_suggestion``.

        Override it if your optimizer counts its trials, or adds parameters to them.

        Args:
            params: A checked configuration of the search space.
        """
        return Trial(params)

    def restore(self, trials: list[Trial]) -> bool:
        """Take over what is recorded of an experiment that is resumed; called after ``initialize``.

        Without it, which is the default, the experiment is told anew from its beginning: what the optimizer suggests
        is not run again if it is recorded, but handed back at once with its recorded metric. That suits suggestions
        that do not depend on results. An optimizer whose suggestions do should override this.

        Args:
            trials: All trials that ended, failed ones and initial ones included, in the order in which they ended.

        Returns:
            Whether it took them over, so that from here on it makes new suggestions only.
        """
        return False

    def total_trials(self) -> int | None:
        """How many trials there will be; None when that turns out only as it goes. Asked before ``initialize``."""
        return None

    def parameters(self, asked: Collection[str]) -> Collection[str] | None:
        """The names of the hyperparameters of every trial; None when they are not known before.

        Called before anything is run, so an optimizer can refuse here what it cannot do. The training function is
        checked against the names.

        Args:
            asked: The names of the training function's parameters.
        """
        return None

    def finalize_experiment(self, trials: list[Trial]) -> None:
        """Called once after the last trial.

        Args:
            trials: All trials that ended with a metric.
        """

    def name(self) -> str:
        """The name in the printed results; default is that of the class."""
        return type(self).__name__
