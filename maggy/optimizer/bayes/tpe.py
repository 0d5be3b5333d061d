"""Search with the tree-structured Parzen estimator, which is Optuna's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from maggy.optimizer.bayes.model_based_sampler import ModelBasedSampler
from maggy.optimizer.hyperband_settings import PrunerArguments
from maggy.optimizer.optuna.options import SamplerOption, SamplerOptions
from maggy.optimizer.release1 import COMMON_OBSOLETE_OPTIONS, gamma_function, translate_options

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["TPE"]

_OBSOLETE_OPTIONS: Mapping[str, Collection[SamplerOption]] = {
    "bw_estimation": (),
    "bw_factor": (),
    **COMMON_OBSOLETE_OPTIONS,
}


class TPE(ModelBasedSampler):
    """Model where good and where bad trials lie, and suggest what is more likely among the good.

    TPE is the all-round choice. It takes every type of parameter and conditional ones, learns from
    trials that were stopped early, and needs milliseconds for a suggestion. Running trials count as
    bad trials, so that workers keep apart.

    Example:
        >>> TPE(num_warmup_trials=20).name()
        'TPE'

    Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011.

    Args:
        num_warmup_trials: The number of trials to draw at random first.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Further arguments of ``optuna.samplers.TPESampler``. As in release 1.1, ``gamma``
            may be a share of the trials, and ``n_ei_candidates`` may be called ``n_samples``. A
            warning names the other options of release 1.1, which have no effect.

    Raises:
        MissingDependencyError: If Optuna is not installed.
        BadArgumentsError: If an argument breaks its rule.
    """

    def __init__(
        self,
        num_warmup_trials: int = 10,
        pruner: str | None = None,
        pruner_kwargs: PrunerArguments | None = None,
        **options: SamplerOption,
    ) -> None:
        options = translate_options(
            "TPE", options, {"n_samples": "n_ei_candidates"}, _OBSOLETE_OPTIONS
        )
        if "gamma" in options:
            options["gamma"] = gamma_function(options["gamma"])
        super().__init__("TPESampler", num_warmup_trials, options, pruner, pruner_kwargs)

    def defaults(self, seed: int, history: list[FrozenTrial]) -> SamplerOptions:
        """Return the seed, and model conditional parameters together with those they depend on."""
        group: SamplerOptions = {"group": True} if self._space.has_conditions else {}
        return {**super().defaults(seed, history), "constant_liar": True, **group}
