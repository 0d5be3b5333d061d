"""The callbacks with checkpoints keep one contract, each with its real library.

`tox -e frameworks` runs these tests.
"""

import pickle
import warnings
from types import SimpleNamespace

import pytest
from helpers.boosting_continuations import train_catboost, train_lightgbm, train_xgboost
from helpers.framework_trainings import COPIES, points
from helpers.runs import next_run, saved_steps
from helpers.torch_continuations import train_hugging_face, train_lightning

from maggy import callbacks
from maggy.common.exceptions import BadArgumentsError, NotSupportedError

# The training, the unit of `every`, the last saved step of a training, and the steps of a unit.
LIBRARIES = {
    "XGBoostCheckpoint": (train_xgboost, "rounds", 7, 1),
    "LightGBMCheckpoint": (train_lightgbm, "rounds", 7, 1),
    # The last iteration has no checkpoint.
    "CatBoostCheckpoint": (train_catboost, "iterations", 6, 1),
    "LightningCheckpoint": (train_lightning, "epochs", 7, 1),
    "HuggingFaceCheckpoint": (train_hugging_face, "evaluations", 16, 2),
}


@pytest.fixture(params=LIBRARIES)
def name(request):
    return request.param


@pytest.fixture
def train(name):
    return LIBRARIES[name][0]


@pytest.fixture
def step_of(name):
    """Return the step that is reported after a number of units."""
    size = LIBRARIES[name][3]
    return lambda units: units * size if name == "HuggingFaceCheckpoint" else units - 1


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    # tests/ is on the path, so transformers takes the folder tests/datasets for a package.
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about the number of workers and of steps
        yield


@pytest.fixture
def whole(train, tmp_path):
    """Return the reporter and the state of a training that is not interrupted."""
    reporter = next_run(tmp_path / "whole")
    return reporter, train(reporter, every=1)


@pytest.mark.parametrize("every", [1, 3])
def test_an_interrupted_training_ends_with_the_same_bits_and_the_same_curve(
    train, step_of, whole, every, tmp_path
):
    first = next_run(tmp_path / "first")
    train(first, die_after=5, every=every)
    last = saved_steps(first)[-1]
    assert last in ([step_of(3)] if every == 3 else [step_of(4), step_of(5)])
    second = next_run(tmp_path / "second", first)
    assert train(second, every=every) == whole[1]
    kept = [point for point in points(first) if point[0] <= last]
    assert kept + points(second) == points(whole[0])
    assert len(kept) < len(points(whole[0]))


def test_a_longer_training_continues_a_shorter_one(train, whole, tmp_path):
    parent = next_run(tmp_path / "parent")
    train(parent, total=4, every=1)
    child = next_run(tmp_path / "child", parent)
    assert train(child, every=1) == whole[1]
    # Only CatBoost has no checkpoint of the last iteration, and repeats it.
    assert len(points(child)) == (5 if train is train_catboost else 4)


def test_what_was_saved_every_third_time_and_at_the_end(name, train, step_of, tmp_path):
    reporter = next_run(tmp_path / "run")
    train(reporter, every=3)
    ends = [] if name == "CatBoostCheckpoint" else [step_of(8)]
    assert saved_steps(reporter) == [step_of(3), step_of(6), *ends]


def test_every_unit_is_saved_once_the_executor_will_be_taken_away(name, train, step_of, tmp_path):
    reporter = next_run(tmp_path / "run")
    reporter.ask_for_checkpoint()
    train(reporter, every=100)
    steps = saved_steps(reporter)
    if name == "HuggingFaceCheckpoint":
        assert steps.pop(0) == 1  # after the first update, before any evaluation
    last = 7 if name == "CatBoostCheckpoint" else 8
    assert steps == [step_of(units) for units in range(1, last + 1)]


def test_when_nothing_is_left_nothing_is_trained_or_reported(name, train, whole, tmp_path):
    again = next_run(tmp_path / "again", whole[0])
    assert train(again, every=1) == whole[1]
    # CatBoost repeats the last iteration.
    assert len(points(again)) == (1 if name == "CatBoostCheckpoint" else 0)
    assert saved_steps(again) == []


def test_a_second_training_is_an_error(train, tmp_path):
    reporter = next_run(tmp_path / "run")
    train(reporter, total=2)
    with pytest.raises(Exception, match="this is the second one") as caught:
        train(reporter, total=3)
    assert NotSupportedError in {type(caught.value), type(caught.value.__context__)}


def test_a_training_that_is_not_given_the_saved_state_is_an_error_at_once(train, tmp_path):
    with pytest.raises(Exception, match=r"If the callback is `save`, pass .*save\.") as caught:
        train(next_run(tmp_path / "run"), told=())
    assert BadArgumentsError in {type(caught.value), type(caught.value.__context__)}


@pytest.mark.parametrize("train", [train_xgboost, train_lightgbm])
@pytest.mark.parametrize("told", ["model", "rounds"])
def test_a_model_alone_or_the_rounds_alone_are_not_enough(train, told, tmp_path):
    with pytest.raises(BadArgumentsError, match="must be given the saved state"):
        train(next_run(tmp_path / "run"), told=(told,))


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_saves_for_the_same_trial(name, again, tmp_path):
    save = getattr(callbacks, name)(next_run(tmp_path / "run"), every=7)
    twin = again(save)
    assert type(twin) is type(save)
    assert (twin._every, twin._reporter) == (7, save._reporter)
    assert pickle.dumps(twin)


@pytest.mark.parametrize("every", [0, -1, 1.5, "1", None, True], ids=str)
def test_every_must_be_a_number_of_units(name, every):
    with pytest.raises(
        BadArgumentsError, match=f"every must be a whole number of {LIBRARIES[name][1]}, at least 1"
    ):
        getattr(callbacks, name)(SimpleNamespace(), every=every)
