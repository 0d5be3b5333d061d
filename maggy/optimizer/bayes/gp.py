"""Bayesian optimization with a Gaussian process, which is Optuna's."""

from __future__ import annotations

from typing import Any

from maggy.optimizer.bayes.warmup import WarmedUp
from maggy.optimizer.release1 import OPTIONS_OF_BOTH, translated

__all__ = ["GP"]

_GONE: dict[str, tuple[Any, ...]] = {
    "async_strategy": (),
    "impute_strategy": (),
    "acq_fun": ("EI",),
    "acq_fun_kwargs": (),
    "acq_optimizer": ("lbfgs",),
    "acq_optimizer_kwargs": (),
}


class GP(WarmedUp):
    """Models the metric by a Gaussian process and suggests where the expected improvement is largest.

    The choice for few, expensive trials of a smooth metric with up to about ten numbers; a suggestion costs tenths of a
    second, growing with the trials that have ended. What running trials may bring is averaged over. Needs PyTorch (the
    version without CUDA is enough) and SciPy.

    Example:
        >>> from maggy.optimizer.bayes import GP
        >>> optimizer = GP(num_warmup_trials=8)  # doctest: +SKIP

    Args:
        num_warmup_trials: The first so many trials are drawn at random.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Further arguments of ``optuna.samplers.GPSampler``. Those of release 1.1 are named in a warning, but
            for ``acq_fun="EI"`` and ``acq_optimizer="lbfgs"``, which are what is done anyway.

    Raises:
        MissingDependencyError: Optuna, SciPy or PyTorch is not installed.
    """

    needs = ("optuna", "scipy", "torch")
    extra = "gp"

    def __init__(
        self,
        num_warmup_trials: int = 10,
        pruner: str | None = None,
        pruner_kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        options = translated("GP", options, {}, {**_GONE, **OPTIONS_OF_BOTH})
        super().__init__("GPSampler", num_warmup_trials, options, pruner, pruner_kwargs)

    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The seed; and that conditional parameters go on in the sequence of the warm-up."""
        return {
            **super().defaults(seed, restored),
            "independent_sampler": self._random,
            "warn_independent_sampling": False,
        }
