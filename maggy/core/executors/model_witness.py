"""The models of an ablation's trial: what they are, what they have lost, and whether they broke."""

from __future__ import annotations

import functools
from contextlib import suppress

from maggy.ablation.edited_model import EditedModel
from maggy.ablation.generators import ModelGenerator
from maggy.ablation.model_edits import has_nan_weights, num_parameters
from maggy.common.exceptions import NotSupportedError
from maggy.common.types import ParameterValue
from maggy.core.reporter import Reporter

__all__ = ["ModelWitness"]


class ModelWitness:
    """Record facts about the last model of a trial, and write to its output what an edit changed.

    The objects are the user's, and may only look like models. So nothing here costs a trial.

    Args:
        reporter: The trial's reporter.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._texts: set[str] = set()
        self._models: list[object] = []

    def hear(self, edited: EditedModel[object]) -> None:
        """Take note of a model without some layers."""
        self._reporter.model_facts = {
            "layers": [*edited.removal, *edited.replacements],
            "restarts": [*edited.restarts],
        }
        text = edited.describe()
        if not text or text in self._texts:
            return
        self._texts.add(text)
        # A process of the training function's own may build the model.
        with suppress(NotSupportedError):
            self._reporter.log(text, jupyter=False)

    def watch(self, model_function: ModelGenerator) -> ModelGenerator:
        """Return a function that takes note of each model that another one returns.

        The function of a user's own ablator may take arguments.
        """

        @functools.wraps(model_function)
        def build(*arguments: ParameterValue, **keywords: ParameterValue) -> object:
            # The previous one may go first, since two may not fit into memory.
            self._models.clear()
            self._reporter.model_facts = {}
            model = model_function(*arguments, **keywords)
            facts = self._reporter.model_facts
            self._reporter.model_facts = {
                "parameters": _size(model),
                "layers": facts.get("layers", []),
                "restarts": facts.get("restarts", []),
            }
            self._models.append(model)
            return model

        return build

    def conclude(self) -> bool:
        """Complete the facts when the training has ended; return whether weights are NaN."""
        for model in self._models:
            # Some models know their size only after they have seen data.
            if self._reporter.model_facts.get("parameters") is None:
                self._reporter.model_facts["parameters"] = _size(model)
            with suppress(Exception):
                return has_nan_weights(model)
        return False


def _size(model: object) -> int | None:
    with suppress(Exception):
        return num_parameters(model)
    return None
