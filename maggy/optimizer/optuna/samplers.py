"""Further optimizers that are Optuna's: an evolution strategy, an even spread, and a genetic algorithm."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.optuna.named_sampler import NamedSampler
from maggy.optuna_bridge.space import OptunaSpace

__all__ = ["NSGAII", "QMC", "CmaEs"]


class CmaEs(NamedSampler):
    """The evolution strategy CMA-ES: draws from a normal distribution that it moves and stretches towards good trials.

    For hundreds of trials over numbers that depend on each other. CATEGORICAL parameters, and conditional ones, are
    drawn at random. A resumed search starts from where its best trials lie, if there are enough of them; not if some
    parameters are conditional, nor with an option that excludes it.

    Hansen and Ostermeier, "Completely Derandomized Self-Adaptation in Evolution Strategies", 2001.

    Args:
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Arguments of ``optuna.samplers.CmaEsSampler``.
    """

    needs = ("optuna", "cmaes")

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__("CmaEsSampler", options, pruner, pruner_kwargs)

    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The seed; in a resumed experiment also the recorded trials, to start from where the good ones lie."""
        complete = [trial for trial in restored if trial.values is not None]
        is_possible = not self._space.has_conditions and not _WITHOUT_SOURCE & set(self._options)
        source = (
            {"source_trials": _numbers_of(complete)}
            if is_possible and len(complete) >= _MANY_ENOUGH
            else {}
        )
        return {"seed": seed, "warn_independent_sampling": False, **source}


def _numbers_of(trials: list[Any]) -> list[Any]:
    """The trials without their categories: a trial with something that it does not model is none to the sampler."""
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import create_trial

    reduced = []
    for trial in trials:
        shown = {
            n: each
            for n, each in trial.distributions.items()
            if not isinstance(each, CategoricalDistribution)
        }
        params = {name: trial.params[name] for name in shown}
        reduced.append(create_trial(params=params, distributions=shown, values=trial.values))
    return reduced


_WITHOUT_SOURCE = frozenset({"x0", "sigma0", "use_separable_cma"})
"""The sampler's options that exclude one another with its source trials."""

_MANY_ENOUGH = 20
"""The warm start takes the best tenth, and a normal distribution is not made of one point."""


class QMC(NamedSampler):
    """Random search that leaves no gaps: the points of a scrambled Sobol sequence.

    It does not learn from results. Better than independent draws when the whole space is to be seen, as before plots.
    Conditional parameters are not supported.

    Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012), section 4.

    Args:
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Arguments of ``optuna.samplers.QMCSampler``.
    """

    independent = True
    needs = ("optuna", "scipy")

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__("QMCSampler", options, pruner, pruner_kwargs)

    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The seed, which only matters when the sequence is scrambled."""
        return {"seed": seed, "scramble": True, "warn_independent_sampling": False}

    def parameters(self, asked: Collection[str]) -> list[str]:
        """Those of the search space.

        Raises:
            BadArgumentsError: Some of them are conditional.
        """
        names = super().parameters(asked)
        if OptunaSpace(self.searchspace).has_conditions:
            raise BadArgumentsError(
                "qmc cannot spread points over conditional parameters. Use 'tpe' or 'randomsearch'."
            )
        return names


class NSGAII(NamedSampler):
    """A genetic algorithm: crosses and mutates the best configurations of each generation.

    For a thousand cheap trials over categories and conditional parameters. Of what NSGA-II is known for, several
    metrics at once, an experiment has but one.

    Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002.

    Args:
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Arguments of ``optuna.samplers.NSGAIISampler``; the population is by default a tenth of the trials, at
            least 8 and at most 50.
    """

    def __init__(
        self, pruner: str | None = None, pruner_kwargs: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__("NSGAIISampler", options, pruner, pruner_kwargs)

    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The seed, and a population that leaves room for generations."""
        return {"seed": seed, "population_size": min(50, max(8, self.num_trials // 10))}
