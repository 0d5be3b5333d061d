"""The config of an ablation study."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import AbstractAblator, ablator_by_name
from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config.argument_docs import explain_inherited_arguments
from maggy.experiment_config.checks import check_direction, check_key
from maggy.experiment_config.lagom import CommonConfig

__all__ = ["AblationConfig"]


@explain_inherited_arguments
@dataclass
class AblationConfig(CommonConfig):
    """Describe a study that measures the value of each component of a model or a data set.

    Args:
        ablation_study: The :class:`~maggy.ablation.AblationStudy` with the components to leave out.
        ablator: ``'loco'``, the default, leaves one component out in each trial. Or an
            :class:`~maggy.ablation.ablator.AbstractAblator`.
        direction: ``'max'``, the default, if a higher metric is better; ``'min'`` if a lower one.
        name: A name by which you find the experiment again.
        description: The purpose of the experiment, at any length.
        hb_interval: Seconds, 1 by default, between two heartbeats of a worker; may be a fraction.
            Metrics and output reach the driver with a heartbeat.
        model: The argument ``model`` of the training function, if it has one. Each worker receives
            the value once. With ``model`` or ``dataset``, the return value is read as
            :class:`~maggy.experiment_config.HyperparameterOptConfig` describes.
        dataset: The argument ``dataset`` of the training function, like ``model``.
        optimization_key: The key of the metric, ``'metric'`` by default, if the training function
            returns a dict.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
        TypeError: If the ablator is of another type.
    """

    ablation_study: AblationStudy
    ablator: str | AbstractAblator = "loco"
    direction: str = "max"
    name: str = "ablationStudy"
    description: str = ""
    hb_interval: float = 1
    model: Any = None
    dataset: Any = None
    # Release 1.1 has the positions above. What came later has none.
    _: KW_ONLY
    optimization_key: str = "metric"

    def __post_init__(self) -> None:
        super().__post_init__()
        study = self.ablation_study
        if not isinstance(study, AblationStudy):
            raise BadArgumentsError(
                "ablation_study must be a maggy.ablation.AblationStudy, "
                f"but got {type(study).__name__}: {study!r:.80}."
            )
        ablator_by_name(self.ablator, study)
        check_key(self.optimization_key)
        self.direction = check_direction(self.direction)
