"""What an ablation study leaves out: features of the training data set, layers of the model, whole models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maggy.ablation.modelstudy import ModelStudy
from maggy.ablation.names import exclude, flat_names
from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.common.json_values import closest

__all__ = ["AblationStudy", "FeatureStudy"]


class FeatureStudy:
    """The features that are left out, one a trial, in the order of inclusion."""

    def __init__(self) -> None:
        self.included_features: list[str] = []

    def include(self, *features: str | list[str]) -> None:
        """Adds features: each becomes a trial whose data set lacks it.

        A feature that is included already stays where it was.

        Args:
            *features: Names, or lists of names.

        Raises:
            BadArgumentsError: Something else was given; then nothing is added.
        """
        names = flat_names(features, "Feature")
        if "None" in names:
            raise BadArgumentsError(
                "A feature cannot be called 'None', because that is the label of the base trial."
            )
        self.included_features = list(dict.fromkeys(self.included_features + names))

    def exclude(self, *features: str | list[str]) -> None:
        """Takes features back out of the study; one that is not in it is logged and changes nothing.

        Args:
            *features: Names, or lists of names.
        """
        self.included_features = exclude(
            self.included_features, flat_names(features, "Feature"), "Feature"
        )

    def list_all(self) -> None:
        """Prints the included features, one a line."""
        for name in self.included_features:
            print(name)


class AblationStudy:
    """An ablation study: a base model on a training data set, and the components to train without.

    What is *included* is left out, one component a trial. The study is then given to
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
        training_dataset_name: The name under which the data set was registered; may be None with a
            data set generator of your own.
        training_dataset_version: Its version, 1 or more.
        label_name: The column that the model predicts. It is never among the features.
        **kwargs: ``dataset_generator``: see ``set_dataset_generator``.

    Raises:
        BadArgumentsError: An argument breaks one of these rules.
        SignatureError: A keyword does not exist.
    """

    def __init__(
        self,
        training_dataset_name: str | None,
        training_dataset_version: int | None = 1,
        label_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for keyword in kwargs:
            if keyword != "dataset_generator":
                known = [
                    "training_dataset_name",
                    "training_dataset_version",
                    "label_name",
                    "dataset_generator",
                ]
                raise SignatureError(
                    f"AblationStudy has no keyword '{keyword}'.{closest(keyword, known)}"
                )
        for what, value in (
            ("training_dataset_name", training_dataset_name),
            ("label_name", label_name),
        ):
            if value is not None and (not isinstance(value, str) or not value):
                raise BadArgumentsError(
                    f"{what} must be a string that is not empty, but got {value!r:.80}."
                )
        version = training_dataset_version
        if version is not None and (
            isinstance(version, bool) or not isinstance(version, int) or version < 1
        ):
            raise BadArgumentsError(
                f"training_dataset_version must be an integer of at least 1, but got {version!r}."
            )
        self.training_dataset_name = training_dataset_name
        self.training_dataset_version = version
        self.label_name = label_name
        self.features = FeatureStudy()
        self.model = ModelStudy()
        self.custom_dataset_generator: Callable[..., Any] | None = None
        if kwargs.get("dataset_generator") is not None:
            self.set_dataset_generator(kwargs["dataset_generator"])

    def set_dataset_generator(self, dataset_generator: Callable[..., Any]) -> None:
        """Sets a function that makes the data set, instead of the registered training data set.

        Neither the data set nor the names of features are looked up then. Everything the function
        uses must be imported or defined inside it, since it runs on a worker.

        Args:
            dataset_generator: ``f(num_epochs, batch_size)`` or ``f(num_epochs, batch_size, ablated_feature)``.
                Features can be ablated with the second form only: its third parameter, whatever its
                name, gets the name of the feature to leave out, or None.

        Raises:
            BadArgumentsError: It is not a function.
        """
        if not callable(dataset_generator):
            kind = type(dataset_generator).__name__
            raise BadArgumentsError(f"The data set generator must be a function, but got {kind}.")
        self.custom_dataset_generator = dataset_generator

    def to_dict(self) -> dict[str, Any]:
        """The study as a dict; groups show prefixes (strings) before lists of layers.

        Returns:
            ``training_dataset_name, training_dataset_version, label_name, included_features,
            included_layers, included_groups, custom_models`` (their identifiers) and
            ``custom_dataset_generator`` (the function or None).
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
