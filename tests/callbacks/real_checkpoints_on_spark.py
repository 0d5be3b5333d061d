"""Trials of XGBoost and others go on from their checkpoints on Spark: `tox -e frameworks`."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import Asha

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

OPTIONS = {"hb_interval": 0.1, "direction": "min", "name": "boosting"}


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_of_xgboost_goes_on_after_its_process_was_killed(isolation):
    def train(max_depth, reporter):
        import numpy as np
        import xgboost

        from maggy.callbacks import XGBoostCheckpoint, XGBoostRound

        class Die(xgboost.callback.TrainingCallback):
            """Kill the process of the first run once a checkpoint of it is on record."""

            def after_iteration(self, model, epoch, evals_log):
                record = Path(os.environ["MAGGY_TRIAL_LOGDIR"], "checkpoints.json")
                deadline = time.monotonic() + 60
                while epoch == 7 and max_depth == 2 and save.model is None:
                    assert time.monotonic() < deadline
                    if record.exists():
                        os.kill(os.getpid(), signal.SIGKILL)
                    threading.Event().wait(0.01)
                return False

        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(80, 3)), rng.integers(0, 2, 80)
        save = XGBoostCheckpoint(reporter, every=5)
        left = save.rounds_left(12)
        model = xgboost.XGBClassifier(
            n_estimators=left,
            max_depth=max_depth,
            n_jobs=1,
            callbacks=[XGBoostRound(reporter), save, Die()],
        )
        model.fit(x, y, eval_set=[(x, y)], verbose=False, xgb_model=save.model)
        loss = float(-np.log(model.predict_proba(x)[range(80), y]).mean())
        return {"metric": loss, "left": left}

    space = Searchspace(max_depth=("DISCRETE", [1, 2]))
    config = OptimizationConfig(2, "gridsearch", space, isolation=isolation, **OPTIONS)
    result = experiment.lagom(train, config)
    rows = {row["params"]["max_depth"]: row for row in result.trials}
    assert (rows[2]["attempts"], rows[2]["outputs"]["left"], rows[1]["outputs"]["left"]) == (
        2,
        7,
        12,
    )
    # The points of the first run up to the checkpoint, and those of the second one: one curve.
    assert rows[2]["steps"] == rows[1]["steps"] == list(range(12))
    assert rows[2]["history"] == sorted(rows[2]["history"], reverse=True)
    assert rows[2]["metric"] == pytest.approx(rows[2]["history"][-1], rel=1e-5)

    import xgboost

    best = xgboost.Booster(model_file=result.best_checkpoint() / "model.ubj")
    assert (result.best_checkpoint().step, best.num_boosted_rounds()) == (11, 12)


def test_a_promoted_trial_of_lightgbm_trains_only_the_missing_rounds():
    def train(num_leaves, budget, reporter):
        import lightgbm
        import numpy as np

        from maggy.callbacks import LightGBMCheckpoint, LightGBMRound

        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
        save = LightGBMCheckpoint(reporter)
        left = save.rounds_left(budget)
        data = lightgbm.Dataset(x, y)
        booster = lightgbm.train(
            {"objective": "binary", "num_leaves": num_leaves, "num_threads": 1, "verbose": -1},
            data,
            left,
            valid_sets=[data.create_valid(x, y)],
            callbacks=[LightGBMRound(reporter), save],
            init_model=save.model,
        )
        prediction = booster.predict(x)
        loss = float(-np.log(np.where(y == 1, prediction, 1 - prediction)).mean())
        return {"metric": loss, "left": left}

    space = Searchspace(num_leaves=("INTEGER", [2, 32]))
    options = {**OPTIONS, "seed": 1, "es_policy": "none"}
    result = experiment.lagom(train, OptimizationConfig(8, Asha(2, 2, 8), space, **options))
    promotions = [row for row in result.trials if "parent" in row]
    assert promotions
    for row in promotions:
        budget = row["params"]["budget"]
        assert row["outputs"]["left"] == budget // 2
        assert row["steps"] == list(range(budget))
        assert row["metric"] == pytest.approx(row["history"][-1], rel=1e-5)
