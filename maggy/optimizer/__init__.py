"""Optimizers suggest the next trial of a search. They never see a worker or a message."""

from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.asha import Asha
from maggy.optimizer.gridsearch import GridSearch
from maggy.optimizer.hyperband import Hyperband
from maggy.optimizer.optuna.samplers import NSGAII, QMC, CmaEs
from maggy.optimizer.optuna.search import OptunaSearch
from maggy.optimizer.pbt import PBT
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.registry import resolve_optimizer
from maggy.optimizer.singlerun import SingleRun

__all__ = [
    "NSGAII",
    "PBT",
    "QMC",
    "AbstractOptimizer",
    "Asha",
    "CmaEs",
    "GridSearch",
    "Hyperband",
    "OptunaSearch",
    "RandomSearch",
    "SingleRun",
    "resolve_optimizer",
]
