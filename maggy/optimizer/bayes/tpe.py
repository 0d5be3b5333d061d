"""The tree-structured Parzen estimator, which is Optuna's."""

from __future__ import annotations

from typing import Any

from maggy.optimizer.bayes.warmup import WarmedUp
from maggy.optimizer.release1 import OPTIONS_OF_BOTH, share_of_good_trials, translated

__all__ = ["TPE"]

_GONE: dict[str, tuple[Any, ...]] = {"bw_estimation": (), "bw_factor": ()}


class TPE(WarmedUp):
    """Models where good and where bad trials lie, and suggests what is likelier among the good.

    The all-round choice: it takes every type of parameter and conditional ones, learns from trials that were stopped
    early, and costs milliseconds a suggestion. Running trials count as bad ones, so that workers keep apart.

    Example:
        >>> TPE(num_warmup_trials=20).name()
        'TPE'

    Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011.

    Args:
        num_warmup_trials: The first so many trials are drawn at random.
        pruner: ``"hyperband"``, or None.
        pruner_kwargs: The arguments of :class:`~maggy.optimizer.Hyperband`.
        options: Further arguments of ``optuna.samplers.TPESampler``. ``gamma`` may be a share of the trials, and
            ``n_ei_candidates`` may be called ``n_samples``, as in release 1.1, whose other options are named in a
            warning.
    """

    def __init__(
        self,
        num_warmup_trials: int = 10,
        pruner: str | None = None,
        pruner_kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        options = translated(
            "TPE", options, {"n_samples": "n_ei_candidates"}, {**_GONE, **OPTIONS_OF_BOTH}
        )
        if "gamma" in options:
            options["gamma"] = share_of_good_trials(options["gamma"])
        super().__init__("TPESampler", num_warmup_trials, options, pruner, pruner_kwargs)

    def defaults(self, seed: int, restored: list[Any]) -> dict[str, Any]:
        """The seed; and that conditional parameters are modelled together with those that they depend on."""
        group = {"group": True} if self._space.has_conditions else {}
        return {**super().defaults(seed, restored), "constant_liar": True, **group}
