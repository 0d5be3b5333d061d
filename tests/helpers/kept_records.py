"""The directories of experiments that are kept for every release, and how to add new ones.

``python tests/helpers/kept_records.py`` writes ``tests/records/kept/<release>/{search,ablation}``.
Commit them with the release.
"""

import json
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import maggy
from maggy import Searchspace, experiment
from maggy.ablation import AblationStudy
from maggy.experiment_config import AblationConfig, OptimizationConfig

RECORDS = Path(__file__).parents[1] / "records" / "kept"
DAMAGED = 3
"""Which trial, in the order of their ends, is damaged once the experiment is over."""


def train(rate, layers, batch, kind, reporter):
    """Train nothing; one kind fails, and one point is NaN."""
    if kind == "fails":
        raise ValueError("This kind cannot be trained.")
    print(f"training a {kind} one with ä")
    for step in range(3):
        reporter.broadcast(float("nan") if step == 1 and layers == 1 else rate * (1 + step), step)
    return {"metric": rate * layers, "curve": [rate, None], "notes": {"batch": batch}}


def search(num_trials, **options):
    space = Searchspace(
        rate=("DOUBLE", [1e-4, 1.0], "log"),
        layers=("INTEGER", [1, 5]),
        batch=("DISCRETE", [16, 32.5]),
        kind=("CATEGORICAL", ["works", "fails", "fits"]),
    )
    first = {"rate": 0.5, "layers": 1, "batch": 16, "kind": "works"}
    return OptimizationConfig(
        num_trials,
        "randomsearch",
        space,
        initial_trials=[first],
        name="kept",
        seed=7,
        num_workers=1,
        **options,
    )


def dataset(num_epochs, batch_size, ablated_feature):
    return ablated_feature


def ablate(dataset_function):
    """Train nothing; without one feature it fails."""
    feature = dataset_function(1, 1)
    if feature == "age":
        raise ValueError("Nothing works without the age.")
    return 0.5 if feature is None else 0.25


def ablation(features=("fare", "age", "sex"), **options):
    study = AblationStudy("passengers", 1, "survived", dataset_generator=dataset)
    study.features.include(*features)
    return AblationConfig(study, name="kept", num_workers=1, **options)


def clean(text, replacements):
    """The text without what says where and by whom it was written."""
    for local, neutral in replacements.items():
        text = text.replace(local.encode(), neutral.encode())
    return text


def keep(name, result):
    """Damage one trial, copy the directory, and leave out what belongs to this machine."""
    directory = Path(result.directory)
    damaged = directory / result.trials[DAMAGED]["trial_id"] / "trial.json"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    target = RECORDS / maggy.__version__ / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(directory, target)
    replacements = {
        str(directory.parent): "/home/user/Experiments",
        str(Path(__file__).parent): "/home/user",
        socket.gethostname(): "host",
    }
    for path in target.rglob("*"):
        if path.is_file():
            path.write_bytes(clean(path.read_bytes(), replacements))
    record = json.loads((target / "maggy.json").read_bytes())
    record["runs"] = [{**run, "app_id": "local-1"} for run in record["runs"]]
    (target / "maggy.json").write_text(json.dumps(record, indent=2))
    owner = json.loads((target / "owner-1.json").read_bytes())
    (target / "owner-1.json").write_text(
        json.dumps({**owner, "boot_id": "boot", "namespace": "pid:[1]"}, indent=2)
    )


def main():
    from pyspark import cloudpickle
    from pyspark.sql import SparkSession

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    session = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    )
    with tempfile.TemporaryDirectory() as root:
        keep("search", experiment.lagom(train, search(6, log_dir=root)))
        keep("ablation", experiment.lagom(ablate, ablation(log_dir=root)))
    session.stop()


if __name__ == "__main__":
    main()
