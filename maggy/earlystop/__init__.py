"""Rules that decide whether a running trial or the experiment goes on. The driver asks them."""

from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.abstractexperimentstop import AbstractExperimentStop
from maggy.earlystop.decision import Decision
from maggy.earlystop.experimentrules import Patience, Threshold
from maggy.earlystop.medianrule import MedianStoppingRule
from maggy.earlystop.nostop import NoStoppingRule
from maggy.earlystop.optunapruner import OptunaPruner
from maggy.earlystop.percentilerule import PercentileStoppingRule
from maggy.earlystop.registry import earlystop_by_name, stop_rules
from maggy.earlystop.successivehalving import SuccessiveHalvingRule

__all__ = [
    "AbstractEarlyStop",
    "AbstractExperimentStop",
    "Decision",
    "MedianStoppingRule",
    "NoStoppingRule",
    "OptunaPruner",
    "Patience",
    "PercentileStoppingRule",
    "SuccessiveHalvingRule",
    "Threshold",
    "earlystop_by_name",
    "stop_rules",
]
