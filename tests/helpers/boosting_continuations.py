"""Trainings of the libraries for gradient boosting that save checkpoints and continue from them."""

import contextlib

from helpers.framework_trainings import X, Y
from helpers.runs import Interruption

__all__ = ["train_catboost", "train_lightgbm", "train_xgboost"]


def train_xgboost(reporter, total=8, *, die_after=None, told=("model", "rounds"), **options):
    """Train, and return the bytes of the model.

    Args:
        reporter: The reporter of the run.
        total: Number of rounds of the whole training.
        die_after: The round, from 1, after which the worker is lost.
        told: What the training is given of the saved state; "nothing of it" if the training
            function reads it only.
        **options: The options of the checkpoint.
    """
    import xgboost

    from maggy.callbacks import XGBoostCheckpoint, XGBoostRound

    class Die(xgboost.callback.TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            if model.num_boosted_rounds() == die_after:
                raise Interruption
            return False

    save = XGBoostCheckpoint(reporter, **options)
    if told == ("nothing of it",):
        assert save.model
        assert save.rounds_left(total)
    data = xgboost.DMatrix(X, Y)
    with contextlib.suppress(Interruption):
        booster = xgboost.train(
            {"max_depth": 2, "nthread": 1, "objective": "binary:logistic"},
            data,
            save.rounds_left(total) if "rounds" in told else total,
            evals=[(data, "mine")],
            callbacks=[XGBoostRound(reporter), save, Die()],
            verbose_eval=False,
            xgb_model=save.model if "model" in told else None,
        )
        return bytes(booster.save_raw("ubj"))


def train_lightgbm(reporter, total=8, *, die_after=None, told=("model", "rounds"), **options):
    """Train, and return the text of the trees. The arguments are those of XGBoost."""
    import lightgbm

    from maggy.callbacks import LightGBMCheckpoint, LightGBMRound

    def die(env):
        if env.iteration + 1 == die_after:
            raise Interruption

    die.order = 26
    save = LightGBMCheckpoint(reporter, **options)
    if told == ("nothing of it",):
        assert save.model
        assert save.rounds_left(total)
    data = lightgbm.Dataset(X, Y)
    with contextlib.suppress(Interruption):
        booster = lightgbm.train(
            {"objective": "binary", "num_leaves": 4, "verbose": -1, "num_threads": 1},
            data,
            save.rounds_left(total) if "rounds" in told else total,
            valid_sets=[data.create_valid(X[:40], Y[:40])],
            callbacks=[save, LightGBMRound(reporter), die],
            init_model=save.model if "model" in told else None,
        )
        # Behind the trees is the number of rounds of the last training.
        return booster.model_to_string().split("\nend of trees")[0]


def train_catboost(reporter, total=8, *, die_after=None, told=("snapshot",), **options):
    """Train with sampling, and return the predictions. The arguments are those of XGBoost."""
    import catboost

    from maggy.callbacks import CatBoostCheckpoint, CatBoostRound

    class Die:
        is_over = False

        def after_iteration(self, info):
            self.is_over = info.iteration == die_after
            if self.is_over:
                raise Interruption
            return True

    save, die = CatBoostCheckpoint(reporter, **options), Die()
    if told == ("nothing of it",):
        assert save.snapshot
    model = catboost.CatBoostClassifier(
        iterations=total,
        depth=2,
        learning_rate=0.1,
        subsample=0.7,
        bootstrap_type="Bernoulli",
        train_dir=others_of(reporter),
        thread_count=1,
    )
    arguments = save.snapshot if "snapshot" in told else {}
    try:
        model.fit(
            X,
            Y,
            eval_set=(X[:40], Y[:40]),
            callbacks=[save, CatBoostRound(reporter), die],
            use_best_model=False,
            verbose=False,
            **arguments,
        )
    except catboost.CatBoostError:
        if not die.is_over:
            raise
        return None
    return model.predict(X, prediction_type="RawFormulaVal").tobytes()


def others_of(reporter):
    """Return a folder for what a library writes beside the checkpoints."""
    return str(reporter._checkpoints.folder.parent / "others")
