"""Record a whole experiment in ``maggy.json``: its identity, its calls and its state."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.plan import Config
from maggy.records.trial_record import RECORD_FORMAT
from maggy.version import __version__

__all__ = ["ExperimentRecord", "choose_seed"]


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
    ) -> None:
        self._recorder = recorder
        self._start = start
        call = {"app_id": app_id, "began": start, "maggy_version": __version__}
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
            "state": "RUNNING",
            "runs": [*earlier.get("runs", []), call],
        }

    def begin(self) -> None:
        """Record that the experiment runs."""
        self._recorder.experiment(self._record)

    def end(self, state: str, end: float) -> None:
        """Record how the experiment ended.

        Args:
            state: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
            end: When it ended, in seconds since 1970.
        """
        times = {"ended": end, "duration_seconds": end - self._start}
        self._recorder.experiment({**self._record, "state": state, **times})


def choose_seed(config: Config, record: Mapping[str, Any]) -> int:
    """Return the config's seed, else the recorded one of an earlier call, else a random one."""
    if config.seed is not None:
        return config.seed
    seed = record.get("drawn_seed")
    return seed if isinstance(seed, int) else secrets.randbits(32)
