"""Search with a Gaussian process (Bayesian optimization), which is Optuna's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from maggy.optimizer.bayes.model_based_sampler import ModelBasedSampler
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.optuna.options import SamplerOption, SamplerOptions
from maggy.optimizer.release1 import COMMON_OBSOLETE_OPTIONS, translate_options

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["GP"]

_OBSOLETE_OPTIONS: Mapping[str, Collection[SamplerOption]] = {
    "async_strategy": (),
    "impute_strategy": (),
    "acq_fun": ("EI",),
    "acq_fun_kwargs": (),
    "acq_optimizer": ("lbfgs",),
    "acq_optimizer_kwargs": (),
    **COMMON_OBSOLETE_OPTIONS,
}


class GP(ModelBasedSampler):
    """Model the metric by a Gaussian process, and suggest the largest expected improvement.

    The Gaussian process is the choice for few, expensive trials of a smooth metric with up to about
    ten numbers. A suggestion takes tenths of a second; the time grows with the number of ended
    trials. A suggestion averages over the possible results of running trials. This optimizer needs
    PyTorch (the version without CUDA is enough) and SciPy.

    Example:
        >>> from maggy.optimizer.bayes import GP
        >>> optimizer = GP(num_warmup_trials=8)  # doctest: +SKIP

    Args:
        num_warmup_trials: The number of trials to draw at random first.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Further arguments of ``optuna.samplers.GPSampler``. A warning names options of
            release 1.1, which have no effect. There is none for ``acq_fun="EI"`` and
            ``acq_optimizer="lbfgs"``, since these are the methods in use.

    Raises:
        MissingDependencyError: If Optuna, SciPy or PyTorch is not installed.
        BadArgumentsError: If an argument breaks its rule.
    """

    needs = ("optuna", "scipy", "torch")
    extra = "gp"

    def __init__(
        self,
        num_warmup_trials: int = 10,
        pruner: str | None = None,
        pruner_kwargs: PrunerArguments | None = None,
        **options: SamplerOption,
    ) -> None:
        options = translate_options("GP", options, {}, _OBSOLETE_OPTIONS)
        super().__init__("GPSampler", num_warmup_trials, options, pruner, pruner_kwargs)

    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the seed, and let the warm-up's sampler draw conditional parameters."""
        return {
            **super().defaults(seed, history),
            # It continues the sequence of the warm-up. A new one with this seed would repeat it.
            "independent_sampler": self._random_sampler,
            "warn_independent_sampling": False,
        }
