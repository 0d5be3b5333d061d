"""Ablators: policies that decide which component the next trial leaves out.

They never see a worker or a message.
"""

from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.ablator.backward import Backward
from maggy.ablation.ablator.leave_one_in import LeaveOneIn
from maggy.ablation.ablator.loco import LOCO
from maggy.ablation.ablator.pairs import Pairs
from maggy.ablation.ablator.preparation import prepare_for
from maggy.ablation.ablator.registry import ablator_by_name
from maggy.ablation.ablator.shapley import Shapley

__all__ = [
    "LOCO",
    "AbstractAblator",
    "Backward",
    "LeaveOneIn",
    "Pairs",
    "Shapley",
    "ablator_by_name",
    "prepare_for",
]
