"""The contract of a trial rule: one decision about one running trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from functools import wraps
from typing import ClassVar, TypeVar

from maggy.earlystop.decision import Decision
from maggy.trial import Trial

__all__ = ["AbstractEarlyStop"]

Method = TypeVar("Method", bound=Callable[..., str | None])

_METHODS = frozenset({"decide", "check_running", "earlystop_check"})
"""The methods of which a rule defines at least one."""


def _abstract_at_runtime(method: Method) -> Method:
    """Mark a method as abstract for Python but not for type checkers.

    A rule defines ``decide`` or ``earlystop_check``. Type checkers cannot express this choice.
    """
    return abstractmethod(method)


class AbstractEarlyStop(ABC):  # noqa: B024 (ruff does not see the decorator below)
    """Decide whether a running trial goes on. Derive from this class to write your own rule.

    The driver asks for a decision when a running trial reports a step that the experiment's
    ``es_interval`` selects, or every ``es_seconds``, once more than ``es_min`` trials have ended
    with a metric; see :attr:`waits_for_finals`. A trial that is stopped keeps its metric and may
    still be the best.

    A rule defines :meth:`decide`. A rule that was written for an earlier release defines
    :meth:`earlystop_check` instead.

    Example:
        >>> from maggy.earlystop import Decision
        >>> class WorseThanZero(AbstractEarlyStop):
        ...     def decide(self, trial, finalized_trials, running_trials, direction):
        ...         sign = 1 if direction == "max" else -1
        ...         is_worse = any(sign * value < 0 for value in trial.metric_history[-1:])
        ...         return Decision.STOP if is_worse else Decision.CONTINUE
    """

    every_report: ClassVar[bool] = False
    """Whether the driver asks at every report, whatever ``es_interval`` is."""

    waits_for_finals: ClassVar[bool] = True
    """Whether the driver asks only when more than ``es_min`` trials have ended with a metric."""

    def __init_subclass__(cls, **keywords: str) -> None:
        """Connect :meth:`decide` with the checks of earlier releases.

        The first class in the method resolution order that defines one of them counts. So a check
        of an earlier release also works in a class that derives from a rule with :meth:`decide`.
        """
        super().__init_subclass__(**keywords)
        source = next(base for base in cls.__mro__ if not _METHODS.isdisjoint(vars(base)))
        # A rule that defines none of them is connected already. A mixin is not.
        if source is not cls and issubclass(source, AbstractEarlyStop):
            return
        if "decide" in vars(source):
            _derive_old_checks(cls, source)
            return
        cls.decide = AbstractEarlyStop.decide  # type: ignore[method-assign]
        if "check_running" not in vars(source):
            cls.check_running = AbstractEarlyStop.check_running  # type: ignore[method-assign]

    def start(self) -> None:  # noqa: B027 (a rule without memory has nothing to forget)
        """Forget what the rule has learned from an earlier experiment.

        The driver calls this method once before the first trial of each experiment, so one rule
        can serve several experiments. A rule that remembers nothing needs no such method.
        """

    def decide(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> Decision:
        """Return whether the trial goes on. The driver calls this method.

        A rule reads the trials and changes none. If it raises an error, the trial goes on and the
        first error of the experiment is shown.

        Args:
            trial: The running trial.
            finalized_trials: The trials that ended with a metric.
            running_trials: All running trials, ``trial`` among them.
            direction: ``"max"`` or ``"min"``.
        """
        trial_id = self.check_running(trial, finalized_trials, running_trials, direction)
        return Decision.CONTINUE if trial_id is None else Decision.STOP

    def explain(
        self,
        trial: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str:
        """Return why the trial is stopped, for the user: the end of the line about the trial.

        The driver calls this method right after :meth:`decide` has not answered CONTINUE. By
        default it
        names the rule.

        Args:
            trial: See :meth:`decide`, like the other arguments.
            finalized_trials: See :meth:`decide`.
            running_trials: See :meth:`decide`.
            direction: See :meth:`decide`.
        """
        return f"{type(self).__name__} stops it"

    @_abstract_at_runtime  # noqa: B027 (likewise)
    def earlystop_check(
        self, to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        """Return the id of the trial to stop it. This is the check of earlier releases.

        A rule that defines it may make it a static method. A rule that defines :meth:`decide` gets
        this check from it, as if no other trial was running.

        Args:
            to_check: The running trial.
            finalized_trials: The trials that ended with a metric.
            direction: ``"max"`` or ``"min"``.

        Returns:
            The id of ``to_check`` to stop it, None to let it go on.
        """

    def check_running(
        self,
        to_check: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str | None:
        """Return the id of the trial to stop it. Earlier releases called this instead of `decide`.

        Args:
            to_check: The running trial.
            finalized_trials: The trials that ended with a metric.
            running_trials: All running trials, ``to_check`` among them.
            direction: ``"max"`` or ``"min"``.

        Returns:
            The id of ``to_check`` to stop it, None to let it go on.
        """
        return self.earlystop_check(to_check, finalized_trials, direction)


def _derive_old_checks(rule: type[AbstractEarlyStop], source: type) -> None:
    """Give a rule the checks of earlier releases that the class with its `decide` lacks."""

    # updated=() leaves out the mark of an abstract method.
    @wraps(AbstractEarlyStop.check_running, updated=())
    def check_running(
        self: AbstractEarlyStop,
        to_check: Trial,
        finalized_trials: list[Trial],
        running_trials: Collection[Trial],
        direction: str,
    ) -> str | None:
        # Not self.decide: a subclass may override a check and call the inherited one, which must
        # not lead back to the subclass.
        decide = vars(source)["decide"].__get__(self)
        decision = decide(to_check, finalized_trials, running_trials, direction)
        return to_check.trial_id if decision is Decision.STOP else None

    @wraps(AbstractEarlyStop.earlystop_check, updated=())
    def earlystop_check(
        self: AbstractEarlyStop, to_check: Trial, finalized_trials: list[Trial], direction: str
    ) -> str | None:
        return check_running(self, to_check, finalized_trials, [to_check], direction)

    for check in (check_running, earlystop_check):
        if check.__name__ not in vars(source):
            setattr(rule, check.__name__, check)
