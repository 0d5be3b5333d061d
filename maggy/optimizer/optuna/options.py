"""Name the types of the options that Optuna's samplers take. Optuna itself checks their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.samplers.nsgaii import BaseCrossover
    from optuna.trial import FrozenTrial

__all__ = ["SamplerOption", "SamplerOptions"]

SamplerOption: TypeAlias = (
    "bool | int | float | str | Callable[..., object] | Mapping[str, object] "
    "| Sequence[FrozenTrial] | BaseSampler | BaseCrossover | None"
)
"""The value of a keyword argument of a sampler's constructor."""

SamplerOptions: TypeAlias = dict[str, SamplerOption]
"""Keyword arguments of a sampler's constructor."""
