"""Open the experiment from which a search is warm-started, and refuse one that does not fit."""

from __future__ import annotations

import os
from typing import Any

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError, ExperimentNotFoundError, ResumeError
from maggy.core.environment import Environment
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.source_experiment import SourceExperiment, digest
from maggy.experiment_config import HyperparameterOptConfig, OptimizationConfig
from maggy.experiment_config.lagom import CommonConfig
from maggy.records.contract import RecordStore
from maggy.records.naming import find_recorded
from maggy.records.recorded import RecordedExperiment, read_experiment
from maggy.result.opening import kind_of
from maggy.trial import Trial

__all__ = ["warm_start"]


def warm_start(
    environment: Environment,
    root: str,
    config: CommonConfig,
    policy: Policy,
    store: RecordStore | None,
    record: dict[str, Any],
) -> SourceExperiment | None:
    """Give the policy the trials of the experiment that the config names, and return it.

    A resumed search gets the trials that it had got at its beginning, also if its config names no
    experiment. Nothing is changed on disk.

    Args:
        environment: The platform.
        root: The directory in which experiments are looked up by id.
        config: The config.
        policy: Its policy.
        store: The directory of the search if it is resumed.
        record: Its record.

    Returns:
        The experiment; None if there is none.

    Raises:
        BadArgumentsError: If the experiment is no search with the same objective, or has no trials.
        ExperimentNotFoundError: If there is no such experiment.
        ResumeError: If the search had got other trials, or they are gone.
    """
    if not (isinstance(config, OptimizationConfig) and isinstance(policy, OptimizationPolicy)):
        return None
    entry = record.get("warm_start")
    entry = entry if isinstance(entry, dict) else None
    wish = _find_wish(config, record, entry)
    if wish is None:
        return None
    directory = _find_directory(environment, root, wish, is_resumed=entry is not None)
    if store is not None and directory == store.directory:
        raise ResumeError(
            "warm_start must be another experiment than the one that is resumed, but both are "
            f"{without_credentials(directory)!r}. Leave warm_start out."
        )
    records = read_experiment(environment.files, directory)
    _check_objective(config, records)
    source = _make_source(
        records, records.trials if entry is None else _same_trials(entry, records)
    )
    policy.warm_start(source)
    return source


def _find_wish(
    config: OptimizationConfig, record: dict[str, Any], entry: dict[str, Any] | None
) -> str | None:
    """Return the directory or id that the config names, or else the recorded one."""
    if config.warm_start is not None:
        assert isinstance(config.warm_start, (str, os.PathLike))  # the config has replaced a result
        wish = os.fspath(config.warm_start)
        if entry is None and record:
            raise ResumeError(
                "A resumed experiment must be told what it was told at its beginning, but it was "
                f"not warm-started and the config has warm_start={without_credentials(wish)!r}. "
                "Leave warm_start out, or start a new experiment."
            )
        return wish
    if entry is None:
        return None
    directory = str(entry.get("directory", ""))
    if "***" in directory:
        raise ResumeError(
            "The URL of a warm start must have its credentials, which are not recorded, but got no "
            f"warm_start. Pass it as before: it is {directory}."
        )
    return directory


def _find_directory(environment: Environment, root: str, wish: str, *, is_resumed: bool) -> str:
    try:
        return find_recorded(environment.files, root, wish, environment.root)
    except ExperimentNotFoundError as error:
        if not is_resumed:
            raise ExperimentNotFoundError(
                f"warm_start must be an experiment that is recorded. {error}"
            ) from None
        raise ResumeError(
            "A resumed experiment that was warm-started needs the same trials again, but there is "
            f"no {without_credentials(wish)!r}. If that directory was moved, pass its new place as "
            "warm_start."
        ) from error


def _check_objective(config: OptimizationConfig, records: RecordedExperiment) -> None:
    """Raise `BadArgumentsError` unless the experiment is a search with the objective of the config.

    Args:
        config: The config of the search that is warm-started.
        records: The experiment from which it begins.
    """
    overview = records.overview
    directory = without_credentials(overview.directory)
    if (kind := kind_of(overview, records.trials)) != "optimization":
        description = "an ablation" if kind == "ablation" else "a function that ran once"
        raise BadArgumentsError(
            f"warm_start must be a hyperparameter search, but {directory} is {description}. Pass "
            "the directory of a search, or leave it out."
        )
    for name in ("direction", "optimization_key"):
        value, own = overview.identity.get(name), getattr(config, name)
        if not isinstance(value, str):
            raise BadArgumentsError(
                f"warm_start must be an experiment whose {name} is recorded, but maggy.json in "
                f"{directory} is missing or damaged. Use another experiment."
            )
        is_lenient = isinstance(config, HyperparameterOptConfig) and name == "optimization_key"
        if value != own and not (is_lenient and value.lower() == own.lower() == "metric"):
            raise BadArgumentsError(
                f"warm_start must be an experiment with the same {name}, since metrics of both are "
                f"compared, but {directory} has {value!r} and the config {own!r}. Use an "
                f"experiment with {name}={own!r}, or leave warm_start out."
            )


def _same_trials(entry: dict[str, Any], records: RecordedExperiment) -> list[Trial]:
    """Return the trials that a resumed search was told at its beginning. Later ones are left out.

    Raises:
        ResumeError: If they have changed.
    """
    count = entry.get("num_trials")
    trials = records.trials[: count if isinstance(count, int) else None]
    if entry.get("digest") != digest(trials):
        raise ResumeError(
            "A resumed experiment that was warm-started needs the same trials again, but those in "
            f"{without_credentials(records.overview.directory)} are not the {count} trials of its "
            "beginning. Pass their directory as warm_start, or start a new experiment."
        )
    return trials


def _make_source(records: RecordedExperiment, trials: list[Trial]) -> SourceExperiment:
    overview = records.overview
    directory = overview.directory
    if not trials:
        raise BadArgumentsError(
            "warm_start must be an experiment with ended trials, but "
            f"{without_credentials(directory)} has none. Leave it out."
        )
    checkpoint_root = overview.fields.get("checkpoint_root", directory)
    is_reachable = isinstance(checkpoint_root, str) and "***" not in checkpoint_root
    source = SourceExperiment(
        directory,
        trials,
        str(checkpoint_root) if is_reachable else None,
        is_running=overview.state == "RUNNING",
        num_problems=len(records.problems),
    )
    for trial in trials:
        trial.source_experiment = source.experiment_id
    return source
