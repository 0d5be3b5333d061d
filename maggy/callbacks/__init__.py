"""Callbacks for frameworks that report a metric to the experiment, or save a checkpoint.

Importing them imports no framework.
"""

from __future__ import annotations

from maggy.callbacks.keras import KerasBatchEnd, KerasEpochEnd
from maggy.callbacks.keras_checkpoint import KerasCheckpoint
from maggy.callbacks.xgboost import XGBoostRound

__all__ = ["KerasBatchEnd", "KerasCheckpoint", "KerasEpochEnd", "XGBoostRound"]
