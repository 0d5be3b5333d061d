"""What every experiment's config has, and the checks of it."""

from __future__ import annotations

import math
import os
import re
from dataclasses import KW_ONLY, dataclass
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest

__all__ = [
    "BaseConfig",
    "CommonConfig",
    "LagomConfig",
    "check_choice",
    "check_count",
    "check_flag",
    "check_memory",
    "check_positive",
]


@dataclass(kw_only=True)
class CommonConfig:
    """The options that every experiment takes, by keyword. All are checked when the config is made.

    Args:
        seed: The same seed gives the same sequence of suggestions; None for a new sequence each time.
        num_workers: How many trials run at once; None for every task slot that Spark offers. Never more than trials.
        log_dir: Folder or fsspec URL under which the experiment's directory is made; None for ``$MAGGY_LOG_DIR``,
            else ``./Experiments``.
        resume: Directory or id (``<app_id>_<run>``) of an earlier experiment that is to go on.
        max_trial_seconds: Seconds after which one trial is ended as failed; None for no limit.
        max_seconds: Seconds after which the experiment ends with the trials it has; None for no limit.
        trial_attempts: How often a trial is run in all when its worker is lost. A training function that raises is
            not run again.
        fail_fast: End the experiment at the first trial that fails.
        give_up_after: End the experiment when this many trials, the first of this call to end, all failed with the
            same programming error (such as a ``KeyError``) at the same line of the training code; None to never do so.
        retry_failed: Run the failed trials of a resumed experiment again.
        isolation: ``'worker'`` runs all trials of a worker in its Spark process; ``'process'`` runs each trial in a
            new child process, which ends with the trial together with every process that the trial started.
        max_trial_memory: Memory that one trial may use with ``isolation='process'``, in bytes or as text such as
            ``'4g'``; a trial above it is ended as failed. None for no limit.
        worker_timeout: Seconds without a heartbeat after which a worker counts as lost.
        driver_port: The port on which the driver listens for its workers; None for a free one.

    Raises:
        BadArgumentsError: An argument breaks its rule; a ``ValueError``.
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
    driver_port: int | None = None

    def __post_init__(self) -> None:
        # Every config has these three, but at places and with defaults of its own.
        name, description, hb_interval = (
            vars(self)[field] for field in ("name", "description", "hb_interval")
        )
        for field, value in (("name", name), ("description", description)):
            if not isinstance(value, str):
                raise BadArgumentsError(f"{field} must be a string, but got {value!r:.80}.")
        check_positive("hb_interval", hb_interval, "seconds")
        check_positive("worker_timeout", self.worker_timeout, "seconds")
        if self.worker_timeout <= hb_interval:
            raise BadArgumentsError(
                "worker_timeout must be longer than hb_interval, or every worker would count as lost, "
                f"but got {self.worker_timeout} and {hb_interval}."
            )
        for field in ("max_trial_seconds", "max_seconds"):
            if getattr(self, field) is not None:
                check_positive(field, getattr(self, field), "seconds, or None for no limit")
        check_count("trial_attempts", self.trial_attempts)
        if self.num_workers is not None:
            check_count("num_workers", self.num_workers)
        if self.seed is not None:
            check_count("seed", self.seed, least=0)
        if self.driver_port is not None:
            check_count("driver_port", self.driver_port)
            if self.driver_port > 65_535:
                raise BadArgumentsError(
                    f"driver_port must be at most 65535, but got {self.driver_port}."
                )
        if self.give_up_after is not None:
            check_count("give_up_after", self.give_up_after)
        for field in ("fail_fast", "retry_failed"):
            check_flag(field, getattr(self, field))
        self.isolation = check_choice("isolation", self.isolation, ("worker", "process"))
        if self.max_trial_memory is not None:
            limit = check_memory("max_trial_memory", self.max_trial_memory)
            if self.isolation != "process":
                raise BadArgumentsError(
                    "max_trial_memory needs isolation='process', since only a process of its own can be measured, "
                    f"but got {self.max_trial_memory!r:.80} with isolation='worker'."
                )
            self.max_trial_memory = limit
        for field in ("log_dir", "resume"):
            value = getattr(self, field)
            if value is not None and (
                not isinstance(value, (str, os.PathLike)) or not os.fspath(value)
            ):
                raise BadArgumentsError(
                    f"{field} must be a path, a URL or None, but got {value!r:.80}."
                )


@dataclass
class LagomConfig(CommonConfig):
    """A training function that is run once, on one executor, for what it returns.

    Args:
        name: A name to find the run again.
        description: What it is about, at any length.
        hb_interval: Seconds between two heartbeats of a worker; may be a fraction.
        model: What the training function's parameter ``model`` gets; sent to each worker once.
        dataset: What its parameter ``dataset`` gets, likewise.
    """

    name: str = "no-name"
    description: str = ""
    hb_interval: float = 1
    _: KW_ONLY
    model: Any = None
    dataset: Any = None


@dataclass(init=False)
class BaseConfig(LagomConfig):
    """The config of release 1.1 for a function that is run once; the same as no config.

    Args:
        name: A name to find the run again.
        hb_interval: Seconds between two heartbeats of a worker; may be a fraction.
        description: What it is about, at any length.
        **options: The keywords of :class:`LagomConfig`.
    """

    def __init__(
        self, name: str = "base", hb_interval: float = 1, description: str = "", **options: Any
    ) -> None:
        super().__init__(name, description, hb_interval, **options)


def check_count(name: str, value: Any, *, least: int = 1) -> None:
    """Refuse what is not a whole number of at least ``least``."""
    number = as_number(value)
    if not isinstance(number, int):
        raise BadArgumentsError(
            f"{name} must be a whole number, but got {type(value).__name__}: {value!r:.80}."
        )
    if number < least:
        raise BadArgumentsError(f"{name} must be at least {least}, but got {number}.")


def check_positive(name: str, value: Any, unit: str) -> None:
    """Refuse what is not a number above 0."""
    number = as_number(value)
    if number is None or not math.isfinite(number) or number <= 0:
        raise BadArgumentsError(f"{name} must be a number above 0 ({unit}), but got {value!r:.80}.")


def check_flag(name: str, value: Any) -> None:
    """Raise `BadArgumentsError` unless the value is True or False."""
    if not isinstance(value, bool):
        raise BadArgumentsError(f"{name} must be True or False, but got {value!r:.80}.")


def check_memory(name: str, value: Any) -> int:
    """Return an amount of memory in bytes.

    Args:
        name: The argument's name, for the error.
        value: A whole number of bytes, or text as Spark writes it: ``"512m"``, ``"4g"``; powers of 1,024.

    Raises:
        BadArgumentsError: The value is neither, or it is below 1 MiB.
    """
    match = (
        re.fullmatch(r"\s*(\d+)\s*([kmgt]?)i?b?\s*", value.lower())
        if isinstance(value, str)
        else None
    )
    size = int(match[1]) * 1024 ** " kmgt".index(match[2] or " ") if match else as_number(value)
    if not isinstance(size, int) or size < 1024**2:
        raise BadArgumentsError(
            f"{name} must be at least 1 MiB, as a whole number of bytes or as text such as '4g', but got {value!r:.80}."
        )
    return size


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """The choice that ``value`` is, in any case; refuse anything else."""
    if isinstance(value, str) and value.lower() in choices:
        return value.lower()
    hint = closest(value.lower(), list(choices)) if isinstance(value, str) else ""
    raise BadArgumentsError(
        f"{name} must be {' or '.join(map(repr, choices))}, but got {value!r:.80}.{hint}"
    )
