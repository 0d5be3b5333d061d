"""Tell apart the samplers of Optuna that a search must treat differently. It draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = [
    "follows_sequence",
    "holds_user_values",
    "ignores_history",
    "learns_from_pruned_trials",
    "tries_each_once",
    "wants_new_suggestion_for_repeat",
]


def holds_user_values(sampler: BaseSampler | None) -> bool:
    """Return whether the user passed values of parameters to the sampler's constructor.

    Such a sampler must see the values as the user wrote them, not as positions in their order.
    """
    from optuna.samplers import GridSampler, PartialFixedSampler

    return isinstance(sampler, (GridSampler, PartialFixedSampler))


def tries_each_once(sampler: BaseSampler) -> bool:
    """Return whether the sampler suggests every combination once and then ends its study."""
    from optuna.samplers import BruteForceSampler, GridSampler

    return isinstance(sampler, (BruteForceSampler, GridSampler))


def follows_sequence(sampler: BaseSampler) -> bool:
    """Return whether the sampler goes through a sequence that does not depend on results."""
    from optuna.samplers import GridSampler, QMCSampler

    return isinstance(sampler, (GridSampler, QMCSampler))


def ignores_history(sampler_type: type[BaseSampler]) -> bool:
    """Return whether samplers of a type learn nothing from trials that another sampler suggested.

    Evolution strategies and genetic algorithms skip trials without the marks that they make.
    """
    from optuna import samplers

    types: tuple[type[BaseSampler], ...] = (
        samplers.RandomSampler,
        samplers.GridSampler,
        samplers.QMCSampler,
        samplers.BruteForceSampler,
        samplers.CmaEsSampler,
        samplers.NSGAIISampler,
        samplers.NSGAIIISampler,
    )
    return issubclass(sampler_type, types)


def learns_from_pruned_trials(sampler: BaseSampler) -> bool:
    """Return whether the sampler uses the reported values of pruned trials; others ignore them."""
    from optuna.samplers import TPESampler

    return isinstance(sampler, TPESampler)


def wants_new_suggestion_for_repeat(sampler: BaseSampler) -> bool:
    """Return whether the search may ask the sampler again when it repeats a configuration.

    Optuna's samplers that draw at random or from a model may be asked again. A sampler that goes
    through fixed combinations would run out of them. A user's own class may repeat on purpose.
    """
    from optuna.samplers import PartialFixedSampler

    is_from_optuna = type(sampler).__module__.startswith("optuna.")
    has_fixed_values = tries_each_once(sampler) or isinstance(sampler, PartialFixedSampler)
    return is_from_optuna and not has_fixed_values
