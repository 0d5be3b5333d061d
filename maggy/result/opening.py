"""Make a result, as ``lagom`` returns it, from the records of an experiment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import to_plain
from maggy.common.types import Json
from maggy.records.recorded import Overview, RecordedExperiment
from maggy.records.running_points import RunningTrial
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
    kind = kind_of(overview, experiment.trials)
    TrialNumbers(experiment.trials)  # it numbers the trials of an older release
    result = build_result(
        experiment.trials,
        kind=kind,
        direction=overview.direction,
        optimization_key=overview.optimization_key,
        confidence=_confidence(overview.fields),
    )
    if kind == "ablation":
        add_recorded_analysis(result, overview.result)
    if kind == "single":  # its one trial ends without a metric
        result["failed"] = sum(trial.status == Trial.ERROR for trial in experiment.trials)
    result.directory = overview.directory
    result.searchspace = _searchspace(overview.identity.get("searchspace"), experiment.problems)
    result.state = overview.state
    result.running = running_rows(experiment)
    result.record = overview.fields
    return result


def running_rows(experiment: RecordedExperiment) -> list[TrialRow]:
    """Return a row for each trial that runs, with the keys of the rows of ended trials.

    The rows have the points that the driver has recorded so far: on a disk all but those of the
    last five seconds. A trial that waits for another worker after a loss does not run, and has no
    row. The status is always RUNNING, and what is known only at the end is None.

    Where no run is recorded, the files tell only that a trial has begun, and its parameters.

    Args:
        experiment: The experiment. Unless it is RUNNING, none of its trials runs.
    """
    rows = []
    for trial_id, params in experiment.beginnings.items():
        run = experiment.runs.get(trial_id, RunningTrial())
        row: TrialRow = {
            "trial_id": trial_id,
            "number": run.number,
            "status": Trial.RUNNING,
            "params": to_plain(params),
            "metric": None,
            "early_stop": False,
            "duration": None,
            "start": run.start,
            "attempts": run.attempts,
            "steps": list(run.steps),
            "history": list(run.history),
            "outputs": None,
            "error": None,
        }
        if run.worker is not None:
            row["worker"] = run.worker
        rows.append(row)
    return sorted(rows, key=lambda row: (row["number"] is None, row["number"], row["trial_id"]))


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
