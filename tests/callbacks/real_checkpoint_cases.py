"""What one library does with its checkpoints and the others do not: `tox -e frameworks`."""

import warnings

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from helpers.boosting_continuations import train_catboost, train_lightgbm, train_xgboost
from helpers.framework_trainings import X, Y, points
from helpers.runs import next_run, saved_steps
from helpers.torch_continuations import train_hugging_face, train_lightning

from maggy.callbacks import (
    CatBoostCheckpoint,
    CatBoostRound,
    LightGBMCheckpoint,
    XGBoostCheckpoint,
)
from maggy.common.exceptions import BadArgumentsError, EarlyStopException, NotSupportedError


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    # tests/ is on the path, so transformers takes the folder tests/datasets for a package.
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about the number of workers and of steps
        yield


@pytest.fixture
def run(tmp_path):
    return next_run(tmp_path / "run")


def fit_xgboost(reporter, rounds):
    save = XGBoostCheckpoint(reporter)
    left = save.rounds_left(rounds)
    model = xgboost.XGBClassifier(n_estimators=left, max_depth=2, n_jobs=1, callbacks=[save])
    return model.fit(X, Y, xgb_model=save.model).predict_proba(X)


def fit_lightgbm(reporter, rounds):
    save = LightGBMCheckpoint(reporter)
    left = save.rounds_left(rounds)
    model = lightgbm.LGBMClassifier(n_estimators=left, verbose=-1, n_jobs=1)
    return model.fit(X, Y, init_model=save.model, callbacks=[save]).predict_proba(X)


@pytest.mark.parametrize("fit", [fit_xgboost, fit_lightgbm])
@pytest.mark.parametrize("begin", [4, 12])
def test_an_estimator_continues_and_a_step_is_the_round_if_nothing_is_reported(
    fit, begin, tmp_path
):
    whole, first = next_run(tmp_path / "whole"), next_run(tmp_path / "first")
    expected = fit(whole, 12)
    fit(first, begin)
    assert (saved_steps(first)[-1], saved_steps(whole)) == (begin - 1, [9, 11])
    second = next_run(tmp_path / "second", first)
    np.testing.assert_array_equal(fit(second, 12), expected)


@pytest.mark.parametrize(
    "train", [train_xgboost, train_lightgbm, train_catboost, train_lightning, train_hugging_face]
)
def test_a_run_that_reads_the_saved_state_but_does_not_continue_it_is_an_error(train, tmp_path):
    first = next_run(tmp_path / "first")
    train(first, total=4, every=1)
    with pytest.raises(Exception, match="must begin where the checkpoint ends") as caught:
        train(next_run(tmp_path / "second", first), told=("nothing of it",))
    assert BadArgumentsError in {type(caught.value), type(caught.value.__context__)}


def test_the_rounds_of_a_model_that_was_there_before_do_not_count(tmp_path):
    data = xgboost.DMatrix(X, Y)
    base = xgboost.train({}, data, 3)

    def train(reporter, rounds):
        save = XGBoostCheckpoint(reporter)
        left = save.rounds_left(rounds)
        model = save.model or base
        return left, xgboost.train({}, data, left, xgb_model=model, callbacks=[save])

    first = next_run(tmp_path / "first")
    train(first, 4)
    left, booster = train(next_run(tmp_path / "second", first), 10)
    assert (left, booster.num_boosted_rounds()) == (6, 13)


@pytest.mark.parametrize("rounds", [0, -1, 1.5, "1", None], ids=str)
def test_the_number_of_rounds_is_a_whole_number_of_at_least_1(run, rounds):
    with pytest.raises(BadArgumentsError, match="rounds must be a whole number of at least 1"):
        XGBoostCheckpoint(run).rounds_left(rounds)


def test_the_folds_of_xgboosts_cross_validation_are_an_error(run):
    with pytest.raises(NotSupportedError, match=r"but got xgboost\.cv"):
        xgboost.cv({}, xgboost.DMatrix(X, Y), 2, nfold=2, callbacks=[XGBoostCheckpoint(run)])


def test_the_folds_of_lightgbms_cross_validation_are_an_error(run):
    with pytest.raises(NotSupportedError, match=r"but got lightgbm\.cv"):
        lightgbm.cv(
            {"objective": "binary", "verbose": -1},
            lightgbm.Dataset(X, Y),
            2,
            nfold=2,
            callbacks=[LightGBMCheckpoint(run)],
        )


def test_the_round_with_which_lightgbms_own_early_stopping_ends_is_saved(run):
    save = LightGBMCheckpoint(run, every=1)
    model = lightgbm.LGBMClassifier(n_estimators=save.rounds_left(50), verbose=-1, n_jobs=1)
    stop = lightgbm.early_stopping(1, verbose=False)
    model.fit(
        X,
        Y,
        eval_set=[(X[:40], 1 - Y[:40])],
        init_model=save.model,
        callbacks=[stop, save],
    )
    assert saved_steps(run) == [0, 1]


def test_lightgbm_scores_the_saved_model_when_nothing_is_left(tmp_path):
    def train(reporter):
        save = LightGBMCheckpoint(reporter)
        data = lightgbm.Dataset(X, Y)
        return lightgbm.train(
            {"objective": "binary", "verbose": -1, "num_threads": 1},
            data,
            save.rounds_left(5),
            valid_sets=[data.create_valid(X[:40], Y[:40])],
            init_model=save.model,
            callbacks=[save],
            keep_training_booster=True,
        )

    first = next_run(tmp_path / "first")
    whole = train(first)
    again = train(next_run(tmp_path / "again", first))
    assert again.current_iteration() == again.best_iteration == whole.current_iteration() == 5
    score = whole.best_score["valid_0"]["binary_logloss"]
    assert again.best_score["valid_0"]["binary_logloss"] == pytest.approx(score, rel=1e-12)


def test_a_pause_at_a_checkpoint_ends_a_training(run):
    run.pause()
    with pytest.raises(EarlyStopException):
        train_xgboost(run, every=3)
    assert (saved_steps(run), run.is_paused) == ([2], True)


def test_a_pause_at_a_checkpoint_ends_catboost_with_a_model(run):
    run.pause()
    train_catboost(run, every=3)
    # The snapshot of three iterations is there in the fourth one, which is not reported.
    assert (saved_steps(run), run.is_paused, len(points(run))) == ([2], True, 3)


def test_catboosts_checkpoint_must_come_before_the_report(run):
    save = CatBoostCheckpoint(run)
    model = catboost.CatBoostClassifier(iterations=3, train_dir=str(run._checkpoints.folder))
    callbacks = [CatBoostRound(run), save]
    with pytest.raises(catboost.CatBoostError, match="must come before the callback that reports"):
        model.fit(X, Y, callbacks=callbacks, verbose=False, **save.snapshot)


def test_catboost_saves_only_iterations_with_a_new_snapshot(run):
    save = CatBoostCheckpoint(run, every=1)
    model = catboost.CatBoostClassifier(iterations=20, train_dir=str(run._checkpoints.folder))
    arguments = {**save.snapshot, "snapshot_interval": 3600}
    model.fit(X, Y, callbacks=[save], verbose=False, **arguments)
    assert saved_steps(run) == []


def test_hugging_faces_checkpoint_needs_the_optimizer(run, monkeypatch):
    import transformers

    arguments = transformers.TrainingArguments

    def make(*positional, **named):
        return arguments(*positional, save_only_model=True, **named)

    monkeypatch.setattr(transformers, "TrainingArguments", make)
    with pytest.raises(BadArgumentsError, match="save_only_model must be False"):
        train_hugging_face(run)


@pytest.mark.parametrize("strategy", ["no", "epoch"])
def test_hugging_faces_own_checkpoints_stay_if_it_was_told_to_save(strategy, run, monkeypatch):
    import transformers

    arguments = transformers.TrainingArguments

    def make(*positional, **named):
        return arguments(*positional, **{**named, "save_strategy": strategy})

    monkeypatch.setattr(transformers, "TrainingArguments", make)
    train_hugging_face(run, total=4, every=2)
    assert saved_steps(run) == [4, 8]
    folder = run._checkpoints.folder.parent / "output"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ([] if strategy == "no" else [f"checkpoint-{step}" for step in (2, 4, 6, 8)])
