"""What to write instead of the names that stop rules have in other libraries."""

from __future__ import annotations

from typing import Final

from maggy.common.other_names import OtherNames

__all__ = ["OTHER_STOP_RULES"]

OTHER_STOP_RULES: Final = OtherNames(
    meanings={
        "median": "which stops a trial that is worse than the median of the others",
        "none": "which stops no trial",
        "percentile": "which stops a trial that is not among the best part of the others",
        "successivehalving": "which lets the best part of the trials pass each rung",
    },
    names={
        "mean average medianstop medianstoppingrule": "median",
        "off no never false disabled nop nostop nostoppingrule": "none",
        "quantile percentilestop truncation truncationselection": "percentile",
        "sha halving": "successivehalving",
    },
    sentences={
        "asha asynchyperband": "Write 'successivehalving', the stop rule of ASHA, or pass "
        "optimizer='asha'.",
        "hyperband bohb": "This is an optimizer: pass optimizer='hyperband', or stop trials with "
        "'successivehalving'.",
        "patience plateau noimprovement stagnation early earlystop earlystopping": "Write "
        "Patience(20) (from maggy.earlystop), which ends the experiment after 20 trials without "
        "a better metric.",
        "threshold target goal maxmetric": "Write Threshold(0.95) (from maggy.earlystop), which "
        "ends the experiment when a trial has reached this metric.",
        "wilcoxon patient patientpruner": "Pass an instance of Optuna's pruner, such as "
        "optuna.pruners.WilcoxonPruner().",
        "timeout maxtime": "Pass max_seconds or max_trial_seconds to the config.",
    },
)
"""The names of stop rules in Optuna, Ray Tune, Keras and others."""
