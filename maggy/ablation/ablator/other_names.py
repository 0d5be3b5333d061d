"""What to write instead of the names that ablators have elsewhere."""

from __future__ import annotations

from typing import Final

from maggy.common.other_names import OtherNames

__all__ = ["OTHER_ABLATORS"]

OTHER_ABLATORS: Final = OtherNames(
    meanings={
        "backward": "which leaves out one component after the other for good",
        "leave_one_in": "which puts single components back",
        "loco": "which leaves one component out in each trial",
        "pairs": "which also leaves out every pair of components",
        "shapley": "which averages over random orders of the components",
    },
    names={
        "leaveoneout leaveonecomponentout leaveonefeatureout lofo loo one single none": "loco",
        "pair pairwise interaction interactions": "pairs",
        "loi leaveoneinside addone addonein forward onlyone": "leave_one_in",
        "backwardelimination elimination rfe stepwise greedy sequential": "backward",
        "shap shapleyvalue shapleyvalues montecarlo permutation": "shapley",
    },
)
"""The names of ablators in papers and in libraries that explain models."""
