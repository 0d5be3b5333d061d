"""Ablation studies: which feature or part of a model matters, found by training without it."""

from maggy.ablation.ablationstudy import AblationStudy
from maggy.datasets.registry import register_training_dataset

__all__ = ["AblationStudy", "register_training_dataset"]
