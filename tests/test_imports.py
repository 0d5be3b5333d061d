"""Import paths of notebooks work, the package offers its names, and its import is fast."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import maggy

ROOT = Path(maggy.__file__).parents[1]
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"
HEAVY = (
    "pyspark",
    "tensorflow",
    "keras",
    "pandas",
    "matplotlib",
    "mlflow",
    "tensorboard",
    "pyarrow",
    "optuna",
    "plotly",
    "hops",
    "sklearn",
    "xgboost",
    "lightgbm",
    "catboost",
    "lightning",
    "pytorch_lightning",
    "torch",
    "transformers",
)
# The names that completion on ``maggy.`` offers. A new name must be in this list, too.
CONFIGS = ["AblationConfig", "HyperparameterOptConfig", "LagomConfig", "OptimizationConfig"]
OPTIMIZERS = [
    "AbstractOptimizer", "Asha", "CmaEs", "GP", "GridSearch", "Hyperband", "NSGAII",
    "OptunaSearch", "PBT", "QMC", "RandomSearch", "SingleRun", "TPE",
]  # fmt: skip
STOP_RULES = [
    "AbstractEarlyStop", "AbstractExperimentStop", "Decision", "MedianStoppingRule",
    "NoStoppingRule", "OptunaPruner", "Patience", "PercentileStoppingRule", "SuccessiveHalvingRule",
    "Threshold",
]  # fmt: skip
EXCEPTIONS = [
    "AblationError", "BadArgumentsError", "BroadcastMetricTypeError",
    "BroadcastStepTypeError", "BroadcastStepValueError", "CheckpointError", "EarlyStopException",
    "ExperimentError", "ExperimentNotFoundError", "MaggyError", "MetricKeyError", "MetricTypeError",
    "MetricValueError", "MissingDependencyError", "NotSupportedError", "OwnershipError",
    "RecordsError", "ResumeError", "ReturnTypeError", "SearchspaceBoundsError",
    "SignatureError",
]  # fmt: skip
PUBLIC = [
    "AblationStudy", "Checkpoint", "ExperimentResult", "Searchspace", "Trial", "__version__",
    "callbacks", "Listener", "compare", "experiment", "lagom", "load", "tensorboard", "watch",
    *CONFIGS, *OPTIMIZERS, *STOP_RULES, *EXCEPTIONS,
]  # fmt: skip
SUBMODULES = [
    "ablation", "callbacks", "config", "data", "earlystop", "experiment", "experiment_config",
    "optimizer", "result", "searchspace", "sklearn", "tensorboard", "tracking", "trial",
]  # fmt: skip

PATHS = {
    "maggy": PUBLIC,
    "maggy.searchspace": ["Searchspace"],
    "maggy.trial": ["Trial"],
    "maggy.experiment": ["lagom"],
    "maggy.tensorboard": ["logdir"],
    "maggy.experiment_config": [
        "LagomConfig",
        "OptimizationConfig",
        "AblationConfig",
        "HyperparameterOptConfig",
        "BaseConfig",
        "CommonConfig",
    ],
    "maggy.config": [
        "HyperparameterOptConfig",
        "AblationConfig",
        "LagomConfig",
        "BaseConfig",
        "OptimizationConfig",
    ],
    "maggy.optimizer": [
        "AbstractOptimizer",
        "RandomSearch",
        "SingleRun",
        "GridSearch",
        "Asha",
        "Hyperband",
        "CmaEs",
        "QMC",
        "NSGAII",
        "OptunaSearch",
        "PBT",
    ],
    "maggy.optimizer.bayes": ["TPE", "GP"],
    "maggy.pruner": ["Hyperband"],
    "maggy.earlystop": [
        "AbstractEarlyStop",
        "MedianStoppingRule",
        "NoStoppingRule",
        "PercentileStoppingRule",
        "SuccessiveHalvingRule",
        "OptunaPruner",
        "AbstractExperimentStop",
        "Patience",
        "Threshold",
        "Decision",
    ],
    "maggy.ablation": ["AblationStudy", "register_training_dataset"],
    "maggy.ablation.ablator": [
        "AbstractAblator",
        "LOCO",
        "Backward",
        "LeaveOneIn",
        "Pairs",
        "Shapley",
    ],
    "maggy.ablation.ablator.loco": ["LOCO"],
    "maggy.callbacks": [
        "CatBoostCheckpoint",
        "CatBoostRound",
        "HuggingFaceCheckpoint",
        "HuggingFaceEvaluate",
        "KerasBatchEnd",
        "KerasCheckpoint",
        "KerasEpochEnd",
        "LightGBMCheckpoint",
        "LightGBMRound",
        "LightningCheckpoint",
        "LightningEpochEnd",
        "XGBoostCheckpoint",
        "XGBoostRound",
    ],
    "maggy.checkpoints": ["Checkpoint"],
    "maggy.data": ["SharedData", "share"],
    "maggy.result": ["ExperimentResult"],
    "maggy.comparing": ["compare"],
    "maggy.loading": ["load"],
    "maggy.watching": ["watch"],
    "maggy.sklearn": ["SearchResult", "WorstFoldRule", "search"],
    "maggy.tracking": ["ExperimentInfo", "Listener", "MLflow", "export"],
    "maggy.core.exceptions": EXCEPTIONS,
    "maggy.common.exceptions": EXCEPTIONS,
    "maggy.testing": [
        "OptimizerContract",
        "EarlyStopContract",
        "ExperimentStopContract",
        "AblatorContract",
        "EnvironmentContract",
        "SimulatedDriver",
        "Stopped",
        "LOST",
        "trial_with",
        "final_with",
        "run_on_threads",
        "WorkerDied",
    ],
    "maggy.core": ["rpc", "reporter", "experiment_driver"],
    "maggy.core.rpc": ["Server", "Client"],
    "maggy.core.reporter": ["Reporter"],
    "maggy.core.environment": ["find_environment"],
    "maggy.core.experiment_driver": [],
    "maggy.core.executors.trial_executor": [],
    # These are paths of release 1.1.
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


# Keras is necessary for the creation of a callback, but not for the import.
@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in PATHS.items() for name in names or [""]],
)
def test_a_notebooks_import_works(module, name):
    namespace = {}
    exec(f"from {module} import {name}" if name else f"import {module}", namespace)


def objects_with_a_page():
    """Return the public objects in the page on the API; Sphinx makes a page for each of them."""
    sections = re.findall(
        r"currentmodule:: ([\w.]+)\n\.\. autosummary::\n   :toctree: generated\n\n((?:   \w+\n)+)",
        PAGE.read_text(encoding="utf-8"),
    )
    return {(module, name) for module, names in sections for name in names.split()}


def other_paths():
    """Return the paths in the page's table of short paths and of paths of earlier releases."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        (module, name) for module, names in rows for name in re.findall(r"`(\w+)`", names) or [""]
    }


def test_the_page_on_the_public_api_lists_these_names_and_no_others():
    paths = {(module, name) for module, names in PATHS.items() for name in names or [""]}
    pages = {name for _, name in objects_with_a_page()}
    # One sentence of the page says that the package offers these, too.
    paths -= {("maggy", name) for name in pages}
    assert objects_with_a_page() & other_paths() == set()
    assert objects_with_a_page() | other_paths() == paths


def test_every_object_with_a_page_is_offered_by_its_module():
    missing = [
        (module, name)
        for module, name in sorted(objects_with_a_page())
        if name not in importlib.import_module(module).__all__
    ]
    assert missing == []


def test_the_names_of_the_releases_are_the_same_things():
    config, experiment_config = (
        importlib.import_module(f"maggy.{name}") for name in ("config", "experiment_config")
    )
    for name in config.__all__:
        assert getattr(config, name) is getattr(experiment_config, name)


@pytest.mark.parametrize("statement", DISTRIBUTED)
def test_the_import_error_for_distributed_training_of_one_model_names_the_alternatives(statement):
    with pytest.raises(ImportError) as caught:
        exec(statement, {})
    text = str(caught.value)
    assert "Maggy trains one model on one worker" in text
    assert "TorchDistributor" in text
    assert "MirroredStrategyRunner" in text
    assert len(text) < 500


def test_another_missing_name_is_an_import_error_as_in_any_module():
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
def test_the_experiment_of_release_1_1_can_be_the_first_import(first):
    code = (
        f"{first}; from maggy import experiment as outer; import sys\n"
        "print(outer is sys.modules['maggy.experiment'])"
    )
    assert in_a_new_process(code) == ["True"]


def test_the_aliases_of_release_1_work_as_before():
    import numpy as np

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


def in_a_new_process(code, *options, path=ROOT, **variables):
    """Run code in a new interpreter and return the words that it prints."""
    env = {**os.environ, "PYTHONPATH": str(path), **variables}
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=env, timeout=600
    ).stdout.split()


def test_the_package_offers_exactly_its_public_names():
    assert sorted(maggy.__all__) == sorted(PUBLIC)
    assert len(set(PUBLIC)) == len(PUBLIC)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("maggy.earlystop", STOP_RULES),
        ("maggy.optimizer", [name for name in OPTIMIZERS if name not in ("GP", "TPE")]),
        ("maggy.optimizer.bayes", ["GP", "TPE"]),
        ("maggy.common.exceptions", EXCEPTIONS),
        ("maggy.ablation", ["AblationStudy"]),
        ("maggy.result", ["ExperimentResult"]),
        ("maggy.searchspace", ["Searchspace"]),
        ("maggy.trial", ["Trial"]),
    ],
)
def test_every_class_that_a_public_package_exports_is_a_public_name(module, names):
    home = importlib.import_module(module)
    classes = [name for name in home.__all__ if inspect.isclass(getattr(home, name))]
    assert sorted(classes) == sorted(names)
    for name in names:
        assert getattr(maggy, name) is getattr(home, name)


def test_a_config_is_the_one_of_its_package():
    for name in CONFIGS:
        assert getattr(maggy, name) is getattr(importlib.import_module("maggy.config"), name)


def test_type_checkers_see_the_names_that_are_loaded_at_their_first_use():
    tree = ast.parse(Path(maggy.__file__).read_text(encoding="utf-8"))
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imports = [(node.module, alias.name) for node in block.body for alias in node.names]
    assert sorted(name for _, name in imports) == sorted({*PUBLIC, *SUBMODULES} - {"__version__"})
    for module, name in imports:
        target = importlib.import_module(f"maggy.{name}") if module == "maggy" else None
        assert getattr(maggy, name) is (target or getattr(importlib.import_module(module), name))


def test_completion_shows_the_public_names_and_no_helpers():
    names = [name for name in dir(maggy) if not name.startswith("__")]
    assert names == sorted({*PUBLIC, *SUBMODULES} - {"__version__"})
    assert {"__all__", "__doc__", "__file__", "__version__"} <= set(dir(maggy))


def test_a_name_that_does_not_exist_is_an_attribute_error_that_lets_python_suggest_another():
    with pytest.raises(
        AttributeError, match="module 'maggy' has no attribute 'Serchspace'"
    ) as caught:
        _ = maggy.Serchspace
    assert (caught.value.name, caught.value.obj) == ("Serchspace", maggy)
    assert not hasattr(maggy, "core_")
    with pytest.raises(ImportError, match="cannot import name 'Serchspace'"):
        exec("from maggy import Serchspace", {})


@pytest.mark.parametrize("name", SUBMODULES)
def test_a_submodule_is_a_module_however_it_is_named(name):
    namespace = {}
    exec(f"from maggy import {name}", namespace)
    assert namespace[name] is getattr(maggy, name) is sys.modules[f"maggy.{name}"]


@pytest.mark.slow
def test_a_submodule_can_be_used_after_importing_the_package_alone():
    code = (
        "import maggy\n"
        "print(maggy.experiment.lagom is maggy.lagom, maggy.tensorboard.__name__,"
        " maggy.optimizer.Asha is maggy.Asha)"
    )
    assert in_a_new_process(code) == ["True", "maggy.tensorboard", "True"]


@pytest.mark.slow
def test_importing_the_package_loads_nothing_of_it():
    code = "import sys, maggy; print(*[name for name in sys.modules if name.startswith('maggy')])"
    light = {
        "maggy",
        "maggy.version",
        "maggy.common",
        "maggy.common.hops_import",
        "maggy.common.import_hooks",
    }
    assert set(in_a_new_process(code)) <= light


@pytest.mark.slow
def test_using_every_public_name_loads_neither_spark_nor_tensorflow_nor_pandas():
    code = (
        "import sys, maggy; [getattr(maggy, name) for name in maggy.__all__]\n"
        f"print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    )
    assert in_a_new_process(code) == []


META_PATH = (
    "import sys; before = list(sys.meta_path); import maggy\n"
    "print(*[type(finder).__name__ for finder in sys.meta_path if finder not in before])"
)


def test_without_hops_importing_the_package_leaves_the_import_system_alone(tmp_path):
    # Without site-packages (-S) there is no hops. The package may be installed there itself.
    (tmp_path / "maggy").symlink_to(ROOT / "maggy")
    assert in_a_new_process(META_PATH, "-S", path=tmp_path) == []


def test_with_hops_importing_the_package_adds_one_finder(tmp_path):
    (tmp_path / "hops").mkdir()
    (tmp_path / "hops" / "__init__.py").write_text("")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    assert in_a_new_process(META_PATH, "-S", path=path) == ["HopsUtilFinder"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "maggy",
        "maggy.experiment",
        "maggy.callbacks",
        "maggy.ablation",
        "maggy.config",
        "maggy.sklearn",
    ],
)
def test_importing_loads_neither_spark_nor_tensorflow_nor_pandas(module):
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    assert in_a_new_process(code) == []


@pytest.mark.slow
@pytest.mark.parametrize("module", ["maggy", "maggy.callbacks"])
def test_importing_takes_little_more_than_numpy_does(module):
    code = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter()\n"
        f"import {module}; print(b - a, time.perf_counter() - b)"
    )

    def measure():
        return tuple(map(float, in_a_new_process(code)))

    times = [measure() for _ in range(5)]
    # A ratio, because a slow machine slows both. numpy takes about 0.1 s, the limit is 0.3 s.
    assert min(own for _, own in times) < min(numpy for numpy, _ in times) + 0.05
