"""Define the options that every experiment has, and the configs of a function that runs once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from maggy.common.by_name import with_names
from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config.argument_docs import explain_inherited_arguments
from maggy.experiment_config.checks import (
    check_choice,
    check_count,
    check_flag,
    check_memory,
    check_positive,
    check_text,
)
from maggy.experiment_config.unknown_keywords import refuse_unknown_keywords
from maggy.tracking import Listener
from maggy.tracking.registry import LISTENERS, resolve_listeners

__all__ = ["BaseConfig", "CommonConfig", "LagomConfig"]

MAX_PORT: Final = 65_535


@with_names(LISTENERS, "{listeners}")
@dataclass(kw_only=True)
class CommonConfig:
    """Hold the options that every experiment has. The constructor checks all of them.

    Args:
        seed: Fix the random choices: the same seed gives the same sequence of suggestions. None,
            the default, draws a new seed for each experiment.
        num_workers: Maximum number of trials that run at once. None, the default, uses every task
            slot that Spark offers. There are never more workers than trials.
        log_dir: Folder or fsspec URL in which the experiment gets a directory of its own. None, the
            default, means the folder in ``$MAGGY_LOG_DIR``, or ``./Experiments`` without it.
        resume: Directory or id (``<app_id>_<run>``) of an earlier experiment, which goes on where
            it ended. None, the default, begins a new experiment.
        max_trial_seconds: Seconds after which a trial ends as failed. None, the default, means no
            limit.
        max_seconds: Seconds after which the experiment ends with the trials that it has. None, the
            default, means no limit.
        trial_attempts: Number of times, 3 by default, that a trial is started if its workers get
            lost. A trial whose training function raises an error is not started again.
        fail_fast: End the experiment at the first trial that fails. By default the others go on.
        give_up_after: End the experiment when this number of trials, 5 by default, have failed, all
            with the same programming error (such as a ``KeyError``) at the same line of the
            training code. They must be the first trials of this call to end. None means never.
        retry_failed: Run the failed trials of a resumed experiment again. By default they stay
            failed.
        isolation: ``'worker'``, the default, runs all trials of a worker in its Spark process.
            ``'process'`` runs every trial in a new child process. It ends with the trial, and so
            does every process that the trial has started. Starting a process takes time.
        max_trial_memory: Memory that a trial may use with ``isolation='process'``, in bytes or as
            text such as ``'4g'``; at least 1 MiB. A trial that uses more ends as failed. None, the
            default, means no limit.
        worker_timeout: Seconds without a heartbeat, 60 by default, after which a worker counts as
            lost and its trial starts again. It must be longer than ``hb_interval``.
        preemption_grace: Seconds, 30 by default, for which a trial goes on when Spark will take its
            executor away. Then it goes on elsewhere from its newest checkpoint, and loses none of
            its ``trial_attempts``. It may save a checkpoint when ``reporter.should_checkpoint``.
        driver_port: Port on which the driver listens for its workers, from 1 to 65535. None, the
            default, takes a free port.
        listeners: A list of what hears of the experiment while it runs: instances of
            :class:`maggy.Listener`, and names, in upper or lower case: {listeners}. Other
            distributions can register names as entry points of the group ``maggy.listeners``. The
            default is none.
        checkpoint_dir: Folder or fsspec URL for the checkpoints of trials. The driver and every
            worker must reach it. None, the default, means the directory of the experiment.
        keep_checkpoints: Which checkpoints stay when the experiment has finished: ``'best'``, the
            default, for those of the best trial and of failed ones, or ``'all'`` for those of every
            trial.
        verbose: How much is printed about trials, 1 by default. 0 prints only failures. 1 prints
            the output of trials and a line about each trial that ends; 2 also prints a line about
            each trial that begins.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
        TypeError: If a listener is of another type.
    """

    seed: int | None = None
    num_workers: int | None = None
    log_dir: str | os.PathLike[str] | None = None
    resume: str | os.PathLike[str] | None = None
    max_trial_seconds: float | None = None
    max_seconds: float | None = None
    trial_attempts: int = 3
    fail_fast: bool = False
    give_up_after: int | None = 5
    retry_failed: bool = False
    isolation: str = "worker"
    max_trial_memory: int | str | None = None
    worker_timeout: float = 60.0
    preemption_grace: float = 30.0
    driver_port: int | None = None
    listeners: Sequence[str | Listener] = ()
    checkpoint_dir: str | os.PathLike[str] | None = None
    keep_checkpoints: str = "best"
    verbose: int = 1

    def __post_init__(self) -> None:
        self._check_name_and_heartbeat()
        self._check_limits()
        self._check_isolation()
        for field in ("fail_fast", "retry_failed"):
            check_flag(field, getattr(self, field))
        for field in ("log_dir", "resume", "checkpoint_dir"):
            _check_path(field, getattr(self, field))
        self.keep_checkpoints = check_choice(
            "keep_checkpoints", self.keep_checkpoints, ("best", "all")
        )
        resolve_listeners(self.listeners)

    def _check_name_and_heartbeat(self) -> None:
        # Every config defines these fields, but at positions and with defaults of its own.
        fields = vars(self)
        for field in ("name", "description"):
            check_text(field, fields[field])
        interval = fields["hb_interval"]
        check_positive("hb_interval", interval, "seconds")
        check_positive("worker_timeout", self.worker_timeout, "seconds")
        check_positive("preemption_grace", self.preemption_grace, "seconds")
        if self.worker_timeout <= interval:
            raise BadArgumentsError(
                "worker_timeout must be longer than hb_interval, or every worker would count as "
                f"lost, but got {self.worker_timeout} and {interval}."
            )

    def _check_limits(self) -> None:
        for field, seconds in (
            ("max_trial_seconds", self.max_trial_seconds),
            ("max_seconds", self.max_seconds),
        ):
            if seconds is not None:
                check_positive(field, seconds, "seconds, or None for no limit")
        check_count("trial_attempts", self.trial_attempts)
        for field, count, least in (
            ("num_workers", self.num_workers, 1),
            ("seed", self.seed, 0),
            ("give_up_after", self.give_up_after, 1),
        ):
            if count is not None:
                check_count(field, count, least=least)
        check_count("verbose", self.verbose, least=0, most=2)
        if self.driver_port is not None:
            check_count("driver_port", self.driver_port, most=MAX_PORT)

    def _check_isolation(self) -> None:
        self.isolation = check_choice("isolation", self.isolation, ("worker", "process"))
        if self.max_trial_memory is None:
            return
        size = check_memory("max_trial_memory", self.max_trial_memory)
        if self.isolation != "process":
            raise BadArgumentsError(
                "max_trial_memory needs isolation='process', since only a process of its own can "
                f"be measured, but got {self.max_trial_memory!r:.80} with isolation='worker'."
            )
        self.max_trial_memory = size


def _check_path(field: str, path: str | os.PathLike[str] | None) -> None:
    if path is None:
        return
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise BadArgumentsError(f"{field} must be a path, a URL or None, but got {path!r:.80}.")


@explain_inherited_arguments
@refuse_unknown_keywords
@dataclass
class LagomConfig(CommonConfig):
    """Describe a training function that runs once, on one executor, for its return value.

    Args:
        name: A name by which you find the run again.
        description: The purpose of the experiment, at any length.
        hb_interval: Seconds, 1 by default, between two heartbeats of the worker; may be a fraction.
            Output reaches the driver with a heartbeat.
        model: The argument ``model`` of the training function, if it has one. Each worker receives
            the value once.
        dataset: The argument ``dataset`` of the training function, like ``model``.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    name: str = "no-name"
    description: str = ""
    hb_interval: float = 1
    _: KW_ONLY
    model: Any = None
    dataset: Any = None


@explain_inherited_arguments
@dataclass(init=False)
class BaseConfig(LagomConfig):
    """Describe a function that runs once, as in release 1.1. It means the same as no config.

    Args:
        **options: The other arguments of :class:`LagomConfig`, by keyword.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
    """

    def __init__(
        self,
        name: str = "base",
        hb_interval: float = 1,
        description: str = "",
        **options: Any,  # noqa: ANN401 (checked later)
    ) -> None:
        super().__init__(name, description, hb_interval, **options)
