"""The import paths that notebooks use, and what importing the package costs."""

import importlib
import json
import subprocess
import sys

import pytest

PATHS = {
    "maggy": ["Searchspace", "Trial", "experiment", "tensorboard", "callbacks", "__version__"],
    "maggy.searchspace": ["Searchspace"],
    "maggy.trial": ["Trial"],
    "maggy.experiment": ["lagom"],
    "maggy.tensorboard": ["logdir"],
    "maggy.experiment_config": [
        "LagomConfig",
        "OptimizationConfig",
        "AblationConfig",
        "HyperparameterOptConfig",
    ],
    "maggy.config": [
        "HyperparameterOptConfig",
        "AblationConfig",
        "LagomConfig",
        "BaseConfig",
        "OptimizationConfig",
    ],
    "maggy.optimizer": ["AbstractOptimizer", "RandomSearch", "SingleRun", "GridSearch", "Asha"],
    "maggy.optimizer.bayes": ["TPE", "GP"],
    "maggy.pruner": ["Hyperband"],
    "maggy.earlystop": ["AbstractEarlyStop", "MedianStoppingRule", "NoStoppingRule"],
    "maggy.ablation": ["AblationStudy", "register_training_dataset"],
    "maggy.ablation.ablator": ["AbstractAblator", "LOCO"],
    "maggy.ablation.ablator.loco": ["LOCO"],
    "maggy.callbacks": ["KerasBatchEnd", "KerasEpochEnd"],
    "maggy.common.exceptions": [
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
    # Of release 1.1.
    "maggy.experiment.experiment": ["lagom"],
    "maggy.config.lagom": ["LagomConfig"],
    "maggy.config.base_config": ["BaseConfig"],
    "maggy.config.ablation": ["AblationConfig"],
    "maggy.config.hyperparameter_optimization": ["HyperparameterOptConfig"],
    "maggy.experiment_config.hyperparameter_optimization": ["HyperparameterOptConfig"],
    "maggy.util": ["json_default_numpy", "num_executors", "find_spark"],
    "maggy.constants": ["USER_FCT"],
    "maggy.version": ["__version__"],
    "maggy.core.environment.singleton": ["EnvSing"],
}
DISTRIBUTED = [
    "from maggy.config import TfDistributedConfig",
    "from maggy.config import TorchDistributedConfig",
    "from maggy.config.tf_distributed import TfDistributedConfig",
    "from maggy.config.torch_distributed import TorchDistributedConfig",
    "from maggy.experiment_config import DistributedConfig",
    "from maggy.experiment_config import TfDistributedConfig, OptimizationConfig",
    "from maggy.experiment_config.torch_distributed import TorchDistributedConfig",
    "from maggy.core.patching import MaggyDataLoader",
    "import maggy.core.patching.dataloader",
    "from maggy.core.patching.dataloader import MaggyDataLoader",
    "from maggy.distributed.patching import MaggyDataLoader",
    "import maggy.config; maggy.config.TorchDistributedConfig(module=None)",
]


# Of the callbacks only the classes themselves need Keras, when one is made.
@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in PATHS.items() for name in names or [""]],
)
def test_a_notebooks_import_works(module, name):
    namespace = {}
    exec(f"from {module} import {name}" if name else f"import {module}", namespace)


def test_the_names_of_the_releases_are_the_same_things():
    config, experiment_config = (
        importlib.import_module(f"maggy.{name}") for name in ("config", "experiment_config")
    )
    for name in config.__all__:
        assert getattr(config, name) is getattr(experiment_config, name)


@pytest.mark.parametrize("statement", DISTRIBUTED)
def test_distributed_training_of_one_model_is_an_import_error_that_says_what_to_use(statement):
    with pytest.raises(ImportError) as caught:
        exec(statement, {})
    text = str(caught.value)
    assert "Maggy trains one model on one worker" in text
    assert "TorchDistributor" in text
    assert "MirroredStrategyRunner" in text
    assert len(text) < 500


def test_another_name_that_is_not_there_is_missing_as_in_any_module():
    for statement in (
        "from maggy.config import Config",
        "from maggy.experiment_config import Optimisation",
    ):
        with pytest.raises(ImportError, match="cannot import name"):
            exec(statement, {})
    assert not hasattr(importlib.import_module("maggy.config"), "Config")
    assert not hasattr(importlib.import_module("maggy.distributed"), "__wrapped__")


def test_the_experiment_of_release_1_1_is_the_one_that_runs():
    from maggy import experiment
    from maggy.experiment import experiment as inner

    assert inner.lagom is experiment.lagom
    assert importlib.import_module("maggy.experiment.experiment") is experiment


@pytest.mark.parametrize(
    "first", ["import maggy.experiment.experiment", "from maggy.experiment import experiment"]
)
def test_the_experiment_of_release_1_1_can_be_what_is_imported_first(first):
    code = f"{first}; from maggy import experiment as outer; import sys; print(outer is sys.modules['maggy.experiment'])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "True\n"
    )


def test_the_aliases_of_release_1_are_what_they_were():
    import numpy as np

    import maggy
    from maggy.constants import USER_FCT
    from maggy.core.environment import find_environment
    from maggy.core.environment.singleton import EnvSing
    from maggy.util import json_default_numpy
    from maggy.version import __version__

    assert __version__ == maggy.__version__
    assert type(EnvSing.get_instance()) is type(find_environment())
    assert (
        json.dumps({"a": np.float32(0.5), "b": np.arange(2)}, default=json_default_numpy)
        == '{"a": 0.5, "b": [0, 1]}'
    )
    assert isinstance(np.float32(1), USER_FCT.NUMERIC_TYPES)
    assert isinstance({}, USER_FCT.RETURN_TYPES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["maggy", "maggy.experiment", "maggy.callbacks", "maggy.ablation", "maggy.config"]
)
def test_importing_loads_neither_spark_nor_tensorflow_nor_pandas(module):
    heavy = (
        "pyspark",
        "tensorflow",
        "keras",
        "pandas",
        "matplotlib",
        "tensorboard",
        "pyarrow",
        "optuna",
        "hops",
    )
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {set(heavy)!r}))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


@pytest.mark.slow
def test_importing_takes_little_more_than_numpy_does():
    code = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter(); import maggy; "
        "print(b - a, time.perf_counter() - b)"
    )

    def measure():
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        return tuple(map(float, out.split()))

    measured = [measure() for _ in range(5)]
    # As a ratio, so that a slow machine slows both; numpy takes about 0.1 s on the machine where the bound is 0.3 s.
    assert min(own for _, own in measured) < 2 * min(numpy for numpy, _ in measured) + 0.05
