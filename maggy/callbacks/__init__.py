"""Callbacks for frameworks that report a metric to the experiment, or save a checkpoint.

Importing them imports no framework.
"""

from __future__ import annotations

from maggy.callbacks.catboost import CatBoostRound
from maggy.callbacks.hugging_face import HuggingFaceEvaluate
from maggy.callbacks.keras import KerasBatchEnd, KerasEpochEnd
from maggy.callbacks.keras_checkpoint import KerasCheckpoint
from maggy.callbacks.lightgbm import LightGBMRound
from maggy.callbacks.lightning import LightningEpochEnd
from maggy.callbacks.xgboost import XGBoostRound

__all__ = [
    "CatBoostRound",
    "HuggingFaceEvaluate",
    "KerasBatchEnd",
    "KerasCheckpoint",
    "KerasEpochEnd",
    "LightGBMRound",
    "LightningEpochEnd",
    "XGBoostRound",
]
