"""Call the user's training function for a trial, with the arguments that fit it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from contextlib import suppress

from maggy.ablation.ablator import AbstractAblator
from maggy.ablation.edited_model import edits_told_to
from maggy.ablation.labels import ablated_choice, ablated_labels
from maggy.common.exceptions import MetricValueError
from maggy.common.json_values import as_number
from maggy.common.seeding import TrainingSeed
from maggy.common.signature import accepted_parameters, arguments_for, parameter_names
from maggy.common.types import Json, ParameterValue, TrainingFunction
from maggy.core.executors.model_witness import ModelWitness
from maggy.core.executors.return_value import metric_of, read_leniently
from maggy.core.messages import REMARK
from maggy.core.reporter import Reporter
from maggy.searchspace.choices import WrittenChoices

__all__ = ["AblationWorkload", "SearchWorkload", "Workload"]


class Workload:
    """Hold a training function, ready to be sent to the executors.

    Args:
        train_fn: The user's function.
        optimization_key: The key of the metric in a returned dict; None if the returned value is
            not a metric at all (a function that is run once, for what it returns).
        lenient: Whether to read a returned value as release 1.1 did; see
            :class:`~maggy.experiment_config.HyperparameterOptConfig`.
        values: What the parameters ``model`` and ``dataset`` get if no hyperparameter has that
            name; see :func:`~maggy.common.signature.config_values`.
    """

    def __init__(
        self,
        train_fn: TrainingFunction,
        optimization_key: str | None,
        *,
        lenient: bool = False,
        values: Mapping[str, ParameterValue] | None = None,
    ) -> None:
        self.train_fn = train_fn
        self.optimization_key = optimization_key
        self.lenient = lenient
        self.values = dict(values or {})

    def verify(self) -> None:
        """Try out, once and before any trial, what can be tried out. Raise an error if it fails."""

    def probes(self) -> Mapping[str, Callable[[], object]]:
        """Return what is built once before any trial, by label.

        One that raises an error costs only its own trial.
        """
        return {}

    def call(self, params: Mapping[str, ParameterValue], reporter: Reporter) -> object:
        """Run the training function for one trial; return what it returns.

        Args:
            params: The trial's parameters.
            reporter: The trial's reporter, for a function that asks for it.
        """
        raise NotImplementedError

    def metric_of(
        self, value: object, log: Callable[..., None]
    ) -> tuple[int | float, dict[str, Json]]:
        """Return the metric and the outputs that a returned value stands for.

        See :func:`~maggy.core.executors.return_value.metric_of`.

        Args:
            value: What the training function returned.
            log: :meth:`Reporter.log` of the trial. With a lenient reading it is told which value of
                a dict or list is the metric.
        """
        assert self.optimization_key is not None
        if self.lenient:
            value, choice = read_leniently(value, self.optimization_key)
            if choice:
                log(f"{REMARK}{choice}, and this is the metric.", jupyter=True)
        return metric_of(value, self.optimization_key, log)


class SearchWorkload(Workload):
    """Call the function with a trial's parameters as arguments.

    Args:
        train_fn: The user's function.
        optimization_key: See :class:`Workload`.
        choices: The choices that came as JSON, as the user wrote them; None if there are none.
        lenient: See :class:`Workload`.
        values: See :class:`Workload`.
    """

    def __init__(
        self,
        train_fn: TrainingFunction,
        optimization_key: str | None,
        choices: WrittenChoices | None = None,
        *,
        lenient: bool = False,
        values: Mapping[str, ParameterValue] | None = None,
    ) -> None:
        super().__init__(train_fn, optimization_key, lenient=lenient, values=values)
        self.choices = choices

    def call(self, params: Mapping[str, ParameterValue], reporter: Reporter) -> object:
        """Run the training function for one trial; return what it returns."""
        params = self.choices.restore(params) if self.choices else params
        offers = {"reporter": reporter, **self.values}
        value: object = self.train_fn(**arguments_for(self._names, params, offers))
        return value

    @functools.cached_property
    def _names(self) -> frozenset[str]:
        """The names of the function's parameters. To read its signature takes 15 microseconds."""
        return frozenset(parameter_names(self.train_fn))


class AblationWorkload(Workload):
    """Call the function with the data and the model that remain when a component is left out.

    A trial's parameters name the component; the ablator turns them into functions.

    Args:
        train_fn: The user's function.
        optimization_key: See :class:`Workload`.
        ablator: Makes the functions.
        lenient: See :class:`Workload`.
        values: See :class:`Workload`.
    """

    def __init__(
        self,
        train_fn: TrainingFunction,
        optimization_key: str,
        ablator: AbstractAblator,
        *,
        lenient: bool = False,
        values: Mapping[str, ParameterValue] | None = None,
    ) -> None:
        super().__init__(train_fn, optimization_key, lenient=lenient, values=values)
        self.ablator = ablator

    def verify(self) -> None:
        """Try the study out. Raise an error if no trial can run."""
        self.ablator.verify()

    def probes(self) -> Mapping[str, Callable[[], object]]:
        """Return what builds each custom model, by label."""
        return self.ablator.probes()

    def call(self, params: Mapping[str, ParameterValue], reporter: Reporter) -> object:
        """Run the training function for one trial; return what it returns."""
        seed = params.get("seed")
        if seed is None:
            return self._call(params, reporter)
        training_seed = TrainingSeed(seed)
        with training_seed.training():
            return self._call(params, reporter, training_seed)

    def metric_of(
        self, value: object, log: Callable[..., None]
    ) -> tuple[int | float, dict[str, Json]]:
        """Return the metric and the outputs. Explain NaN if missing values may be its cause."""
        try:
            metric, outputs = super().metric_of(value, log)
        except MetricValueError as error:
            remark = self._cause_of_nan() if "NaN" in str(error) else ""
            if not remark:
                raise
            raise MetricValueError(f"{error}.{remark}") from error
        items = value.items() if isinstance(value, Mapping) else ()
        names = [str(name) for name, item in items if _is_nan(item)]
        if names:
            log(
                f"{REMARK}A trial has a metric, although its {' and '.join(names)} is NaN."
                f"{self._cause_of_nan()}",
                jupyter=True,
            )
        return metric, outputs

    def _cause_of_nan(self) -> str:
        remark = self.ablator.missing_remark()
        if not remark:
            return ""
        return (
            f" {remark}, which may be the cause. Let the study fill them: "
            "AblationStudy(..., missing='mean')."
        )

    def _call(
        self,
        params: Mapping[str, ParameterValue],
        reporter: Reporter,
        seed: TrainingSeed | None = None,
    ) -> object:
        names = set(parameter_names(self.train_fn))
        # Release 1.1 gave both functions in a dict of that name, and only there.
        takes_dict = "hparams" in names
        offers = {"dataset_function", "model_function", "reporter"}
        accepted_names = accepted_parameters(self.train_fn, offers)
        feature, layer = ablated_labels(params)
        ablator = self.ablator.for_trial(params)
        functions: dict[str, ParameterValue] = {}
        # To make a function may take long, so only those that the training function takes.
        if takes_dict or "dataset_function" in accepted_names:
            functions["dataset_function"] = ablator.get_dataset_generator(feature)
        witness = ModelWitness(reporter)
        if takes_dict or "model_function" in accepted_names:
            with edits_told_to(witness.hear):
                model_function = ablator.get_model_generator(layer)
            functions["model_function"] = model_function and witness.watch(model_function)
        if seed is not None:
            # What a model or a data set draws must not change what the training draws.
            functions = {
                name: function if function is None else seed.apart(function)
                for name, function in functions.items()
            }
        arguments = {**functions, "reporter": reporter}
        offers_by_name = {
            **self.values,
            **{name: params[name] for name in ("repeat", "seed") if name in params},
            "hparams": functions,
        }
        choice = ablated_choice(params)
        choices = {} if choice is None else self.ablator.get_choices(str(choice))
        extra = {name: value for name, value in offers_by_name.items() if name in names}
        value: object = self.train_fn(
            **{name: arguments[name] for name in sorted(accepted_names)}, **extra, **choices
        )
        # A metric such as the accuracy is a number even if the loss has become NaN.
        if witness.conclude():
            reporter.log(
                f"{REMARK}Weights of a model are NaN at the end of a trial, so its metric says "
                f"nothing.{self._cause_of_nan()}",
                jupyter=True,
            )
        return value


def _is_nan(value: object) -> bool:
    with suppress(Exception):  # of the value's own class
        number = as_number(value)
        return number is not None and math.isnan(number)
    return False
