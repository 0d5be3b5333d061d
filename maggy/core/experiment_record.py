"""Record a whole experiment in ``maggy.json``: its identity, its calls and its state."""

from __future__ import annotations

import platform
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from maggy.common.credentials import without_credentials
from maggy.common.types import Json
from maggy.common.versions import SPARK, TENSORFLOW, package_version
from maggy.core.cluster import Cluster
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.plan import Config
from maggy.experiment_config.plain_options import plain_options
from maggy.records.trial_record import RECORD_FORMAT
from maggy.version import __version__

__all__ = ["ExperimentRecord", "choose_seed", "describe_setup"]

T = TypeVar("T")

_PACKAGES: Final = {
    "pyspark": SPARK,
    "tensorflow": TENSORFLOW,
    **{name: (name,) for name in ("keras", "torch", "optuna", "numpy", "pandas", "scikit-learn")},
}
# Settings that set environment variables of executors, and of Spark's driver on a cluster.
_VARIABLE: Final = re.compile(r"spark\.(executorEnv|\w+\.\w+Env)\.")


class ExperimentRecord:
    """Write ``maggy.json`` at the beginning and at the end of a call.

    Args:
        recorder: Writes it.
        config: The config of the call.
        policy: The policy of the call.
        earlier: The record of earlier calls that this one resumes; empty if there is none.
        app_id: Spark's application id.
        seed: The seed of the call.
        start: When the call began, in seconds since 1970.
        setup: What the call runs with; see :func:`describe_setup`.
        checkpoint_root: The directory of the checkpoints of all trials; None if that is the
            directory of the experiment, which may be moved.
        warm_start: The experiment from which this one is warm-started; None if there is none.
    """

    def __init__(
        self,
        recorder: Recorder,
        config: Config,
        policy: Policy,
        earlier: Mapping[str, Any],
        *,
        app_id: str,
        seed: int,
        start: float,
        setup: Mapping[str, Json],
        checkpoint_root: str | None,
        warm_start: Mapping[str, Json] | None = None,
    ) -> None:
        self._recorder = recorder
        self._start = start
        call = {"app_id": app_id, "began": start, "maggy_version": __version__, "setup": setup}
        # What earlier calls have recorded stays, also fields that a later release has added.
        lasting_fields = {
            name: value
            for name, value in earlier.items()
            if name not in ("ended", "duration_seconds")
        }
        self._record = {
            "name": config.name,
            "description": config.description,
            "maggy_version": __version__,
            "seed": config.seed,
            **lasting_fields,
            # An ablation may have been extended. Other parts that are recorded stay.
            "identity": {**earlier.get("identity", {}), **policy.identity()},
            "num_trials": policy.total,
            **({"confidence": policy.confidence} if policy.kind == "ablation" else {}),
            "format": RECORD_FORMAT,
            "drawn_seed": seed,
            **({} if checkpoint_root is None else {"checkpoint_root": checkpoint_root}),
            **({} if warm_start is None else {"warm_start": dict(warm_start)}),
            "state": "RUNNING",
            "runs": [*earlier.get("runs", []), call],
        }

    def begin(self) -> None:
        """Record that the experiment runs."""
        self._recorder.experiment(self._record)

    def end(self, state: str, end: float) -> None:
        """Record how the experiment ended. The arguments are those of :meth:`at_end`."""
        self._recorder.experiment(self.at_end(state, end))

    def at_end(self, state: str, end: float) -> dict[str, Any]:
        """Return the record of an experiment that has ended.

        Args:
            state: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
            end: When it ended, in seconds since 1970.
        """
        times = {"ended": end, "duration_seconds": end - self._start}
        return {**self._record, "state": state, **times}


def describe_setup(config: Config, cluster: Cluster) -> dict[str, Json]:
    """Return what a call runs with, so that somebody can run it again: no secrets.

    It holds no environment variables, and only those settings of Spark that Spark itself has
    redacted. URLs lose user, password and query. What cannot be found out is left out.

    Returns:
        ``python`` and ``platform``; ``packages``, the versions of those on the driver; ``spark``
        with ``version``, ``master`` and ``settings``; ``config``, the options.
    """
    packages = {name: package_version(*names) for name, names in _PACKAGES.items()}
    no_settings: dict[str, str] = {}
    settings: dict[str, Json] = {
        name: without_credentials(value)
        for name, value in sorted(_try(cluster.settings, no_settings).items())
        if not _VARIABLE.match(name)
    }
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: release for name, release in packages.items() if release is not None},
        "spark": {
            "version": _try(cluster.version, ""),
            "master": without_credentials(cluster.master),
            "settings": settings,
        },
        "config": plain_options(config),
    }


def _try(call: Callable[[], T], default: T) -> T:
    """Return what the call returns, or the default where Spark refuses to answer."""
    try:
        return call()
    except Exception:  # py4j, gRPC and Spark Connect each have errors of their own
        return default


def choose_seed(config: Config, record: Mapping[str, Any]) -> int:
    """Return the config's seed, else the recorded one of an earlier call, else a random one."""
    if config.seed is not None:
        return config.seed
    seed = record.get("drawn_seed")
    return seed if isinstance(seed, int) else secrets.randbits(32)
