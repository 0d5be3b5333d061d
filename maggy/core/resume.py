"""Resume an earlier experiment: check that the config fits, and choose the trials to run again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from maggy.checkpoints.keeping import CheckpointKeeper
from maggy.checkpoints.saved import CheckpointPair
from maggy.common.credentials import without_credentials
from maggy.common.exceptions import ResumeError
from maggy.core.environment import Environment
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.progress import announce
from maggy.core.plan import Config
from maggy.records.contract import RecordStore
from maggy.records.directory import ExperimentStore
from maggy.trial import Trial

__all__ = ["Past", "add_checkpoints", "open_experiment", "take_over"]


@dataclass(frozen=True)
class Past:
    """The trials of a resumed experiment.

    Attributes:
        trials: The trials that count, in the order in which they ended.
        again: The trials that run again: those that failed, and those that were interrupted and
            have a checkpoint.
        pairs: The checkpoints of these, by trial id.
    """

    trials: list[Trial]
    again: list[Trial]
    pairs: dict[str, CheckpointPair] = field(default_factory=dict)


def open_experiment(
    environment: Environment, root: str, config: Config, policy: Policy
) -> tuple[RecordStore | None, dict[str, Any]]:
    """Return the directory and the record of the experiment that the config resumes.

    The directory is None if the config resumes none. The record is empty if it is damaged. Nothing
    is changed yet.

    Raises:
        ResumeError: If there is no such experiment, or the config does not fit it.
    """
    if config.resume is None:
        return None, {}
    store = ExperimentStore.open(environment.files, root, config.resume, resolve=environment.root)
    record = _without_damage(store.read_experiment())
    if record:
        policy.adopt(record["identity"])
        _check_identity(store.directory, record, policy, config.seed)
    return store, record


def take_over(
    store: RecordStore, record: dict[str, Any], policy: Policy, *, retry_failed: bool
) -> Past:
    """Claim the directory, set damaged records aside, and return the trials that ended.

    Args:
        store: The directory, not claimed yet.
        record: The record that :func:`open_experiment` has read there.
        policy: The policy of the call.
        retry_failed: Run failed trials again. If all trials failed, they always run again.

    Raises:
        OwnershipError: If another driver owns the directory.
        ResumeError: If the recorded trials belong to another kind of experiment.
    """
    store.claim()
    try:
        if not record:
            store.set_aside_experiment()
            announce(
                f"The record of the experiment, {without_credentials(store.directory)}/maggy.json, "
                "is damaged; it was set aside. Its trials count, but Maggy cannot check "
                "whether they ran with this config."
            )
        trials, damaged_names = store.read_trials()
        for name in damaged_names:
            announce(
                f"The record of trial {name} is damaged; it was set aside, and the trial runs "
                "again."
            )
        _check_kind(store.directory, trials, policy)
    except BaseException:
        store.release()
        raise
    past = _split(trials, retry_failed)
    count = len(past.trials)
    announce(
        f"Resuming: {count} {'trial' if count == 1 else 'trials'} ended before and "
        f"count{'s' if count == 1 else ''}."
    )
    return past


def add_checkpoints(past: Past, store: RecordStore, keeper: CheckpointKeeper) -> Past:
    """Let the trials that run again go on from their checkpoints, if they have any.

    A trial that was interrupted and has none is not among them: the policy suggests it anew.

    Args:
        past: The trials of the resumed experiment.
        store: Its records.
        keeper: Reads what is recorded of checkpoints.
    """
    pairs = {trial.trial_id: keeper.read(trial.trial_id).pair for trial in past.again}
    half_trained = []
    for trial_id in store.interrupted_ids():
        record = keeper.read(trial_id)
        if record.trial is not None and record.trial.trial_id == trial_id:
            half_trained.append(record.trial)
            pairs[trial_id] = record.pair
    if half_trained:
        count = "1 trial" if len(half_trained) == 1 else f"{len(half_trained)} trials"
        announce(f"{count} had begun and not ended. Their training goes on from their checkpoints.")
    half_trained.sort(key=lambda trial: (trial.number is None, trial.number, trial.trial_id))
    return replace(past, again=[*half_trained, *past.again], pairs=pairs)


def _without_damage(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record, or an empty one if a field is missing or of a wrong type."""
    is_whole = isinstance(record.get("identity"), dict) and isinstance(record.get("runs", []), list)
    return record if is_whole else {}


def _check_identity(
    directory: str, record: dict[str, Any], policy: Policy, seed: int | None
) -> None:
    mismatch = policy.mismatch(record["identity"])
    if mismatch is None and record.get("seed") != seed:
        mismatch = "seed", record.get("seed"), seed
    if mismatch is not None:
        name, recorded_value, value = mismatch
        raise ResumeError(
            f"A resumed experiment must have the recorded {name}, but "
            f"{without_credentials(directory)} has {recorded_value!r} and this call {value!r}. "
            "Use the recorded value, or start a new experiment."
        )


def _check_kind(directory: str, trials: list[Trial], policy: Policy) -> None:
    kind = "ablation" if policy.kind == "ablation" else "optimization"
    for trial in trials:
        if trial.trial_type != kind:
            raise ResumeError(
                "A resumed experiment must be of the kind that is recorded, but "
                f"{without_credentials(directory)} holds trials of the kind "
                f"{trial.trial_type} and the config is for {kind}. Use a config of the recorded "
                "kind, or start a new experiment."
            )


def _split(trials: list[Trial], retry_failed: bool) -> Past:
    failures = [trial for trial in trials if trial.status == Trial.ERROR]
    count = "1 trial" if len(failures) == 1 else f"{len(failures)} trials"
    if not failures:
        return Past(trials, [])
    if retry_failed or len(failures) == len(trials):
        announce(f"{count} had failed and will run again.")
        return Past([trial for trial in trials if trial.status != Trial.ERROR], failures)
    announce(
        f"{count} had failed and will not run again. To run failed trials again, resume with "
        "retry_failed=True."
    )
    return Past(trials, [])
