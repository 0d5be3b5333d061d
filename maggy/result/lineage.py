"""Find out which trial continues which one, from the ``parent`` of each row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from maggy.common.json_values import as_number
from maggy.optimizer.rungs import split_budget
from maggy.result.rows import TrialRow

__all__ = ["Lineage", "Link", "is_ladder"]

_MIN_RATIO = 2


@dataclass(frozen=True)
class Link:
    """A trial that continues another one.

    Attributes:
        parent: The trial that is continued.
        child: The trial that continues it.
    """

    parent: TrialRow
    child: TrialRow

    @property
    def is_copy(self) -> bool:
        """Whether a member of a population has copied another member."""
        member = self.child.get("member")
        return member is not None and member != self.parent.get("member")


@dataclass(frozen=True)
class Lineage:
    """The trials of a search that have a budget, and how they continue each other.

    Attributes:
        rows: The trials with a budget, in the order of ending.
        budgets: The budget of each of them in all, by id.
        links: A link for each trial whose parent is one of them.
    """

    rows: list[TrialRow]
    budgets: Mapping[str, float]
    links: list[Link]

    @classmethod
    def of(cls, rows: Sequence[TrialRow], hyperparameters: Collection[str] = ()) -> Lineage:
        """Return the lineage of the trials of a search.

        Args:
            rows: The ended trials.
            hyperparameters: The names of the search space: none of them is the budget.
        """
        budgets: dict[str, float] = {}
        for row in rows:
            number = as_number(split_budget(row["params"], hyperparameters)[1])
            if number is not None:
                budgets[row["trial_id"]] = number
        by_id = {row["trial_id"]: row for row in rows if row["trial_id"] in budgets}
        links = [
            Link(by_id[parent], row)
            for row in by_id.values()
            if (parent := row.get("parent")) is not None and parent in by_id
        ]
        return cls([*by_id.values()], budgets, links)

    @property
    def members(self) -> set[int]:
        """The numbers of the members of a population; empty for another search."""
        return {row["member"] for row in self.rows if "member" in row}

    def ancestry(self, trial_id: str | None) -> list[TrialRow]:
        """Return the trials that a trial continues, the first one first, and the trial itself.

        It is empty if there is no such trial with a budget.
        """
        parents = {link.child["trial_id"]: link.parent for link in self.links}
        row = next((row for row in self.rows if row["trial_id"] == trial_id), None)
        trials: dict[str, TrialRow] = {}
        # A damaged record could have a trial continue itself.
        while row is not None and row["trial_id"] not in trials:
            trials[row["trial_id"]] = row
            row = parents.get(row["trial_id"])
        return [*trials.values()][::-1]


def is_ladder(budgets: Collection[float]) -> bool:
    """Return whether each budget is at least twice the one before, as on the rungs of a search.

    Example:
        >>> is_ladder([1, 2, 4, 2, 1]), is_ladder([2, 4, 6]), is_ladder([3])
        (True, False, False)
    """
    levels = sorted(set(budgets))
    return (
        len(levels) > 1
        and levels[0] > 0
        and all(high >= _MIN_RATIO * low for low, high in pairwise(levels))
    )
