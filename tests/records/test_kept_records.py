"""Every release resumes the experiments that earlier releases have recorded.

To add the records of a new release, set its version, run ``python tests/helpers/kept_records.py``,
and commit the new files. Never change the existing ones.
"""

import json
import shutil
from pathlib import Path

import pytest
from helpers import kept_records

import maggy
from maggy import experiment
from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore
from maggy.records.trial_record import RECORD_FORMAT

RELEASES = sorted(path.name for path in kept_records.RECORDS.iterdir())


@pytest.fixture(params=RELEASES)
def release(request):
    return request.param


@pytest.fixture
def copy_of(release, tmp_path):
    """Copy the directory of a release's experiment to a place where it can be resumed."""

    def copy(name):
        target = tmp_path / "app_1"
        shutil.copytree(kept_records.RECORDS / release / name, target)
        return target

    return copy


@pytest.fixture(scope="module")
def by_value():
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(kept_records)
    yield
    cloudpickle.unregister_pickle_by_value(kept_records)


def raw(directory):
    """Return the complete records in the files, in the order in which the trials ended."""
    records = []
    for path in sorted(directory.glob("*/trial.json")):
        try:
            records.append(json.loads(path.read_text()))
        except ValueError:  # the damaged one
            assert path.parent.name not in [record["trial_id"] for record in records]
    return sorted(records, key=lambda record: record["ended"])


def test_the_records_of_every_release_are_here():
    assert "2.0.0" in RELEASES
    # A release that is being built keeps its records under its final number.
    assert maggy.__version__.partition(".dev")[0] in RELEASES, (
        "run python tests/helpers/kept_records.py, and commit what it writes"
    )
    for name in RELEASES:
        assert sorted(path.name for path in (kept_records.RECORDS / name).iterdir()) == [
            "ablation",
            "search",
        ]


@pytest.mark.parametrize("name", ["search", "ablation"])
def test_a_release_s_trials_are_read_field_by_field(copy_of, name):
    directory = copy_of(name)
    records = raw(directory)
    store = ExperimentStore.open(AnyFiles(), str(directory.parent), directory)
    trials, damaged_names = store.read_trials()
    assert len(damaged_names) == 1
    assert [json.loads(trial.to_json()) for trial in trials] == [
        {
            "number": None,  # what the release did not record
            **{field: value for field, value in record.items() if field != "ended"},
            "format": RECORD_FORMAT,
        }
        for record in records
    ]
    assert [record["status"] for record in records].count("ERROR") >= 1


def outcomes(result, trial_ids):
    return [
        (trial["trial_id"], trial["status"], trial["metric"], trial["outputs"], trial["start"])
        for trial in result.trials
        if trial["trial_id"] in trial_ids
    ]


def expected(records):
    return [
        (
            record["trial_id"],
            record["status"],
            record["final_metric"],
            record["outputs"],
            record["start"],
        )
        for record in records
    ]


@pytest.mark.slow
def test_a_release_s_search_is_resumed(copy_of, spark, by_value):
    directory = copy_of("search")
    records = raw(directory)
    result = experiment.lagom(kept_records.train, kept_records.search(8, resume=directory))
    recorded_ids = [record["trial_id"] for record in records]
    assert outcomes(result, recorded_ids) == expected(records)
    # The damaged trial runs again, and two new ones.
    assert len(result.trials) == 8
    assert len(list(directory.glob("*.damaged-1"))) == 1
    run = {trial["trial_id"] for trial in result.trials} - set(recorded_ids)
    assert {path.name.partition(".")[0] for path in directory.glob("*.damaged-1")} < run
    record = json.loads((directory / "maggy.json").read_text())
    assert (record["state"], record["format"], len(record["runs"])) == (
        "FINISHED",
        RECORD_FORMAT,
        2,
    )


@pytest.mark.slow
def test_a_release_s_ablation_is_resumed_and_repeats_its_failed_trial_with_retry_failed(
    copy_of, spark, by_value, capsys
):
    directory = copy_of("ablation")
    records = raw(directory)
    result = experiment.lagom(kept_records.ablate, kept_records.ablation(resume=directory))
    assert outcomes(result, [record["trial_id"] for record in records]) == expected(records)
    assert (result["num_trials"], result["failed"]) == (3, 1)
    assert (
        "1 trial had failed and will not run again. "
        "To run failed trials again, resume with retry_failed=True." in (capsys.readouterr().out)
    )
    failed = next(trial["trial_id"] for trial in result.trials if trial["status"] == "ERROR")
    again = experiment.lagom(
        lambda dataset_function: 1.0, kept_records.ablation(resume=directory, retry_failed=True)
    )
    assert (again["num_trials"], again["failed"]) == (4, 0)
    assert [trial["trial_id"] for trial in again.trials if trial["metric"] == 1.0] == [failed]
    assert json.loads((Path(directory) / failed / "trial.json").read_text())["final_metric"] == 1.0
