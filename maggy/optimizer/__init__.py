"""Optimizers: policies that suggest the next trial. They never see a worker or a message."""

from maggy.optimizer.abstractoptimizer import AbstractOptimizer
from maggy.optimizer.randomsearch import RandomSearch
from maggy.optimizer.registry import optimizer_by_name
from maggy.optimizer.singlerun import SingleRun

__all__ = ["AbstractOptimizer", "RandomSearch", "SingleRun", "optimizer_by_name"]
