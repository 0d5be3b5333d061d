"""The plan of a study: what each trial leaves out of the model, computed without training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from maggy.ablation.component import Component
from maggy.ablation.feature_data import ablated_columns
from maggy.ablation.generators import ModelGenerator, build_base_model, sized_generator, takes_width
from maggy.ablation.model_edits import edit_base_model, num_parameters
from maggy.ablation.study_components import EDIT_KINDS, component_edit
from maggy.common.exceptions import AblationError
from maggy.common.keras_session import call_generator, fresh_names
from maggy.common.seeding import unchanged_generators
from maggy.common.text_table import TextTable
from maggy.datasets.registry import find_training_dataset

if TYPE_CHECKING:
    from maggy.ablation.ablationstudy import AblationStudy

__all__ = ["ComponentPlan", "StudyPlan", "plan_study"]

# A stage of a residual network has dozens of layers, and a row is one line.
_MAX_NAMES = 4

_Width: TypeAlias = Callable[[Component], int]
"""Return the number of features in the trials of a component."""


@dataclass(frozen=True)
class ComponentPlan:
    """What one component changes in the model.

    Attributes:
        component: The component.
        layers: The layers that really go or are replaced, merges of a removed branch included.
        parameters: The number of the model's parameters; None if the model does not know it before
            it has seen data.
        restarts: The layers that stay, but whose weights no longer fit and start anew.
        problem: Why the model of the component cannot be built; empty if it can.
    """

    component: Component
    layers: tuple[str, ...] = ()
    parameters: int | None = None
    restarts: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class StudyPlan:
    """The plan of a study. It prints as a table, and notebooks show it as one.

    Attributes:
        components: The base and the components, in the order of their trials.
        num_trials: The number of trials in all; None if the ablator decides that from results.
        repeats: How often each of them is trained.
        num_combinations: The number of trials, in one repeat, that leave out what the ablator
            combines. The plan does not build them.
    """

    components: list[ComponentPlan]
    num_trials: int | None
    repeats: int = 1
    num_combinations: int = 0

    def table(self) -> TextTable:
        """Return the plan as a table of texts.

        It names at most four layers in a cell. The others are counted; they are in ``components``.
        """
        base = self.components[0].parameters if self.components else None
        heads = ["without", "layers that go", "parameters", "change", "weights that start anew"]
        return TextTable(heads, [_cells(plan, base) for plan in self.components])

    def to_markdown(self) -> str:
        """Return the plan as a table in GitHub's Markdown."""
        return self.table().to_markdown()

    def to_latex(self) -> str:
        """Return the plan as LaTeX's ``tabular``, with the rules of the package booktabs."""
        return self.table().to_latex()

    def caption(self) -> str:
        """Return the sentence that counts the trials."""
        if self.num_trials is None:
            return "The ablator decides from results how many trials there are."
        texts = [f"{self.num_trials:,} trials"]
        if self.repeats > 1:
            texts.append(f" in {self.repeats:,} repeats")
        if self.num_combinations:
            texts.append(
                f"; combinations, which the plan does not build: {self.num_combinations:,}"
            )
        return f"{''.join(texts)}."

    def problems(self) -> list[str]:
        """Return a sentence for each component whose model cannot be built."""
        return [
            f"{plan.component.describe()} cannot be built: {plan.problem}"
            for plan in self.components
            if plan.problem
        ]

    def __str__(self) -> str:
        return "\n".join([self.table().to_text(), self.caption(), *self.problems()])

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        return self.table().to_html(" ".join([self.caption(), *self.problems()]), max_rows=1000)


def plan_study(
    study: AblationStudy,
    components: Sequence[Component],
    num_trials: int | None,
    repeats: int,
) -> StudyPlan:
    """Return the plan of a study. The base model is built once for each component.

    Args:
        study: The study.
        components: What its trials leave out, the base first.
        num_trials: The number of trials of one repeat; None if it is unknown.
        repeats: The number of repeats.

    Raises:
        AblationError: If the base model cannot be built.
    """
    singles = [component for component in components if not component.parts]
    width = _width(study)
    with unchanged_generators():
        plans = [_plan(component, study, width) for component in singles]
    return StudyPlan(
        plans,
        None if num_trials is None else num_trials * repeats,
        repeats,
        len(components) - len(singles),
    )


def _width(study: AblationStudy) -> _Width | None:
    """Return a function that counts the features of a component's trials.

    None if no model generator takes the number, or the study does not name a data set.
    """
    model, name = study.model, study.training_dataset_name
    generators = [generator for generator, _ in model.custom_model_generators]
    if model.base_model_generator is not None:
        generators.append(model.base_model_generator)
    if name is None or not any(map(takes_width, generators)):
        return None
    dataset = find_training_dataset(name, study.training_dataset_version, study.label_name)

    def width(component: Component) -> int:
        columns = ablated_columns(component, dataset)
        return len(dataset.of_trial(columns, study.data_options).names)

    return width


def _plan(component: Component, study: AblationStudy, width: _Width | None) -> ComponentPlan:
    generator = study.model.base_model_generator
    with fresh_names(keep=False):
        if component.kind == "custom":
            return _plan_custom(component, study, width)
        if generator is None:
            return ComponentPlan(component)
        make = _sized(generator, component, width)
        if component.is_base:
            return ComponentPlan(component, parameters=num_parameters(build_base_model(make)))
        # Without a feature the model is another one only if its generator takes their number.
        is_resized = component.is_of_features and make is not generator
        if not is_resized and component.kind not in EDIT_KINDS:
            return ComponentPlan(component)
        try:
            model = build_base_model(make)
            if is_resized:
                return ComponentPlan(component, parameters=num_parameters(model))
            edited = edit_base_model(model, component_edit(component, study, model))
        except AblationError as error:
            return ComponentPlan(component, problem=str(error))
    return ComponentPlan(
        component,
        (*edited.removal, *edited.replacements),
        num_parameters(edited.model),
        edited.restarts,
    )


def _sized(generator: ModelGenerator, component: Component, width: _Width | None) -> ModelGenerator:
    return generator if width is None else sized_generator(generator, lambda: width(component))


def _plan_custom(component: Component, study: AblationStudy, width: _Width | None) -> ComponentPlan:
    generators = {name: generator for generator, name in study.model.custom_model_generators}
    try:
        model = call_generator(_sized(generators[component.names[0]], component, width))
    except Exception as error:  # The function is the user's. Its trial fails, and no other.
        return ComponentPlan(component, problem=f"{type(error).__name__}: {error}")
    return ComponentPlan(component, parameters=num_parameters(model))


def _cells(plan: ComponentPlan, base: int | None) -> list[str]:
    name = "(base)" if plan.component.is_base else plan.component.describe()
    if plan.problem:
        return [name, "cannot be built", "", "", ""]
    parameters = plan.parameters
    has_change = parameters is not None and base is not None and not plan.component.is_base
    return [
        name,
        _short_list(plan.layers),
        "" if parameters is None else f"{parameters:,}",
        f"{(parameters or 0) - (base or 0):+,}" if has_change else "",
        _short_list(plan.restarts),
    ]


def _short_list(names: Sequence[str]) -> str:
    if len(names) <= _MAX_NAMES:
        return ", ".join(names)
    first = names[: _MAX_NAMES - 1]
    return f"{', '.join(first)} and {len(names) - len(first)} more"
