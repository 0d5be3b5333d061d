"""An ablation study as the driver sees it: an ablator that names what each trial leaves out."""

from __future__ import annotations

from typing import Any

from maggy.ablation.ablator import LOCO, AbstractAblator
from maggy.core.experiment_driver.policy import Policy
from maggy.experiment_config import AblationConfig
from maggy.trial import Trial

__all__ = ["AblationPolicy"]


class AblationPolicy(Policy):
    """Asks the ablator for trials. Nothing is stopped early: every component is to be measured."""

    kind = "ablation"
    needs_check = True

    def __init__(self, config: AblationConfig, ablator: AbstractAblator) -> None:
        self._ablator = ablator
        self.name = ablator.name()
        self.direction = config.direction
        self.optimization_key = config.optimization_key
        self.total = ablator.get_number_of_trials()
        self._remarked = False
        self._study: dict[str, Any] = config.ablation_study.to_dict()

    def start(self, trial_store: dict[str, Trial], final_store: list[Trial], seed: int) -> None:
        self._ablator.final_store = final_store
        self._ablator.initialize()

    def suggest(self, finished: Trial | None) -> Trial | None:
        trial = self._ablator.get_trial(finished)
        if not self._remarked and isinstance(trial, Trial) and trial.not_sent:
            self._remarked = True
            self.remark(
                f"{' and '.join(trial.not_sent)} of a trial are not sent, since functions do not travel with trials: "
                f"get_dataset_generator and get_model_generator of {self.name} are asked for them on the worker."
            )
        return trial

    def withdraw(self, label: str) -> Trial | None:
        return self._ablator.withdraw(label)

    def identity(self) -> dict[str, Any]:
        study = self._study
        return {
            "kind": self.kind,
            "training_dataset": f"{study['training_dataset_name']}_{study['training_dataset_version']}",
            "label": study["label_name"],
            "components": {
                name: study[name]
                for name in (
                    "included_features",
                    "included_layers",
                    "included_groups",
                    "custom_models",
                )
            },
            "ablator": self.name,
            "direction": self.direction,
            "optimization_key": self.optimization_key,
        }

    def hparams(self) -> list[dict[str, Any]]:
        params = (
            [part.params() for part in self._ablator.components()]
            if isinstance(self._ablator, LOCO)
            else []
        )
        return [
            {
                "name": name,
                "type": "CATEGORICAL",
                "values": list(dict.fromkeys(each[name] for each in params)),
            }
            for name in ("ablated_feature", "ablated_layer")
        ]

    def finish(self, final_store: list[Trial]) -> None:
        self._ablator.finalize_experiment(final_store)
