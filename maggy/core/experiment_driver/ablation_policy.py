"""Let an ablator decide what each trial of an ablation study leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from maggy.ablation.ablator import AbstractAblator
from maggy.ablation.component import Component
from maggy.ablation.labels import CHOICE_PARAMETER, LABEL_PARAMETERS, NOTHING
from maggy.ablation.metrics import Analysis, ComponentMetrics
from maggy.ablation.repeats import Repeats
from maggy.ablation.statistics import can_test
from maggy.common.extras import install_command
from maggy.common.seeding import derive_seed
from maggy.common.types import Json, Params
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.stop_rules import StopRules
from maggy.earlystop.decision import Decision
from maggy.experiment_config import AblationConfig
from maggy.trial import Trial

__all__ = ["AblationPolicy"]


class AblationPolicy(Policy):
    """The policy that asks an ablator for trials.

    By default it stops none early, so that all components are measured in the same way.

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
        self._rules = StopRules(
            config.es_policy,
            direction=config.direction,
            interval=config.es_interval,
            min_trials=config.es_min,
        )
        # An ablator of release 1 may have attributes of its own by the names of later ones.
        if ablator.waits_for_results:
            ablator.direction = config.direction
        else:
            self.total = ablator.get_number_of_trials() * config.repeats
        self._has_remarked = False
        self._study = config.ablation_study.to_dict()
        # What studies of earlier releases did not have is recorded only where it is used.
        study = config.ablation_study
        later_components: dict[str, list[Json]] = {
            "feature_prefixes": [*study.features.included_prefixes],
            "feature_regexes": [*study.features.included_regexes],
            "feature_groups": [[*group] for group in study.features.included_groups],
            "replacements": [
                Component.replacement(*replacement.key).label
                for replacement in study.model.layers.replacements
            ],
            "choices": [choice.label for choice in study.choices.included_choices],
            "combinations": [part.component([]).label for part in study.combinations],
        }
        self._later_components: dict[str, Json] = {
            kind: labels for kind, labels in later_components.items() if labels
        }
        options = ablator.trial_options()
        self._options: dict[str, Json] = {"ablator_options": options} if options else {}
        self._data_options = study.data_options
        has_options = config.is_seeded or bool(study.data_options.changes())
        self._training_data = ablator.data_fingerprint() if has_options else ""
        self._seed = 0

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        """Begin the study. Which trials it has depends on no seed."""
        self._seed = seed
        self._repeats = Repeats(
            self._ablator.get_trial, self._num_repeats, seed if self._is_seeded else None
        )
        if self._num_repeats > 1 and not can_test():
            self.remark(
                "Without SciPy the result has means and standard deviations, but no intervals and "
                "no verdicts. Install it where the notebook runs: " + install_command("stats")
            )
        self._ablator.final_store = final_store
        if self._ablator.waits_for_results:
            self._ablator.trial_store = trial_store
        self._ablator.initialize()
        self._rules.start(trial_store)

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
            **({"repeats": self._num_repeats} if self._is_seeded else {}),
            **({"data": options} if (options := self._data_options.changes()) else {}),
            **({"training_data": self._training_data} if self._training_data else {}),
            "ablator": self.name,
            **self._options,
            "direction": self.direction,
            "optimization_key": self.optimization_key,
        }

    def mismatch(self, record: Mapping[str, Json]) -> tuple[str, Json, Json] | None:
        """Return what forbids to resume a study, or None: it may only have been extended."""
        current = self.identity()
        repeats, components = record.get("repeats"), record.get("components")
        # Trials without a seed cannot be paired with those of a study that has seeds.
        if isinstance(repeats, int) and self._is_seeded and repeats <= self._num_repeats:
            repeats = self._num_repeats
        if repeats != current.get("repeats"):
            return "repeats", record.get("repeats"), current.get("repeats")
        if _is_part(components, current["components"]):
            components = current["components"]
        data = record.get("training_data", current.get("training_data"))
        return super().mismatch(
            {**record, "repeats": repeats, "components": components, "training_data": data}
        )

    def hparams(self) -> list[dict[str, Json]]:
        """Return the parameters for TensorBoard, with the labels of all components as values."""
        labels = [component.params() for component in self._components()]
        has_choices = any(CHOICE_PARAMETER in params for params in labels)
        return [
            {
                "name": name,
                "type": "CATEGORICAL",
                "values": [*dict.fromkeys(params.get(name, NOTHING) for params in labels)],
            }
            for name in (*LABEL_PARAMETERS, *([CHOICE_PARAMETER] if has_choices else []))
        ]

    def is_check_due(self, trial: Trial, steps: list[int | float]) -> bool:
        """Return whether a new step is a multiple of ``es_interval``."""
        return self._rules.is_check_due(steps)

    def decide(self, trial: Trial, final_store: list[Trial]) -> Decision:
        """Return what the stop rules decide about the trial.

        The base is never stopped, since all components are compared with it. Repeats have seeds and
        rows of their own, so a trial is judged by the trials of its own repeat.
        """
        if Component.from_params(trial.params).is_base:
            return Decision.CONTINUE
        peers = [other for other in final_store if other.repeat == trial.repeat]
        return self._rules.decide(trial, peers)

    def should_end(self, final_store: list[Trial]) -> str | None:
        """Return the reason of the first rule that ends the experiment; else None."""
        return self._rules.should_end(final_store)

    def analyze(self, trials: list[Trial]) -> Analysis:
        """Return what the ablator adds to the result."""
        return self._ablator.analyze_metrics(ComponentMetrics(trials), self.confidence)

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


def _is_part(record: Json, current: Json) -> bool:
    """Return whether each list of components holds all that is recorded."""
    if not isinstance(record, dict) or not isinstance(current, dict):
        return False
    for name, items in record.items():
        current_items = current.get(name)
        if not isinstance(items, list) or not isinstance(current_items, list):
            return False
        if any(item not in current_items for item in items):
            return False
    return True
