"""Ablation studies: training without a feature or a part of a model shows how much it matters."""

from maggy.ablation.ablationstudy import AblationStudy
from maggy.datasets.registry import register_training_dataset

__all__ = ["AblationStudy", "register_training_dataset"]
