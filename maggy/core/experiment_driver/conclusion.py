"""Turn the outcome of an experiment into a result for the user, or into an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import ExperimentError, OwnershipError
from maggy.common.types import Json
from maggy.core.experiment_driver.driver import Outcome
from maggy.core.experiment_driver.jobs import SparkIsGone
from maggy.core.experiment_driver.listeners import Listeners
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.progress import announce
from maggy.core.experiment_driver.recorder import Recorder
from maggy.result import ExperimentResult, build_result, summary_text
from maggy.result.rows import make_row
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["conclude"]


def conclude(
    outcome: Outcome,
    policy: Policy,
    recorder: Recorder,
    *,
    directory: str,
    searchspace: Searchspace | None,
    seconds: float,
    record: Mapping[str, Json] | None = None,
    listeners: Listeners | None = None,
) -> Any:  # noqa: ANN401 (a function may return anything)
    """Record and show the result, and return it. Raise the error that ended the experiment.

    Args:
        outcome: The outcome of the driver.
        policy: The policy of the experiment.
        recorder: Writes the result.
        directory: The directory of the experiment.
        searchspace: The search space of a search.
        seconds: How long the experiment took.
        record: The record of the experiment as a whole, as it will be at the end.
        listeners: The listeners, which hear of the end before the last line; None without any.

    Returns:
        An :class:`ExperimentResult`, or the return value of a function that runs once.

    Raises:
        ExperimentError: If the experiment could not be completed, or all trials failed.
        KeyboardInterrupt: If the user interrupted it.
    """
    if isinstance(outcome.error, SparkIsGone):
        outcome.error = _explain_spark_is_gone(outcome, policy, directory)
    if policy.optimization_key is None:
        if listeners is not None:
            listeners.experiment_ended(_result_of_single_run(outcome, policy, directory))
        return _return_value(outcome, listeners)
    result = build_result(
        outcome.trials,
        kind=policy.kind,
        direction=policy.direction,
        optimization_key=policy.optimization_key,
        confidence=policy.confidence,
        analysis=policy.analyze(outcome.trials),
    )
    result.directory = directory
    result.record = dict(record or {})
    result.searchspace = searchspace
    result.state = _state(outcome, has_metric=bool(result["num_trials"]))
    recorder.result(result)
    if listeners is not None:
        listeners.experiment_ended(result)
    # An experiment that has used up max_seconds ends with the trials that it has.
    if outcome.error is not None and not _has_run_out_of_time(outcome):
        if outcome.trials:
            announce(_summary(result, policy, seconds))
        announce(_place(outcome, directory))
        raise outcome.error
    failures = _failures(outcome)
    if failures and not result["num_trials"]:
        raise _all_failed(failures)
    if outcome.has_policy_ended:
        policy.finish([trial for trial in outcome.trials if trial.final_metric is not None])
    announce(_summary(result, policy, seconds))
    announce(_place(outcome, directory))
    _finish(listeners)
    return result


def _finish(listeners: Listeners | None) -> None:
    """Wait for the listeners, whose lines come before the last one, and show that one."""
    if listeners is not None:
        listeners.close()
    announce("Finished Experiment")


def _state(outcome: Outcome, *, has_metric: bool) -> str:
    if outcome.state == "FINISHED" and not has_metric and _failures(outcome):
        return "FAILED"
    return outcome.state


def _result_of_single_run(outcome: Outcome, policy: Policy, directory: str) -> ExperimentResult:
    return ExperimentResult(
        {},
        trials=[make_row(trial, "metric") for trial in outcome.trials],
        kind=policy.kind,
        directory=directory,
        state=_state(outcome, has_metric=False),
    )


def _return_value(outcome: Outcome, listeners: Listeners | None) -> Any:  # noqa: ANN401
    """Return what a function that runs once has returned."""
    failures = _failures(outcome)
    if outcome.error is None and failures:
        raise _all_failed(failures)
    if _has_run_out_of_time(outcome):
        raise ExperimentError(f"The function did not end in time: {outcome.error}")
    if outcome.error is not None:
        raise outcome.error
    if not outcome.values:
        reason = (
            outcome.job_error or "it ran in an earlier experiment, and only its records were kept"
        )
        raise ExperimentError(f"The return value of the function is not available: {reason}")
    _finish(listeners)
    return outcome.values[0]


def _has_run_out_of_time(outcome: Outcome) -> bool:
    return outcome.state == "KILLED" and not isinstance(outcome.error, KeyboardInterrupt)


def _failures(outcome: Outcome) -> list[Trial]:
    return [trial for trial in outcome.trials if trial.status == Trial.ERROR]


def _explain_spark_is_gone(outcome: Outcome, policy: Policy, directory: str) -> ExperimentError:
    if policy.optimization_key is None:
        return ExperimentError(f"{outcome.error} The function did not end.")
    directory = without_credentials(directory)
    return ExperimentError(
        f"{outcome.error} Trials that have ended: {len(outcome.trials)}, recorded in {directory}. "
        f"Run the same experiment with resume={directory!r} to go on with the others."
    )


def _place(outcome: Outcome, directory: str) -> str:
    """Return where the records are, and how the experiment goes on if it has not finished."""
    directory = without_credentials(directory)
    text = f"The records are in {directory}."
    # If another driver has taken the directory over, that driver decides how to go on.
    if outcome.error is None or isinstance(outcome.error, OwnershipError):
        return text
    return f"{text} To go on, call lagom again with resume={directory!r}."


def _summary(result: ExperimentResult, policy: Policy, seconds: float) -> str:
    return "\n" + summary_text(
        result, name=policy.name, kind=policy.kind, direction=policy.direction, seconds=seconds
    )


def _all_failed(failures: list[Trial]) -> ExperimentError:
    first = failures[0]
    count = "The trial failed" if len(failures) == 1 else f"All {len(failures)} trials failed"
    return ExperimentError(
        f"{count}. The first one, {first.trial_id} with {first.params!s:.1000}:\n{first.error}"
    )
