"""Hold the experiment from which a search is warm-started: its trials, and its checkpoints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from maggy.checkpoints.keeping import read_checkpoint_record
from maggy.checkpoints.saved import Handover, path_of
from maggy.common.credentials import without_credentials
from maggy.common.files import Files
from maggy.common.types import Json
from maggy.optimizer.source_trials import Misfit, SourceTrials
from maggy.trial import Trial

__all__ = ["SourceExperiment", "describe_warm_start", "digest"]

_MISFITS_SHOWN = 3
_MAX_REASON = 160


@dataclass(frozen=True)
class SourceExperiment:
    """The experiment from which a search is warm-started.

    Attributes:
        directory: Its path or URL.
        trials: Its ended trials, in the order in which they ended.
        checkpoint_root: The directory of their checkpoints; None if it cannot be reached.
        is_running: Whether it still runs.
        num_problems: Number of its records that are damaged, and left out.
    """

    directory: str
    trials: Sequence[Trial]
    checkpoint_root: str | None
    is_running: bool = False
    num_problems: int = 0

    @property
    def experiment_id(self) -> str:
        """The name of the directory."""
        return self.directory.rstrip("/").rsplit("/", 1)[-1]

    def record(self) -> dict[str, Json]:
        """Return what ``maggy.json`` says of it, so that a resumed search gets the same trials."""
        return {
            "experiment_id": without_credentials(self.experiment_id),
            "directory": without_credentials(self.directory),
            "num_trials": len(self.trials),
            "digest": digest(self.trials),
        }

    def checkpoint_finder(self, files: Files) -> Callable[[str], Handover | None]:
        """Return a function that returns the newest checkpoint of a trial, for a run to go on from.

        It returns None if there is none, its record is damaged, or the store is away.
        """
        root = self.checkpoint_root

        def find(trial_id: str) -> Handover | None:
            try:
                record = read_checkpoint_record(files, files.join(self.directory, trial_id))
            except Exception:  # the libraries of stores have errors of their own
                return None
            newest = record.pair.newest
            if root is None or newest is None:
                return None
            path = f"{root}/{path_of(trial_id, newest.name)}"
            return Handover(path, newest.step, newest.metric)

        return find


def digest(trials: Sequence[Trial]) -> str:
    """Return a text that is the same only for the same trials with the same ends."""
    ends = [[trial.trial_id, trial.final_metric, trial.early_stop] for trial in trials]
    return hashlib.sha256(json.dumps(ends).encode()).hexdigest()[:16]


def describe_warm_start(
    name: str,
    experiment: SourceExperiment,
    source: SourceTrials,
    num_informative: int,
    *,
    decides_itself: bool,
) -> str:
    """Return a line that says what an optimizer learns from which trials, and which do not fit.

    Args:
        name: The name of the optimizer.
        experiment: The experiment with the trials.
        source: Its trials, as far as they fit.
        num_informative: The number of those from which the optimizer learns.
        decides_itself: Whether nobody but the user's own optimizer knows what it does with them.
    """
    total, num_fits = len(experiment.trials), len(source.fits)
    whole = f"{_trials(total)} of {without_credentials(experiment.experiment_id)}"
    if not num_informative:
        text = f"Warm start: {name} learns nothing from the {whole}."
    elif decides_itself:
        part = "" if num_informative == total else f"{num_informative} of "
        text = (
            f"Warm start: {part}the {whole} are in the final_store of {name}, which takes over no "
            "trials by restore()."
        )
    elif num_informative == total:
        text = f"Warm start: {name} learns from the {whole}."
    else:
        text = f"Warm start: {name} learns from {num_informative} of the {whole}."
    if num_informative and num_fits > num_informative:
        text += f" It learns nothing from {num_fits - num_informative} that fit."
    if source.misfits:
        text += f" {_describe_misfits(source.misfits)}"
    if experiment.is_running:
        text += " That experiment still runs; trials that end from now on are left out."
    if experiment.num_problems:
        text += f" Damaged records that were left out: {experiment.num_problems}."
    return text


def _trials(count: int) -> str:
    return "1 ended trial" if count == 1 else f"{count} ended trials"


def _describe_misfits(misfits: Sequence[Misfit]) -> str:
    count = "1 does" if len(misfits) == 1 else f"{len(misfits)} do"
    examples = [
        f"{_name(misfit.trial)} ({misfit.reason[:_MAX_REASON]})"
        for misfit in misfits[:_MISFITS_SHOWN]
    ]
    rest = misfits[_MISFITS_SHOWN:]
    more = f"; also {', '.join(_name(misfit.trial) for misfit in rest[:20])}" if rest else ""
    end = ", ..." if len(rest) > 20 else ""
    return f"{count} not fit the search space: {'; '.join(examples)}{more}{end}."


def _name(trial: Trial) -> str:
    return trial.trial_id if trial.number is None else f"#{trial.number}"
