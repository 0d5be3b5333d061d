"""An ablation study as the driver sees it: the ablator decides what each trial leaves out."""

from __future__ import annotations

from typing import Literal

from maggy.ablation.ablator import AbstractAblator
from maggy.ablation.component import LABEL_PARAMETERS, Component
from maggy.ablation.repeats import Repeats
from maggy.common.seeding import derive_seed
from maggy.common.types import Json, Params
from maggy.core.experiment_driver.policy import Policy
from maggy.experiment_config import AblationConfig
from maggy.trial import Trial

__all__ = ["AblationPolicy"]


class AblationPolicy(Policy):
    """The policy that asks an ablator for trials. It stops none early, so that all are measured.

    Args:
        config: The config of the study.
        ablator: The ablator. It has checked the study already.
    """

    kind = "ablation"
    needs_check = True

    def __init__(self, config: AblationConfig, ablator: AbstractAblator) -> None:
        self._ablator = ablator
        self._num_repeats = config.repeats
        self._is_seeded = config.is_seeded
        self._repeats = Repeats(ablator.get_trial, 1, None)
        self.name = ablator.name()
        self.direction = config.direction
        self.optimization_key = config.optimization_key
        self.confidence = config.confidence
        self.total = ablator.get_number_of_trials() * config.repeats
        self._has_remarked = False
        self._study = config.ablation_study.to_dict()
        # What studies of earlier releases did not have is recorded only where it is used.
        replacements = [
            Component.replacement(*replacement.key).label
            for replacement in config.ablation_study.model.layers.replacements
        ]
        features = config.ablation_study.features
        later: dict[str, list[Json]] = {
            "feature_prefixes": [*features.included_prefixes],
            "feature_regexes": [*features.included_regexes],
            "feature_groups": [[*group] for group in features.included_groups],
            "replacements": [*replacements],
        }
        self._later_components = {name: labels for name, labels in later.items() if labels}
        self._data_options = config.ablation_study.data_options
        self._seed = 0

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        """Begin the study. Which trials it has depends on no seed."""
        self._seed = seed
        self._repeats = Repeats(
            self._ablator.get_trial, self._num_repeats, seed if self._is_seeded else None
        )
        self._ablator.final_store = final_store
        self._ablator.initialize()

    def suggest(self, finished: Trial | None) -> Trial | Literal["IDLE"] | None:
        """Return the next trial of the ablator or of a repeat, or None if there are no more."""
        trial = self._repeats.next(finished)
        if isinstance(trial, Trial) and self._data_options.needs_draw:
            self._note_draw(trial)
        if not self._has_remarked and isinstance(trial, Trial) and trial.not_sent:
            self._has_remarked = True
            self.remark(
                f"{' and '.join(trial.not_sent)} of a trial are not sent, since functions do not "
                "travel with trials: get_dataset_generator and get_model_generator of "
                f"{self.name} are asked for them on the worker."
            )
        return trial

    def _note_draw(self, trial: Trial) -> None:
        """Note what fixes the rows of a trial. All trials of a repeat have the same."""
        repeat, folds = trial.repeat or 0, self._data_options.folds
        # The folds of one division have their turns one after the other.
        trial.data_seed = derive_seed(self._seed, repeat // folds if folds else repeat)
        if folds:
            trial.fold = repeat % folds

    def withdraw(self, label: str) -> list[Trial]:
        """Return the trials of a component that cannot be built, and do not suggest them later."""
        trial = self._ablator.withdraw(label)
        return [] if trial is None else self._repeats.all_of(trial)

    def extra_params(self, trial: Trial) -> Params:
        """Return what the worker gets beside the labels.

        Returns:
            The number and the seed of the trial's repeat, if the study is seeded, and what fixes
            the rows that are drawn, if any are.
        """
        repeat = {} if trial.seed is None else {"repeat": trial.repeat, "seed": trial.seed}
        draw = {"data_seed": trial.data_seed, "fold": trial.fold}
        return {**repeat, **{name: value for name, value in draw.items() if value is not None}}

    def identity(self) -> dict[str, Json]:
        """Return what must be the same when the study is resumed, as plain JSON values."""
        study = self._study
        name, version = study["training_dataset_name"], study["training_dataset_version"]
        return {
            "kind": self.kind,
            "training_dataset": f"{name}_{version}",
            "label": study["label_name"],
            "components": {
                "included_features": [*study["included_features"]],
                "included_layers": [*study["included_layers"]],
                "included_groups": [
                    group if isinstance(group, str) else [*group]
                    for group in study["included_groups"]
                ],
                "custom_models": [*study["custom_models"]],
                **self._later_components,
            },
            **({"data": options} if (options := self._data_options.changes()) else {}),
            "ablator": self.name,
            "direction": self.direction,
            "optimization_key": self.optimization_key,
        }

    def hparams(self) -> list[dict[str, Json]]:
        """Return the parameters for TensorBoard, with the labels of all components as values."""
        labels = [component.params() for component in self._components()]
        return [
            {
                "name": name,
                "type": "CATEGORICAL",
                "values": [*dict.fromkeys(params[name] for params in labels)],
            }
            for name in LABEL_PARAMETERS
        ]

    def finish(self, final_store: list[Trial]) -> None:
        """Tell the ablator that the experiment has ended."""
        self._ablator.finalize_experiment(final_store)

    def _components(self) -> list[Component]:
        """Return the ablator's components, as far as it names any."""
        try:
            components = self._ablator.components()
            return [component for component in components if isinstance(component, Component)]
        except TypeError:
            # An ablator from before this method was part of the contract may use its name for
            # something else, such as a list or a method with arguments.
            return []
