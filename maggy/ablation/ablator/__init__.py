"""Ablators: policies that decide which component the next trial leaves out.

They never see a worker or a message.
"""

from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.ablator.loco import LOCO
from maggy.ablation.ablator.preparation import prepare_for
from maggy.ablation.ablator.registry import ablator_by_name

__all__ = ["LOCO", "AbstractAblator", "ablator_by_name", "prepare_for"]
