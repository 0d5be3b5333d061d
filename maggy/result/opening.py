"""Make a result, as ``lagom`` returns it, from the records of an experiment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import to_plain
from maggy.common.types import Json
from maggy.records.recorded import Overview, RecordedExperiment
from maggy.result.recorded_analysis import add_recorded_analysis
from maggy.result.result import ExperimentResult, build_result
from maggy.result.rows import TrialRow
from maggy.searchspace import Searchspace
from maggy.searchspace.entries import space_from_entries
from maggy.trial import Trial
from maggy.trial.numbers import TrialNumbers

__all__ = ["kind_of", "result_of", "running_rows"]

_KINDS = ("optimization", "ablation", "single")
_DEFAULT_CONFIDENCE = 0.95


def result_of(experiment: RecordedExperiment) -> ExperimentResult:
    """Return the result of a recorded experiment, whatever its state.

    It is made from the records of its trials. Only what an ablator adds comes from
    ``result.json``, and only if that file is about the same trials. What the records do not say
    has the default of the configs.

    Args:
        experiment: The experiment. Nothing in it needs to be well-formed.
    """
    overview = experiment.overview
    identity, kind = overview.identity, kind_of(overview, experiment.trials)
    direction, key = identity.get("direction"), identity.get("optimization_key")
    TrialNumbers(experiment.trials)  # it numbers the trials of an older release
    result = build_result(
        experiment.trials,
        kind=kind,
        direction=str(direction) if direction in ("max", "min") else "max",
        optimization_key=key if isinstance(key, str) else "metric",
        confidence=_confidence(overview.fields),
    )
    if kind == "ablation":
        add_recorded_analysis(result, overview.result)
    if kind == "single":  # its one trial ends without a metric
        result["failed"] = sum(trial.status == Trial.ERROR for trial in experiment.trials)
    result.directory = overview.directory
    result.searchspace = _searchspace(identity.get("searchspace"), experiment.problems)
    result.state = overview.state
    result.running = running_rows(experiment)
    result.record = overview.fields
    return result


def running_rows(experiment: RecordedExperiment) -> list[TrialRow]:
    """Return a row for each trial that runs, with the keys of the rows of ended trials.

    The files tell only that a trial has begun and not ended, and its parameters. They do not tell
    its number, when it began, what it has reported, and whether it waits for another worker after a
    loss.

    Args:
        experiment: The experiment. Unless it is RUNNING, none of its trials runs.
    """
    return [
        {
            "trial_id": trial_id,
            "number": None,
            "status": Trial.RUNNING,
            "params": to_plain(params),
            "metric": None,
            "early_stop": False,
            "duration": None,
            "start": None,
            "attempts": 1,
            "steps": [],
            "history": [],
            "outputs": None,
            "error": None,
        }
        for trial_id, params in experiment.beginnings.items()
    ]


def kind_of(overview: Overview, trials: list[Trial] | None = None) -> str:
    """Return the kind of an experiment: ``"optimization"``, ``"ablation"`` or ``"single"``.

    Args:
        overview: The experiment as a whole.
        trials: Its trials, which tell the kind if ``maggy.json`` does not.
    """
    kind = overview.identity.get("kind")
    if isinstance(kind, str) and kind in _KINDS:
        return kind
    return trials[0].trial_type if trials else "optimization"


def _confidence(fields: Mapping[str, Json]) -> float:
    """Return the recorded confidence. Release 2.0 recorded none."""
    confidence = fields.get("confidence")
    is_valid = isinstance(confidence, float) and math.isfinite(confidence) and 0 < confidence < 1
    return confidence if is_valid else _DEFAULT_CONFIDENCE  # type: ignore[return-value]


def _searchspace(entries: Json, problems: list[str]) -> Searchspace | None:
    if entries is None:
        return None
    try:
        return space_from_entries(entries)
    except (BadArgumentsError, RecursionError) as error:
        problems.append(f"The search space in maggy.json is damaged, and left out: {error!s:.200}")
        return None
