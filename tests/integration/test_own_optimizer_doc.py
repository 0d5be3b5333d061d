"""The optimizer of the guide about writing one is short, keeps the contract, and beats chance."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from maggy.optimizer import RandomSearch
from maggy.testing import OptimizerContract
from maggy.testing.spaces import experiment_space

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "own_optimizer.md"
BLOCK = re.search(
    r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
).group(1)

namespace = {"__name__": "page"}
exec(compile(BLOCK, PAGE.name, "exec"), namespace)
Evolution = namespace["Evolution"]


class TestEvolution(OptimizerContract):
    supports_conditions = False

    def make(self):
        return Evolution()

    def test_it_cannot_be_pickled_from_a_document_but_copied(self):
        import copy

        assert copy.deepcopy(self.make()).name() == "Evolution"


TestEvolution.test_it_can_be_pickled_at_any_time = None  # because its class is in no module


def test_it_has_thirty_lines():
    assert len(BLOCK.strip().splitlines()) <= 30


def test_it_is_better_than_chance():
    def score(trial):
        return -abs(trial.params["dropout"] - 0.3) - abs(trial.params["kernel"] - 5) / 6

    def best(make, seed):
        contract = TestEvolution()
        contract.make, contract.num_trials = make, 60
        driven = contract.drive(contract.start(experiment_space(seed)), score)
        return max(trial.final_metric for trial in driven.final_store)

    mine, chance = ([best(make, seed) for seed in range(10)] for make in (Evolution, RandomSearch))
    assert statistics.median(mine) > statistics.median(chance)
