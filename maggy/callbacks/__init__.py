"""Keras callbacks that report a metric to the experiment. Importing them imports no Keras."""

from __future__ import annotations

from maggy.callbacks.keras import KerasBatchEnd, KerasEpochEnd

__all__ = ["KerasBatchEnd", "KerasEpochEnd"]
