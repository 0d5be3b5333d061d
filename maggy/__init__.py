"""Asynchronous hyperparameter search and ablation studies on Apache Spark.

The names that most programs need are attributes of this package, and are loaded at their first
use. So importing the package is quick, and loads neither Spark nor TensorFlow. The page "Public
API" of the documentation lists all public names; everything else may change, and so may
everything in :mod:`maggy.core`.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from maggy.version import __version__

if TYPE_CHECKING:
    from maggy import ablation as ablation
    from maggy import callbacks as callbacks
    from maggy import config as config
    from maggy import data as data
    from maggy import earlystop as earlystop
    from maggy import experiment as experiment
    from maggy import experiment_config as experiment_config
    from maggy import optimizer as optimizer
    from maggy import result as result
    from maggy import searchspace as searchspace
    from maggy import sklearn as sklearn
    from maggy import tensorboard as tensorboard
    from maggy import tracking as tracking
    from maggy import trial as trial
    from maggy.ablation import AblationStudy
    from maggy.checkpoints import Checkpoint
    from maggy.common.exceptions import (
        AblationError,
        BadArgumentsError,
        BroadcastMetricTypeError,
        BroadcastStepTypeError,
        BroadcastStepValueError,
        CheckpointError,
        EarlyStopException,
        ExperimentError,
        ExperimentNotFoundError,
        MaggyError,
        MetricKeyError,
        MetricTypeError,
        MetricValueError,
        MissingDependencyError,
        NotSupportedError,
        OwnershipError,
        RecordsError,
        ResumeError,
        ReturnTypeError,
        SearchspaceBoundsError,
        SignatureError,
    )
    from maggy.comparing import compare
    from maggy.earlystop import (
        AbstractEarlyStop,
        AbstractExperimentStop,
        Decision,
        MedianStoppingRule,
        NoStoppingRule,
        OptunaPruner,
        Patience,
        PercentileStoppingRule,
        SuccessiveHalvingRule,
        Threshold,
    )
    from maggy.experiment import lagom
    from maggy.experiment_config import (
        AblationConfig,
        HyperparameterOptConfig,
        LagomConfig,
        OptimizationConfig,
    )
    from maggy.loading import load
    from maggy.optimizer import (
        NSGAII,
        PBT,
        QMC,
        AbstractOptimizer,
        Asha,
        CmaEs,
        GridSearch,
        Hyperband,
        OptunaSearch,
        RandomSearch,
        SingleRun,
    )
    from maggy.optimizer.bayes import GP, TPE
    from maggy.result import ExperimentResult
    from maggy.searchspace import Searchspace
    from maggy.tracking import Listener
    from maggy.trial import Trial
    from maggy.watching import watch

__all__ = [
    "GP",
    "NSGAII",
    "PBT",
    "QMC",
    "TPE",
    "AblationConfig",
    "AblationError",
    "AblationStudy",
    "AbstractEarlyStop",
    "AbstractExperimentStop",
    "AbstractOptimizer",
    "Asha",
    "BadArgumentsError",
    "BroadcastMetricTypeError",
    "BroadcastStepTypeError",
    "BroadcastStepValueError",
    "Checkpoint",
    "CheckpointError",
    "CmaEs",
    "Decision",
    "EarlyStopException",
    "ExperimentError",
    "ExperimentNotFoundError",
    "ExperimentResult",
    "GridSearch",
    "Hyperband",
    "HyperparameterOptConfig",
    "LagomConfig",
    "Listener",
    "MaggyError",
    "MedianStoppingRule",
    "MetricKeyError",
    "MetricTypeError",
    "MetricValueError",
    "MissingDependencyError",
    "NoStoppingRule",
    "NotSupportedError",
    "OptimizationConfig",
    "OptunaPruner",
    "OptunaSearch",
    "OwnershipError",
    "Patience",
    "PercentileStoppingRule",
    "RandomSearch",
    "RecordsError",
    "ResumeError",
    "ReturnTypeError",
    "Searchspace",
    "SearchspaceBoundsError",
    "SignatureError",
    "SingleRun",
    "SuccessiveHalvingRule",
    "Threshold",
    "Trial",
    "__version__",
    "callbacks",
    "compare",
    "experiment",
    "lagom",
    "load",
    "tensorboard",
    "watch",
]

# Three lists name the same things: the imports above are for type checkers, ``__all__`` is for
# ``from maggy import *``, and this table is for ``__getattr__``. A test compares them.
_NAMES = {
    "maggy.ablation": ["AblationStudy"],
    "maggy.common.exceptions": [
        "AblationError",
        "BadArgumentsError",
        "BroadcastMetricTypeError",
        "BroadcastStepTypeError",
        "BroadcastStepValueError",
        "CheckpointError",
        "EarlyStopException",
        "ExperimentError",
        "ExperimentNotFoundError",
        "MaggyError",
        "MetricKeyError",
        "MetricTypeError",
        "MetricValueError",
        "MissingDependencyError",
        "NotSupportedError",
        "OwnershipError",
        "RecordsError",
        "ResumeError",
        "ReturnTypeError",
        "SearchspaceBoundsError",
        "SignatureError",
    ],
    "maggy.comparing": ["compare"],
    "maggy.earlystop": [
        "AbstractEarlyStop",
        "AbstractExperimentStop",
        "Decision",
        "MedianStoppingRule",
        "NoStoppingRule",
        "OptunaPruner",
        "Patience",
        "PercentileStoppingRule",
        "SuccessiveHalvingRule",
        "Threshold",
    ],
    "maggy.experiment": ["lagom"],
    "maggy.experiment_config": [
        "AblationConfig",
        "HyperparameterOptConfig",
        "LagomConfig",
        "OptimizationConfig",
    ],
    "maggy.loading": ["load"],
    "maggy.optimizer": [
        "NSGAII",
        "QMC",
        "AbstractOptimizer",
        "Asha",
        "CmaEs",
        "GridSearch",
        "Hyperband",
        "PBT",
        "OptunaSearch",
        "RandomSearch",
        "SingleRun",
    ],
    "maggy.optimizer.bayes": ["GP", "TPE"],
    "maggy.checkpoints": ["Checkpoint"],
    "maggy.result": ["ExperimentResult"],
    "maggy.searchspace": ["Searchspace"],
    "maggy.tracking": ["Listener"],
    "maggy.trial": ["Trial"],
    "maggy.watching": ["watch"],
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

# Submodules that users may name after ``import maggy`` alone. Most are not in ``__all__``, because
# ``from maggy import *`` should not replace a user's variable such as ``config`` or ``result``.
_SUBMODULES = (
    "ablation",
    "callbacks",
    "config",
    "data",
    "earlystop",
    "experiment",
    "experiment_config",
    "optimizer",
    "result",
    "searchspace",
    "sklearn",
    "tensorboard",
    "tracking",
    "trial",
)

if not TYPE_CHECKING:
    # Hidden from type checkers, which would accept any name of a module with this function.
    def __getattr__(name):
        """Load a public name or submodule at its first use."""
        if name in _SUBMODULES:
            return import_module(f"maggy.{name}")
        if name in _MODULES:
            return getattr(import_module(_MODULES[name]), name)
        # With name and obj, Python suggests the closest name in the traceback.
        raise AttributeError(
            f"module 'maggy' has no attribute {name!r}", name=name, obj=sys.modules[__name__]
        )


def __dir__() -> list[str]:
    """Return the public names, the public submodules, and the attributes of any module."""
    attributes = [name for name in globals() if name.startswith("__")]
    return sorted({*__all__, *_SUBMODULES, *attributes})


if "hops" in sys.modules or find_spec("hops") is not None:
    # Here, so that a user's own ``from hops import util`` works after any import of Maggy.
    from maggy.common.hops_import import mend_hops_util

    mend_hops_util()
