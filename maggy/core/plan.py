"""Plan an experiment: a policy, which decides, and a workload, which runs."""

from __future__ import annotations

from maggy.ablation.ablator import prepare_for
from maggy.common.signature import (
    check_defaults,
    check_replaceable,
    check_signature,
    config_values,
    parameter_names,
)
from maggy.common.types import TrainingFunction
from maggy.core.environment import Environment
from maggy.core.executors.workload import AblationWorkload, SearchWorkload, Workload
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.single_policy import SinglePolicy
from maggy.experiment_config import (
    AblationConfig,
    HyperparameterOptConfig,
    LagomConfig,
    OptimizationConfig,
)
from maggy.searchspace.choices import WrittenChoices

__all__ = ["Config", "plan"]

Config = LagomConfig | OptimizationConfig | AblationConfig

_ABLATION_PARAMETERS = ("dataset_function", "model_function")
_OTHER_PARAMETERS = ("reporter", "hparams", "model", "dataset")
"""The parameters that a training function may have besides hyperparameters."""


def plan(
    train_fn: TrainingFunction, config: Config, environment: Environment
) -> tuple[Policy, Workload]:
    """Return the policy and the workload of an experiment.

    Args:
        train_fn: The training function.
        config: A checked config.
        environment: The platform.

    Raises:
        MaggyError: If the function or the config has a mistake that can be found before Spark is
            used.
    """
    values = config_values(train_fn, model=config.model, dataset=config.dataset)
    lenient = isinstance(config, HyperparameterOptConfig) or not (
        config.model is None and config.dataset is None
    )
    if isinstance(config, AblationConfig):
        ablator = config.make_ablator()
        ablator.find_training_dataset = environment.find_training_dataset
        of_repeat = ("repeat", "seed") if config.is_seeded else ()
        check_replaceable(
            train_fn,
            [choice.name for choice in config.ablation_study.all_choices],
            [*_ABLATION_PARAMETERS, "repeat", "seed", "reporter", "hparams", *values],
        )
        check_signature(train_fn, [], [*_ABLATION_PARAMETERS, *of_repeat, *_OTHER_PARAMETERS])
        prepare_for(train_fn, ablator)
        key = config.optimization_key
        return AblationPolicy(config, ablator), AblationWorkload(
            train_fn, key, ablator, lenient=lenient, values=values
        )
    if isinstance(config, OptimizationConfig):
        policy = OptimizationPolicy(config)
        space = {} if config.searchspace is None else config.searchspace.to_dict()
        names = policy.parameters(parameter_names(train_fn))
        check_signature(
            train_fn,
            list(space) if names is None else names,
            _OTHER_PARAMETERS,
            allow_others=names is None,
        )
        check_defaults(
            train_fn, [entry["name"] for entry in config.searchspace or () if "when" in entry]
        )
        choices = WrittenChoices(space)
        return policy, SearchWorkload(
            train_fn, config.optimization_key, choices, lenient=lenient, values=values
        )
    check_signature(train_fn, [], _OTHER_PARAMETERS)
    return SinglePolicy(), SearchWorkload(train_fn, None, values=values)
