"""Optimizers that model what the metric depends on. Importing them imports no Optuna; making one does."""

from maggy.optimizer.bayes.gp import GP
from maggy.optimizer.bayes.tpe import TPE

__all__ = ["GP", "TPE"]
