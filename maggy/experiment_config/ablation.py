"""The config of an ablation study."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import AbstractAblator, ablator_by_name
from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config.lagom import CommonConfig, check_choice
from maggy.experiment_config.optimization import check_key

__all__ = ["AblationConfig"]


@dataclass
class AblationConfig(CommonConfig):
    """A study of what each component of a model or data set is worth.

    Args:
        ablation_study: The :class:`~maggy.ablation.AblationStudy`.
        ablator: ``'loco'`` (leave one component out), or an :class:`~maggy.ablation.ablator.AbstractAblator`.
        direction: ``'max'`` or ``'min'``: which metric is the better one.
        name: A name to find the experiment again.
        description: What it is about, at any length.
        hb_interval: Seconds between two heartbeats of a worker; may be a fraction.
        model: What the training function's parameter ``model`` gets; sent to each worker once. With it, or with
            ``dataset``, a returned value is read as
            :class:`~maggy.experiment_config.HyperparameterOptConfig` does.
        dataset: What its parameter ``dataset`` gets, likewise.
        optimization_key: Where the metric is when the training function returns a dict.

    Raises:
        BadArgumentsError: An argument breaks its rule; a ``ValueError``.
    """

    ablation_study: AblationStudy
    ablator: str | AbstractAblator = "loco"
    direction: str = "max"
    name: str = "ablationStudy"
    description: str = ""
    hb_interval: float = 1
    model: Any = None
    dataset: Any = None
    _: KW_ONLY
    optimization_key: str = "metric"

    def __post_init__(self) -> None:
        super().__post_init__()
        study: Any = self.ablation_study
        if not isinstance(study, AblationStudy):
            raise BadArgumentsError(
                f"ablation_study must be a maggy.ablation.AblationStudy, but got {type(study).__name__}: {study!r:.80}."
            )
        ablator_by_name(self.ablator, study)
        check_key(self.optimization_key)
        self.direction = check_choice("direction", self.direction, ("max", "min"))
