"""Ask the rules of a config which running trials stop or pause, and when the experiment ends."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence

from maggy.earlystop import AbstractEarlyStop, Decision, stop_rules
from maggy.earlystop.registry import StopRule
from maggy.trial import Trial

__all__ = ["StopRules"]

logger = logging.getLogger(__name__)


class StopRules:
    """Ask the rules of a config about running trials and about the experiment.

    Args:
        rules: The config's ``es_policy``.
        direction: ``"max"`` or ``"min"``.
        interval: Training steps between two checks of a running trial.
        min_trials: A rule that waits for ended trials is asked only when more than this number of
            trials have ended with a metric.
        by_time: Whether checks go by time, as with ``es_seconds``. Then every step is due.
        own: The optimizer's own rule, which is asked before the others; None if it has none.
    """

    def __init__(
        self,
        rules: StopRule | Sequence[StopRule],
        *,
        direction: str,
        interval: int,
        min_trials: int,
        by_time: bool = False,
        own: AbstractEarlyStop | None = None,
    ) -> None:
        trial_rules, self._experiment_rules = stop_rules(rules)
        self._trial_rules = [*([] if own is None else [own]), *trial_rules]
        self._asks_always = any(rule.every_report for rule in self._trial_rules)
        self._direction = direction
        self._interval = interval
        self._min_trials = min_trials
        self._by_time = by_time
        self._running_trials: Mapping[str, Trial] = {}

    @property
    def may_end_experiment(self) -> bool:
        """Whether there is a rule that may end the experiment after any trial."""
        return bool(self._experiment_rules)

    def start(self, running_trials: Mapping[str, Trial]) -> None:
        """Prepare the rules for the first trial.

        Args:
            running_trials: The suggested and running trials by id; the driver updates it.
        """
        self._running_trials = running_trials
        for rule in self._trial_rules:
            rule.start()
        for experiment_rule in self._experiment_rules:
            experiment_rule.start()

    def is_check_due(self, steps: list[int | float]) -> bool:
        """Return whether a rule is to be asked after these new steps."""
        return self._asks_always or self._is_interval_over(steps)

    def _is_interval_over(self, steps: Sequence[int | float]) -> bool:
        """Return whether a step is a multiple of the interval, or checks go by time."""
        if self._by_time:
            return True
        interval = self._interval
        return any(step > 0 and step % interval == 0 for step in steps)

    def decide(self, trial: Trial, final_store: list[Trial]) -> Decision:
        """Return whether the running trial goes on, and note in the trial why it does not.

        The first rule counts that does not let it go on. A rule that fails does not keep the next
        ones from deciding.

        Args:
            trial: The trial.
            final_store: The trials that ended with a metric.

        Raises:
            Exception: The first error of a rule, if no other one decides.
        """
        errors: list[Exception] = []
        has_enough_trials = len(final_store) > self._min_trials
        running = self._running_trials.values()
        is_interval_over = not self._asks_always or self._is_interval_over(trial.step_history[-1:])
        for rule in self._trial_rules:
            if rule.waits_for_finals and not has_enough_trials:
                continue
            if not (is_interval_over or rule.every_report):
                continue
            arguments = trial, final_store, running, self._direction
            try:
                decision = _decision(rule, *arguments)
            except Exception as error:
                errors.append(error)
                continue
            if decision is not Decision.CONTINUE:
                verb = "stopped" if decision is Decision.STOP else "paused"
                trial.stop_reason = _reason(verb, rule, *arguments)
                return decision
        if errors:
            raise errors[0]
        return Decision.CONTINUE

    def should_end(self, final_store: list[Trial]) -> str | None:
        """Return the reason of the first rule that ends the experiment; else None.

        Raises:
            Exception: The first error of a rule, if no rule ends the experiment.
        """
        errors: list[Exception] = []
        for rule in self._experiment_rules:
            try:
                reason = rule.experiment_check(final_store, self._direction)
            except Exception as error:
                errors.append(error)
                continue
            if reason is not None:
                return reason
        if errors:
            raise errors[0]
        return None


def _decision(
    rule: AbstractEarlyStop,
    trial: Trial,
    final_store: list[Trial],
    running_trials: Collection[Trial],
    direction: str,
) -> Decision:
    decision = rule.decide(trial, final_store, running_trials, direction)
    if not isinstance(decision, Decision):  # a user's rule may return anything
        raise TypeError(
            f"{type(rule).__name__}.decide must return a maggy.earlystop.Decision, "
            f"but returned {decision!r:.80}."
        )
    return decision


def _reason(
    verb: str,
    rule: AbstractEarlyStop,
    trial: Trial,
    final_store: list[Trial],
    running_trials: Collection[Trial],
    direction: str,
) -> str:
    try:
        text = rule.explain(trial, final_store, running_trials, direction)
    except Exception:  # A user's rule may fail here, but its decision counts.
        logger.warning("%s.explain failed.", type(rule).__name__, exc_info=True)
        text = f"{type(rule).__name__} stops it"
    return f"{verb} at step {trial.step_history[-1]:g}: {text}" if trial.step_history else text
