"""Search with optimizers that model the metric. Importing them does not import Optuna."""

from maggy.optimizer.bayes.gp import GP
from maggy.optimizer.bayes.tpe import TPE

__all__ = ["GP", "TPE"]
