"""Recorded experiments that no driver has run: stores are written directly, without Spark."""

from dataclasses import dataclass

from helpers.results import ended_trial
from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore
from maggy.result import build_result
from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["BEGAN", "SPACE", "record_ablation", "record_search", "record_single", "tree"]

SPACE = Searchspace(lr=("DOUBLE", [0.001, 1.0], "log"), pool=("INTEGER", [1, 9]))
BEGAN = 1795677485.4446073


@dataclass
class Recorded:
    """A store, and the result of its trials as a driver returns it."""

    store: ExperimentStore
    result: dict

    @property
    def path(self):
        return self.store.directory


def record(root, trials, identity, *, state="FINISHED", running=(), analysis=None, **fields):
    """Record an experiment as a driver does. A state of None leaves it running, with its owner."""
    kind = identity["kind"]
    store = ExperimentStore.create(AnyFiles(), str(root), "app")
    run = {"app_id": "app", "began": BEGAN, "maggy_version": "2.1.0"}
    content = {
        "name": "demo", "description": "", "maggy_version": "2.1.0", "seed": 7,
        "identity": identity, "format": 1, "drawn_seed": 7, "state": "RUNNING", "runs": [run],
        **fields,
    }  # fmt: skip
    store.write_experiment(content)
    for number, trial in enumerate(trials, 1):
        trial.number = number
        store.end_trial(trial)
    for params in running:
        kind_of_trial = "ablation" if kind == "ablation" else "optimization"
        store.begin_trial(Trial(params, kind_of_trial))
    result = build_result(
        trials,
        kind=kind,
        direction=identity.get("direction", "max"),
        optimization_key=identity.get("optimization_key", "metric"),
        confidence=fields.get("confidence", 0.95),
        analysis=analysis,
    )
    result.directory = store.directory
    if state is not None:
        if kind != "single":
            store.write_result(result, result.trials)
        times = {"ended": BEGAN + 60, "duration_seconds": 60.0}
        store.write_experiment({**content, "state": state, **times})
        store.release()
    return Recorded(store, result)


def record_search(root, metrics=(0.5, None, 0.75), *, identity=None, **others):
    """Record a search. A metric of None is a failed trial. An identity replaces single fields."""
    trials = [
        ended_trial(
            {"lr": 0.1 * (number + 1), "pool": number + 1},
            metric,
            start=BEGAN + number,
            duration=1500,
            attempts=1,
            error=None if metric is not None else "Traceback: no\nValueError: too bad",
            outputs=None if metric is None else {"accuracy": metric, "size": number},
        )
        for number, metric in enumerate(metrics)
    ]
    for trial in trials:
        trial.append_metric({"step": 0, "value": 0.25})
    fields = {
        "kind": "optimization", "searchspace": list(SPACE), "optimizer": "RandomSearch",
        "direction": "max", "optimization_key": "accuracy", "initial_trials": None,
    }  # fmt: skip
    return record(root, trials, {**fields, **(identity or {})}, **others)


def record_ablation(root, metrics, *, ablator="LOCO", repeats=1, **others):
    """Record an ablation of features. The metrics are lists, one value a repeat, by feature."""
    trials = []
    for repeat in range(repeats):
        for feature, values in metrics.items():
            params = {"ablated_feature": feature, "ablated_layer": "None"}
            trial = ended_trial(params, values[repeat], trial_type="ablation")
            trial.start, trial.duration = BEGAN + len(trials), 1000
            if repeats > 1:
                trial.repeat, trial.seed = repeat, 100 + repeat
                trial.trial_id += f"_{repeat + 1}" if repeat else ""
            trials.append(trial)
    identity = {
        "kind": "ablation", "training_dataset": "titanic_1", "label": "survived",
        "components": {}, "ablator": ablator, "direction": "max", "optimization_key": "accuracy",
    }  # fmt: skip
    return record(root, trials, identity, **others)


def record_single(root, error=None):
    """Record a function that ran once."""
    trial = ended_trial({}, None, error=error)
    trial.status = Trial.FINALIZED if error is None else Trial.ERROR
    return record(root, [trial], {"kind": "single"})


def tree(root):
    """Return all that lies below a directory: kind, content, times and rights of every entry."""
    entries = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        times = (status.st_mtime_ns, status.st_ctime_ns)
        entries[str(path)] = (status.st_mode, status.st_size, *times, content)
    return entries
