"""Search with an evolution strategy, a quasi-random sequence or a genetic algorithm of Optuna's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.optuna.named_sampler import NamedSampler
from maggy.optimizer.optuna.options import SamplerOption, SamplerOptions
from maggy.optuna_bridge.space import OptunaSpace
from maggy.trial import Trial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["NSGAII", "QMC", "CmaEs"]

# Optuna's sampler refuses source trials together with any of these options.
_OPTIONS_WITHOUT_SOURCE = frozenset({"x0", "sigma0", "use_separable_cma"})

# The sampler starts from the best tenth of the source trials. With fewer trials that is one point,
# from which no normal distribution follows.
_MIN_SOURCE_TRIALS = 20


class CmaEs(NamedSampler):
    """Search with the evolution strategy CMA-ES.

    It draws from a normal distribution, which it moves and stretches towards good trials. It is for
    hundreds of trials over numbers that depend on each other. CATEGORICAL and conditional
    parameters are drawn at random. A search that is resumed or warm-started begins where the best
    trials lie if there are at least 20 with a metric, unless some parameters are conditional or an
    option excludes it.

    Hansen and Ostermeier, "Completely Derandomized Self-Adaptation in Evolution Strategies", 2001.

    Args:
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Arguments of ``optuna.samplers.CmaEsSampler``.

    Raises:
        MissingDependencyError: If Optuna or cmaes is not installed.
        BadArgumentsError: If Optuna refuses the options.
    """

    needs = ("optuna", "cmaes")

    def __init__(
        self,
        pruner: str | None = None,
        pruner_kwargs: PrunerArguments | None = None,
        **options: SamplerOption,
    ) -> None:
        super().__init__("CmaEsSampler", options, pruner, pruner_kwargs)

    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the seed, and in a resumed experiment the trials from which to start."""
        options: SamplerOptions = {"seed": seed, "warn_independent_sampling": False}
        complete_trials = [trial for trial in history if trial.values is not None]
        if self._begins_at_source(len(complete_trials)):
            options["source_trials"] = [_without_categories(trial) for trial in complete_trials]
        return options

    def informative_trials(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the trials with a metric if there are enough to begin where the best ones lie."""
        finals = [trial for trial in trials if trial.final_metric is not None]
        return finals if self._begins_at_source(len(finals)) else []

    def _begins_at_source(self, num_finals: int) -> bool:
        return (
            num_finals >= _MIN_SOURCE_TRIALS
            and not _OPTIONS_WITHOUT_SOURCE & set(self._options)
            and not OptunaSpace(self.searchspace).has_conditions
        )


def _without_categories(trial: FrozenTrial) -> FrozenTrial:
    """Return a copy of the trial with only those parameters that CMA-ES models.

    The sampler skips a source trial with any other parameter.
    """
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import create_trial

    distributions = {
        name: distribution
        for name, distribution in trial.distributions.items()
        if not isinstance(distribution, CategoricalDistribution)
    }
    params = {name: trial.params[name] for name in distributions}
    return create_trial(params=params, distributions=distributions, values=trial.values)


class QMC(NamedSampler):
    """Search at random without gaps: suggest the points of a scrambled Sobol sequence.

    The search does not learn from results. It is better than independent draws for an overview of
    the whole space, for example before plotting. Conditional parameters are not supported.

    Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012),
    section 4.

    Args:
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Arguments of ``optuna.samplers.QMCSampler``.

    Raises:
        MissingDependencyError: If Optuna or SciPy is not installed.
        BadArgumentsError: If Optuna refuses the options.
    """

    independent = True
    needs = ("optuna", "scipy")

    def __init__(
        self,
        pruner: str | None = None,
        pruner_kwargs: PrunerArguments | None = None,
        **options: SamplerOption,
    ) -> None:
        super().__init__("QMCSampler", options, pruner, pruner_kwargs)

    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the seed, and scramble the sequence: otherwise the seed has no effect."""
        return {"seed": seed, "scramble": True, "warn_independent_sampling": False}

    def parameters(self, function_parameters: Collection[str]) -> list[str]:
        """Return the names of the search space.

        Raises:
            BadArgumentsError: If some parameters are conditional, or if there are none.
        """
        names = super().parameters(function_parameters)
        if OptunaSpace(self.searchspace).has_conditions:
            raise BadArgumentsError(
                "qmc cannot spread points over conditional parameters. Use 'tpe' or 'randomsearch'."
            )
        return names


class NSGAII(NamedSampler):
    """Search with a genetic algorithm: cross and mutate the best configurations of a generation.

    It is for about a thousand cheap trials over categories and conditional parameters. NSGA-II is
    known for optimizing several metrics at once; an experiment has only one.

    Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002.

    Args:
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Arguments of ``optuna.samplers.NSGAIISampler``. The default population is a tenth
            of the trials, at least 8 and at most 50.

    Raises:
        MissingDependencyError: If Optuna is not installed.
        BadArgumentsError: If Optuna refuses the options.
    """

    def __init__(
        self,
        pruner: str | None = None,
        pruner_kwargs: PrunerArguments | None = None,
        **options: SamplerOption,
    ) -> None:
        super().__init__("NSGAIISampler", options, pruner, pruner_kwargs)

    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the seed, and a population that is small enough for several generations."""
        # Optuna's default of 50 would leave 100 trials with two generations.
        num_trials = self.num_trials - self._num_source_trials
        return {"seed": seed, "population_size": min(50, max(8, num_trials // 10))}
