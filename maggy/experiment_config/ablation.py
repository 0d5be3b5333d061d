"""Define the config of an ablation study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import AbstractAblator, ablator_by_name
from maggy.common.by_name import with_names
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import stop_rules
from maggy.earlystop.registry import STOP_RULES, StopRule
from maggy.experiment_config.argument_docs import explain_inherited_arguments
from maggy.experiment_config.checks import check_count, check_direction, check_key, check_share
from maggy.experiment_config.lagom import CommonConfig
from maggy.experiment_config.unknown_keywords import refuse_unknown_keywords

__all__ = ["AblationConfig"]


@explain_inherited_arguments
@with_names(STOP_RULES, "{stop_rules}")
@refuse_unknown_keywords
@dataclass
class AblationConfig(CommonConfig):
    """Describe a study that measures the value of each component of a model or a data set.

    Args:
        ablation_study: The :class:`~maggy.ablation.AblationStudy` with the components to leave out.
        ablator: ``'loco'``, the default, leaves one component out in each trial. Or an
            :class:`~maggy.ablation.ablator.AbstractAblator`. ``'pairs'`` leaves out every pair,
            too, ``'leave_one_in'`` puts single components back, ``'backward'`` leaves out one after
            the other for good, and ``'shapley'`` averages over random orders.
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
        repeats: Number of times, 1 by default, that every component and the base are trained. Two
            or more give each difference an interval and a verdict. All trials of one repeat have
            the same seed.
        ablator_options: What the ablator of a name takes besides, such as ``{'samples': 400}`` for
            ``'shapley'``. None, the default, leaves its own defaults.
        confidence: The share of intervals, 0.95 by default, that contain the true difference; above
            0 and below 1. With symmetric noise, at most the rest of all studies have a false
            verdict.
        seed: Seed the training: each repeat has a seed of its own that follows from this one. None,
            the default, draws a new seed if ``repeats`` is above 1, and otherwise seeds nothing.
        es_policy: The rule that stops trials early: {stop_rules}, or another value that
            :class:`~maggy.experiment_config.OptimizationConfig` takes. The default, ``'none'``,
            stops no trial, so that all components are trained equally long. The result marks
            components with trials that were stopped early.
        es_interval: Training steps, 1 by default, between two checks of a running trial by the stop
            rule.
        es_min: A stop rule checks no trial until more than this number of trials, 10 by default,
            have ended with a metric.

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
    repeats: int = 1
    confidence: float = 0.95
    ablator_options: Mapping[str, Any] | None = None
    es_policy: StopRule | Sequence[StopRule] = "none"
    es_interval: int = 1
    es_min: int = 10

    @property
    def is_seeded(self) -> bool:
        """Whether each trial gets the seed of its repeat."""
        return self.repeats > 1 or self.seed is not None

    def make_ablator(self) -> AbstractAblator:
        """Return the ablator: the instance itself, or a new one of this name."""
        return ablator_by_name(self.ablator, self.ablation_study, self.ablator_options)

    def __post_init__(self) -> None:
        super().__post_init__()
        study = self.ablation_study
        if not isinstance(study, AblationStudy):
            raise BadArgumentsError(
                "ablation_study must be a maggy.ablation.AblationStudy, "
                f"but got {type(study).__name__}: {study!r:.80}."
            )
        ablator = ablator_by_name(self.ablator, study, self.ablator_options)
        # An ablator of the user's own may keep its study elsewhere.
        other = getattr(ablator, "ablation_study", None)
        if isinstance(other, AblationStudy) and other is not study:
            raise BadArgumentsError(
                f"The ablator {ablator.name()} must be made with the study of the config, but it "
                f"has another one. Write AblationConfig(study, {type(ablator).__name__}(study, "
                "[]))."
            )
        check_key(self.optimization_key)
        check_count("repeats", self.repeats)
        check_share("confidence", self.confidence)
        check_count("es_interval", self.es_interval)
        check_count("es_min", self.es_min, least=0)
        stop_rules(self.es_policy)
        self.direction = check_direction(self.direction)
