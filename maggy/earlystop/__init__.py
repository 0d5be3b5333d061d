"""Rules that decide whether a running trial is worth going on with. The driver applies them."""

from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.medianrule import MedianStoppingRule
from maggy.earlystop.nostop import NoStoppingRule
from maggy.earlystop.registry import earlystop_by_name

__all__ = ["AbstractEarlyStop", "MedianStoppingRule", "NoStoppingRule", "earlystop_by_name"]
