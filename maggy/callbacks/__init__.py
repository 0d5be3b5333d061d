"""Keras callbacks that report a metric to the experiment, or save the training as a checkpoint.

Importing them imports no Keras.
"""

from __future__ import annotations

from maggy.callbacks.keras import KerasBatchEnd, KerasEpochEnd
from maggy.callbacks.keras_checkpoint import KerasCheckpoint

__all__ = ["KerasBatchEnd", "KerasCheckpoint", "KerasEpochEnd"]
