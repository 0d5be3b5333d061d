"""The import paths that notebooks use, and what importing the package costs."""

import importlib
import subprocess
import sys

import pytest

PATHS = {
    "maggy": ["Searchspace", "Trial", "experiment", "tensorboard", "callbacks", "__version__"],
    "maggy.searchspace": ["Searchspace"],
    "maggy.trial": ["Trial"],
    "maggy.experiment": ["lagom"],
    "maggy.tensorboard": ["logdir"],
    "maggy.experiment_config": ["LagomConfig", "OptimizationConfig", "AblationConfig", "HyperparameterOptConfig"],
    "maggy.config": ["HyperparameterOptConfig", "AblationConfig", "LagomConfig", "BaseConfig", "OptimizationConfig"],
    "maggy.optimizer": ["AbstractOptimizer", "RandomSearch", "SingleRun", "GridSearch", "Asha"],
    "maggy.optimizer.bayes": ["TPE", "GP"],
    "maggy.pruner": ["Hyperband"],
    "maggy.earlystop": ["AbstractEarlyStop", "MedianStoppingRule", "NoStoppingRule"],
    "maggy.ablation": ["AblationStudy", "register_training_dataset"],
    "maggy.ablation.ablator": ["AbstractAblator", "LOCO"],
    "maggy.ablation.ablator.loco": ["LOCO"],
    "maggy.callbacks": ["KerasBatchEnd", "KerasEpochEnd"],
    "maggy.core.exceptions": [
        "EarlyStopException",
        "NotSupportedError",
        "ReturnTypeError",
        "MetricTypeError",
        "BadArgumentsError",
        "BroadcastMetricTypeError",
        "BroadcastStepTypeError",
        "BroadcastStepValueError",
    ],
    "maggy.core": ["rpc", "reporter", "experiment_driver"],
    "maggy.core.rpc": ["Server", "Client"],
    "maggy.core.reporter": ["Reporter"],
    "maggy.core.experiment_driver": [],
    "maggy.core.executors.trial_executor": [],
}


# Of the callbacks only the classes themselves need Keras, when one is made.
@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PATHS.items() for name in names or [""]]
)
def test_a_notebooks_import_works(module, name):
    namespace = {}
    exec(f"from {module} import {name}" if name else f"import {module}", namespace)


def test_the_names_of_the_releases_are_the_same_things():
    config, experiment_config = (importlib.import_module(f"maggy.{name}") for name in ("config", "experiment_config"))
    for name in config.__all__:
        assert getattr(config, name) is getattr(experiment_config, name)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["maggy", "maggy.experiment", "maggy.callbacks", "maggy.ablation", "maggy.config"])
def test_importing_loads_neither_spark_nor_tensorflow_nor_pandas(module):
    heavy = ("pyspark", "tensorflow", "keras", "pandas", "matplotlib", "tensorboard", "pyarrow", "optuna", "hops")
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {set(heavy)!r}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_importing_takes_little_more_than_numpy_does():
    code = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter(); import maggy; "
        "print(b - a, time.perf_counter() - b)"
    )

    def measure():
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        return tuple(map(float, out.split()))

    measured = [measure() for _ in range(5)]
    # As a ratio, so that a slow machine slows both; numpy takes about 0.1 s on the machine where the bound is 0.3 s.
    assert min(own for _, own in measured) < 2 * min(numpy for numpy, _ in measured) + 0.05
