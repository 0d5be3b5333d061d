"""The checkpoints that a result opens: of a real driver, with threads as workers."""

import json
import shutil
from pathlib import Path

import pytest
from helpers.checkpoints import count_up
from helpers.loopback import Experiment, Given, one_after_another

import maggy
from maggy import Trial
from maggy.common.exceptions import BadArgumentsError, CheckpointError, NotSupportedError

pytestmark = pytest.mark.loopback


@pytest.fixture
def result(tmp_path):
    """Return the result of two trials with checkpoints, as `maggy.load` opens it."""

    def train(params, reporter, interrupted):
        return count_up(params, reporter, epochs=2)

    policy = Given(one_after_another([Trial({"x": x}) for x in (1, 2)]))
    experiment = Experiment(tmp_path, policy, train, workers=1)
    experiment.run()
    identity = {"kind": "optimization", "direction": "max", "optimization_key": "metric"}
    record = {"identity": identity, "state": "FINISHED"}
    Path(experiment.store.directory, "maggy.json").write_text(json.dumps(record))
    return maggy.load(experiment.store.directory)


def test_a_trial_is_named_by_its_id_its_number_or_its_row(result):
    for row in maggy.load(result.directory).trials:  # equal rows, which are other objects
        for name in (row, row["trial_id"], row["number"]):
            checkpoint = result.checkpoint(name)
            assert (checkpoint.step, checkpoint.metric) == (1, row["metric"])
            assert (checkpoint / "total").read_text() == str(row["metric"])
    assert result.best_checkpoint().metric == result["best_val"]
    del result.trials[0]["number"]
    for name in ("f" * 16, 7, None, {}):
        with pytest.raises(BadArgumentsError, match="by its id, its number, or as one of"):
            result.checkpoint(name)


def test_a_checkpoint_that_is_gone_or_damaged_says_so(result):
    first, second = (Path(result.directory, row["trial_id"]) for row in result.trials)
    next(first.rglob("total")).write_text("0")
    with pytest.raises(CheckpointError, match="is not the one that was saved"):
        result.checkpoint(first.name)
    shutil.rmtree(second / "checkpoints")
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        result.checkpoint(second.name)
    (second / "checkpoints.json").unlink()
    with pytest.raises(CheckpointError, match="keep_checkpoints"):
        result.checkpoint(second.name)


def test_a_url_whose_credentials_are_not_recorded_is_refused_with_the_remedy(result):
    result.record["checkpoint_root"] = "s3://***@bucket/x"
    with pytest.raises(NotSupportedError, match=r"credentials, which are not recorded.*Copy the"):
        result.best_checkpoint()
