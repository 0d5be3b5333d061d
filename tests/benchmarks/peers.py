"""Run the same trials through Maggy and other libraries, as the documentation of each describes it.

A trial sleeps for its length and returns it. Each peer gets the lengths in the same order.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import shutil
import tempfile
import time
import warnings
from dataclasses import dataclass

from report import quiet, quiet_session

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

_numbers = itertools.count(1)


def train(seconds):
    """Sleep, and return the length; return at once if it is shorter than any sleep."""
    if seconds >= 1e-3:
        import time

        time.sleep(seconds)
    return seconds


def _claimed(folder, count):
    """Claim the first position that no other trial has claimed, and return it.

    Trials cannot use their number: MLflow's storage gives the same number to trials that start at
    the same time.
    """
    for place in range(count):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(f"{folder}/{place}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return place
    raise AssertionError(f"At most {count} trials must start, but another one has started.")


class Peer:
    """Run trials of the lengths in a list on a number of workers.

    Attributes:
        name: Name in the tables.
        package: Package whose version the tables show.
        few: Number of trials that return at once, for measuring the overhead.
        repeats: Number of repeats.
    """

    name: str
    package: str
    few = 40
    repeats = 1

    def __init__(self, session, workers):
        self.session = session
        self.workers = workers

    def run(self, lengths):
        """Run one search with a trial for each length in seconds, and wait for its end."""
        raise NotImplementedError

    def close(self):
        """Stop what the peer has started."""


class Maggy(Peer):
    name = "Maggy"
    package = "maggy"
    few = 2000
    repeats = 5

    def run(self, lengths):
        space = Searchspace(seconds=("DOUBLE", [0.0, max(*lengths, 1e-9)]))
        trials = [{"seconds": seconds} for seconds in lengths] if any(lengths) else None
        config = OptimizationConfig(
            len(lengths),
            "randomsearch",
            space,
            es_policy="none",
            initial_trials=trials,
            num_workers=self.workers,
            seed=1,
        )
        result = experiment.lagom(train, config)
        assert result["num_trials"] == len(lengths)


class SparkRounds(Peer):
    """Run one Spark job per round; a round has as many trials as there are workers."""

    name = "a Spark job per round"
    package = "pyspark"
    few = 100
    repeats = 3

    def run(self, lengths):
        context = self.session.sparkContext
        for first in range(0, len(lengths), self.workers):
            batch = lengths[first : first + self.workers]
            context.parallelize(batch, len(batch)).map(train).collect()


class Hyperopt(Peer):
    name = "hyperopt SparkTrials"
    package = "hyperopt"

    def __init__(self, session, workers):
        super().__init__(session, workers)
        import hyperopt

        self._hyperopt = hyperopt

    def run(self, lengths):
        hyperopt = self._hyperopt
        remaining = iter(lengths)

        def in_order(new_ids, domain, trials, seed):
            suggested = hyperopt.rand.suggest(new_ids, domain, trials, seed)
            for trial in suggested:
                trial["misc"]["vals"]["seconds"] = [next(remaining)]
            return suggested

        hyperopt.fmin(
            train,
            space=hyperopt.hp.uniform("seconds", 0, 100),
            algo=in_order,
            max_evals=len(lengths),
            trials=hyperopt.SparkTrials(parallelism=self.workers, spark_session=self.session),
            show_progressbar=False,
            verbose=False,
        )


class OptunaJoblib(Peer):
    """Ask for all trials, send them to Spark through joblib, and tell the values.

    Optuna's own ``optimize`` uses threads only.
    """

    name = "Optuna on joblib-spark"
    package = "optuna"
    few = 100
    repeats = 3

    def __init__(self, session, workers):
        super().__init__(session, workers)
        import optuna
        from joblibspark import register_spark

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        register_spark()
        self._optuna = optuna

    def run(self, lengths):
        from joblib import Parallel, delayed, parallel_backend

        study = self._optuna.create_study(sampler=self._optuna.samplers.RandomSampler(seed=1))
        for seconds in lengths:
            study.enqueue_trial({"seconds": seconds})
        space = {"seconds": self._optuna.distributions.FloatDistribution(0, 100)}
        trials = [study.ask(space) for _ in lengths]
        with parallel_backend("spark", n_jobs=self.workers):
            values = Parallel(n_jobs=self.workers)(
                delayed(train)(**trial.params) for trial in trials
            )
        for trial, value in zip(trials, values, strict=True):
            study.tell(trial, value)


class MlflowStudy(Peer):
    name = "MLflow's MlflowSparkStudy"
    package = "mlflow"

    def __init__(self, session, workers):
        super().__init__(session, workers)
        import mlflow
        from mlflow.optuna.storage import MlflowStorage
        from mlflow.pyspark.optuna.study import MlflowSparkStudy

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self._folder = tempfile.mkdtemp()
        mlflow.set_tracking_uri(f"sqlite:///{self._folder}/mlflow.db")
        self._mlflow, self._storage, self._study = mlflow, MlflowStorage, MlflowSparkStudy

    def run(self, lengths):
        name = f"benchmark-{next(_numbers)}"
        experiment_id = self._mlflow.create_experiment(
            name, artifact_location=f"file:{self._folder}/{name}"
        )
        study = self._study(name, self._storage(experiment_id=experiment_id))
        lengths = list(lengths)
        claims = f"{self._folder}/{name}-claims"
        os.mkdir(claims)

        def objective(trial):
            trial.suggest_float("seconds", 0, 100)
            seconds = lengths[_claimed(claims, len(lengths))]
            if seconds:
                import time

                time.sleep(seconds)
            return seconds

        study.optimize(objective, n_trials=len(lengths), n_jobs=self.workers)
        assert len(os.listdir(claims)) == len(lengths)

    def close(self):
        shutil.rmtree(self._folder, ignore_errors=True)


class RayTune(Peer):
    """Run trials on processes of Ray, not on Spark."""

    name = "Ray Tune"
    package = "ray"

    def __init__(self, session, workers):
        super().__init__(session, workers)
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
        import ray
        from ray import tune

        self._ray, self._tune = ray, tune
        self._folder = tempfile.mkdtemp()
        try:
            ray.init(
                num_cpus=workers,
                include_dashboard=False,
                logging_level="ERROR",
                log_to_driver=False,
            )
        except BaseException:
            self.close()  # Ray may already have started some of its processes
            raise

    def run(self, lengths):
        tune = self._tune

        def trainable(config):
            if config["seconds"]:
                import time

                time.sleep(config["seconds"])
            return {"metric": config["seconds"]}

        tuner = tune.Tuner(
            trainable,
            param_space={"seconds": tune.grid_search(list(lengths))},
            tune_config=tune.TuneConfig(
                max_concurrent_trials=self.workers, metric="metric", mode="max"
            ),
            run_config=tune.RunConfig(storage_path=self._folder, verbose=0),
        )
        results = tuner.fit()
        assert len(results) == len(lengths)
        assert not results.errors

    def close(self):
        self._ray.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


PEERS = [Maggy, SparkRounds, OptunaJoblib, MlflowStudy, Hyperopt, RayTune]


@dataclass
class Missing:
    """A peer that could not be measured, and the reason."""

    name: str
    reason: str


def measure_all(workers, measure, only=None):
    """Call ``measure(peer)`` for each peer, which is ready to run in a warm session.

    Yields:
        The peer and the return value of ``measure``. For a peer that is not installed or fails, a
        :class:`Missing` and None.
    """
    warnings.filterwarnings("ignore")
    # The workers import this module to get ``train``.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
    )
    # Set before Spark starts, so that its workers inherit it.
    os.environ["MLFLOW_LOGGING_LEVEL"] = "ERROR"
    session = quiet_session(workers)
    folder = tempfile.mkdtemp()
    os.environ["MAGGY_LOG_DIR"] = folder
    try:
        for kind in PEERS:
            if only and kind.__name__ not in only:
                continue
            peer = None
            try:
                with quiet():
                    peer = kind(session, workers)
                    peer.run([0.0] * 2 * workers)
                    measurement = measure(peer)
            except Exception as error:  # report it, and measure the other peers
                reason = next(iter(str(error).splitlines()), "")[:120]
                yield Missing(kind.name, f"{type(error).__name__}: {reason}"), None
            else:
                yield peer, measurement
            finally:
                if peer is not None:
                    with contextlib.suppress(Exception), quiet():
                        peer.close()
    finally:
        session.stop()
        shutil.rmtree(folder, ignore_errors=True)


def timed(peer, lengths):
    """Return how many seconds the peer takes for these trials."""
    began = time.perf_counter()
    peer.run(lengths)
    return time.perf_counter() - began
