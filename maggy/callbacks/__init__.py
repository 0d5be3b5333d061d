"""Callbacks for frameworks that report a metric to the experiment, or save a checkpoint.

Importing them imports no framework.
"""

from __future__ import annotations

from maggy.callbacks.catboost import CatBoostRound
from maggy.callbacks.catboost_checkpoint import CatBoostCheckpoint
from maggy.callbacks.hugging_face import HuggingFaceEvaluate
from maggy.callbacks.hugging_face_checkpoint import HuggingFaceCheckpoint
from maggy.callbacks.keras import KerasBatchEnd, KerasEpochEnd
from maggy.callbacks.keras_checkpoint import KerasCheckpoint
from maggy.callbacks.lightgbm import LightGBMRound
from maggy.callbacks.lightgbm_checkpoint import LightGBMCheckpoint
from maggy.callbacks.lightning import LightningEpochEnd
from maggy.callbacks.lightning_checkpoint import LightningCheckpoint
from maggy.callbacks.xgboost import XGBoostRound
from maggy.callbacks.xgboost_checkpoint import XGBoostCheckpoint

__all__ = [
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
]
