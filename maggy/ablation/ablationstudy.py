"""An ablation study: features of the training data set, layers of the model, and whole models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypedDict

from maggy.ablation.choices import Choice, ChoiceStudy
from maggy.ablation.combinations import Combination, make_combination
from maggy.ablation.component import Component
from maggy.ablation.featurestudy import FeatureStudy
from maggy.ablation.generators import DatasetGenerator
from maggy.ablation.modelstudy import ModelStudy
from maggy.ablation.names import require_name
from maggy.ablation.plan import StudyPlan, plan_study
from maggy.ablation.study_components import study_components
from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.common.json_values import closest
from maggy.common.types import ParameterValue
from maggy.datasets.options import DataOptions, FeatureAblation, Missing

__all__ = ["AblationStudy", "FeatureStudy", "StudyDict"]

_KEYWORDS = [
    "training_dataset_name",
    "training_dataset_version",
    "label_name",
    "dataset_generator",
    "feature_ablation",
    "missing",
    "test_fraction",
    "folds",
]


class _PlanAblator(Protocol):
    """What a plan needs of an ablator."""

    waits_for_results: bool

    def components(self) -> list[Component]: ...

    def get_number_of_trials(self) -> int: ...


class PlanConfig(Protocol):
    """What a plan needs of an :class:`~maggy.experiment_config.AblationConfig`."""

    ablation_study: AblationStudy
    repeats: int

    def make_ablator(self) -> _PlanAblator:
        """Return the ablator."""


class StudyDict(TypedDict):
    """A study as a dict. Groups are prefixes (strings) before lists of layers."""

    training_dataset_name: str | None
    training_dataset_version: int | None
    label_name: str | None
    included_features: list[str]
    included_layers: list[str]
    included_groups: list[str | list[str]]
    custom_models: list[str]
    custom_dataset_generator: DatasetGenerator | None


class AblationStudy:
    """An ablation study: a base model on a training data set, and the components to train without.

    Each trial leaves out one of the components that are *included*. Give the study to
    ``experiment.lagom`` in an ``AblationConfig``. Names of features and layers are checked when the
    experiment starts, before any trial.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.features.include("pclass", "fare")
        >>> study.features.list_all()
        pclass
        fare
        >>> study.model.layers.include("my_dense_two", "my_dense_three")

    Args:
        training_dataset_name: The name of a registered data set. It may be None
            with a data set generator of your own.
        training_dataset_version: The version of the data set, 1 or more.
        label_name: The column that the model predicts. It is never among the features.
        dataset_generator: See :meth:`set_dataset_generator`. It makes all data itself, so it
            excludes the four options that follow.
        feature_ablation: How a feature is left out. ``"drop"``, the default, takes its column away,
            so the model must not have a fixed input width. The others keep the width:
            ``"mean"`` and ``"zero"`` put one value there, and ``"permute"`` mixes the values among
            the rows, once a repeat and in the same way for all columns of a group.
        missing: What happens to missing values. None, the default, refuses a data set that has any.
            ``"mean"`` and ``"median"`` fill them; ``"indicator"`` fills them with the mean, and
            adds a column ``<name>_missing`` of 0 and 1; ``"drop"`` leaves out each row with one;
            ``"keep"`` passes them on as NaN. A row without a label is left out except by
            ``"keep"``.
        test_fraction: The share of rows, 0 by default, that are held out:
            ``dataset_function(1, 256, split="test")`` gives them. All trials of a repeat share
            them, and each repeat holds out others. Means and medians come from the other rows.
        folds: Hold out one of this many folds instead, fold ``repeat % folds``. After all folds
            have had their turn, the rows are divided anew.
        **unknown: No further keyword exists.

    Attributes:
        features: The features that are left out.
        model: The base model, its layers that are left out, and the custom models.
        choices: The parameters of the training function that get another value.
        combinations: What single trials leave out together, in the order of inclusion.
        custom_dataset_generator: The function that makes the data set, or None.
        data_options: How features are left out, what happens to missing values, and which rows are
            held out.

    Raises:
        BadArgumentsError: If an argument breaks one of these rules.
        SignatureError: If a keyword does not exist.
    """

    def __init__(
        self,
        training_dataset_name: str | None,
        training_dataset_version: int | None = 1,
        label_name: str | None = None,
        *,
        dataset_generator: DatasetGenerator | None = None,
        feature_ablation: FeatureAblation = "drop",
        missing: Missing | None = None,
        test_fraction: float = 0.0,
        folds: int | None = None,
        **unknown: object,
    ) -> None:
        # Python's own error would not name the closest keyword.
        for keyword in unknown:
            raise SignatureError(
                f"AblationStudy has no keyword '{keyword}'.{closest(keyword, _KEYWORDS)}"
            )
        if training_dataset_name is not None:
            require_name(training_dataset_name, "training_dataset_name")
        if label_name is not None:
            require_name(label_name, "label_name")
        version = training_dataset_version
        # To Python True is the integer 1.
        if version is not None and (
            isinstance(version, bool) or not isinstance(version, int) or version < 1
        ):
            raise BadArgumentsError(
                f"training_dataset_version must be an integer of at least 1, but got {version!r}."
            )
        self.training_dataset_name = training_dataset_name
        self.training_dataset_version = version
        self.label_name = label_name
        self.data_options = DataOptions(
            feature_ablation=feature_ablation,
            missing=missing,
            test_fraction=test_fraction,
            folds=folds,
        )
        self.features = FeatureStudy()
        self.model = ModelStudy()
        self.choices = ChoiceStudy()
        self.combinations: list[Combination] = []
        self.custom_dataset_generator: DatasetGenerator | None = None
        if dataset_generator is not None:
            self.set_dataset_generator(dataset_generator)

    def set_dataset_generator(self, dataset_generator: DatasetGenerator) -> None:
        """Set a function that makes the data set in place of the registered training data set.

        Then neither the data set nor the names of features are looked up. The function runs on a
        worker, so import or define everything that it uses inside it.

        Args:
            dataset_generator: ``f(num_epochs, batch_size)`` or
                ``f(num_epochs, batch_size, ablated_feature)``. Only the second form can leave
                features out: its third parameter, whatever its name, gets the name of the feature,
                for a group the sorted list of its names, or None.

        Raises:
            BadArgumentsError: If it is not a function.
        """
        if not callable(dataset_generator):
            raise BadArgumentsError(
                "The data set generator must be a function, "
                f"but got {type(dataset_generator).__name__}."
            )
        self.custom_dataset_generator = dataset_generator

    def include_combination(
        self,
        *,
        feature: str | list[str] | None = None,
        layer: str | list[str] | None = None,
        choice: Mapping[str, ParameterValue] | None = None,
    ) -> None:
        """Add a trial that leaves several things out together.

        Its parts need not be included one by one. Labels of one parameter are joined in the order
        of inclusion: ``age + fare``. The same parts again, in any order, change nothing. A
        combination that cannot be built fails its own trial.

        Example:
            >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
            >>> study.include_combination(feature=["age", "fare"], choice={"augment": False})

        Args:
            feature: A feature, or a list.
            layer: A layer, or a list. It may also be the label of an included component of the
                model, such as ``flatten replaced by average_pooling``.
            choice: Values by the name of a parameter of the training function.

        Raises:
            BadArgumentsError: If an argument is something else, or there are fewer than two parts.
        """
        combination = make_combination(feature, layer, choice)
        if combination.key not in [other.key for other in self.combinations]:
            self.combinations.append(combination)

    @property
    def all_choices(self) -> list[Choice]:
        """The choices of single components and of combinations."""
        in_combinations = [choice for part in self.combinations for choice in part.choices]
        return [*self.choices.included_choices, *in_combinations]

    def plan(self, config: PlanConfig | None = None) -> StudyPlan:
        """Return what the trials of this study leave out of the model, without training.

        The plan prints as a table: for each component the layers that really go, the parameters of
        the model before and after, and the layers whose weights start anew. The models are built
        here, in the notebook. Combinations are counted, and not built.

        Example:
            >>> from maggy.ablation import AblationStudy
            >>> study = AblationStudy(None)
            >>> study.choices.include(augment=False)
            >>> print(study.plan())
            without               layers that go  parameters  change  weights that start anew
            (base)
            choice augment=False
            2 trials.

        Args:
            config: The ``AblationConfig`` whose ablator and repeats to plan with. None means one
                trial for each component.

        Raises:
            AblationError: If the base model cannot be built.
            BadArgumentsError: If the config is for another study.
        """
        if config is None:
            components = study_components(self)
            return plan_study(self, components, len(components), 1)
        if config.ablation_study is not self:
            raise BadArgumentsError(
                "plan() takes a config of the same study. Make it with AblationConfig(study, ...)."
            )
        ablator = config.make_ablator()
        num_trials = None if ablator.waits_for_results else ablator.get_number_of_trials()
        components = ablator.components() or study_components(self)
        return plan_study(self, components, num_trials, config.repeats)

    def to_dict(self) -> StudyDict:
        """Return the study as a dict.

        Returns:
            ``training_dataset_name, training_dataset_version, label_name, included_features,
            included_layers, included_groups`` (prefixes, then lists), ``custom_models`` (their
            identifiers) and ``custom_dataset_generator`` (the function or None).
        """
        layers = self.model.layers
        return {
            "training_dataset_name": self.training_dataset_name,
            "training_dataset_version": self.training_dataset_version,
            "label_name": self.label_name,
            "included_features": list(self.features.included_features),
            "included_layers": list(layers.included_layers),
            "included_groups": [
                *layers.included_prefixes,
                *(list(group) for group in layers.included_groups),
            ],
            "custom_models": [identifier for _, identifier in self.model.custom_model_generators],
            "custom_dataset_generator": self.custom_dataset_generator,
        }
