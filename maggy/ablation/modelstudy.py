"""The model side of an ablation study: generators, layers and groups of layers. Builds no model itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maggy.ablation.names import exclude, flat_names, require_name
from maggy.common.exceptions import BadArgumentsError

__all__ = ["LayerStudy", "ModelStudy"]


class LayerStudy:
    """The layers and groups of layers that are left out, one component a trial.

    Layers are known by the names they have in the model that the base model generator returns.

    Example:
        >>> from maggy.ablation import AblationStudy
        >>> study = AblationStudy("titanic_train_dataset", label_name="survived")
        >>> study.model.layers.include("my_dense_two", ["my_dense_three", "my_dense_four"])
        >>> study.model.layers.include_groups(["my_dense_two", "my_dense_four"])
        >>> study.model.layers.include_groups(prefix="my_dense")
        >>> study.model.layers.print_all_groups()  # doctest: +NORMALIZE_WHITESPACE
        Included layer groups are:
        <BLANKLINE>
        ---- All layers prefixed "my_dense"
        --- Layer group ['my_dense_four', 'my_dense_two']
    """

    def __init__(self) -> None:
        self.included_layers: list[str] = []
        self.included_prefixes: list[str] = []
        self.included_groups: list[list[str]] = []

    def include(self, *layers: str | list[str]) -> None:
        """Adds single layers: each becomes a trial without it.

        A layer that is included already stays where it was.

        Args:
            *layers: Names, or lists of names.

        Raises:
            BadArgumentsError: Something else was given; then nothing is added.
        """
        self.included_layers = list(
            dict.fromkeys(self.included_layers + flat_names(layers, "Layer"))
        )

    def exclude(self, *layers: str | list[str]) -> None:
        """Takes single layers back out of the study; one that is not in it is logged and changes nothing.

        Args:
            *layers: Names, or lists of names.
        """
        self.included_layers = exclude(self.included_layers, flat_names(layers, "Layer"), "Layer")

    def include_groups(self, *groups: list[str], prefix: str | None = None) -> None:
        """Adds groups of layers: each becomes one trial without all of its layers.

        Args:
            *groups: Lists of two or more names; their order does not matter.
            prefix: All layers whose names begin so, whatever the case; the first and the last layer always stay.

        Raises:
            BadArgumentsError: Something else was given; then nothing is added.
        """
        lists, prefixes = _groups(groups, prefix)
        self.included_groups += [group for group in lists if group not in self.included_groups]
        self.included_prefixes += [name for name in prefixes if name not in self.included_prefixes]

    def exclude_groups(self, *groups: list[str], prefix: str | None = None) -> None:
        """Takes groups back out of the study; one that is not in it changes nothing.

        Args:
            *groups: Lists of two or more names, as they were included, in any order.
            prefix: A prefix as it was included.
        """
        lists, prefixes = _groups(groups, prefix)
        self.included_groups = [group for group in self.included_groups if group not in lists]
        self.included_prefixes = exclude(self.included_prefixes, prefixes, "Prefix")

    def print_all(self) -> None:
        """Prints the single layers, one a line, in the order of inclusion."""
        if not self.included_layers:
            print("There are no single layers in this ablation study configuration.")
            return
        print("Included single layers are: \n")
        for name in self.included_layers:
            print(name)

    def print_all_groups(self) -> None:
        """Prints the groups, one a line: prefixes first, then lists, each in the order of inclusion."""
        if not self.included_prefixes and not self.included_groups:
            print("There are no layer groups in this ablation study configuration.")
            return
        print("Included layer groups are: \n")
        for prefix in self.included_prefixes:
            print(f'---- All layers prefixed "{prefix}"')
        for group in self.included_groups:
            print(f"--- Layer group {group}")


def _groups(groups: tuple[object, ...], prefix: object) -> tuple[list[list[str]], list[str]]:
    """The groups, each sorted and without duplicates, and the prefix in a list of at most one."""
    if not groups and prefix is None:
        raise BadArgumentsError(
            "A layer group is a list of two or more names, or prefix='...', but got neither."
        )
    lists = [_group(group) for group in groups]
    unique = [group for position, group in enumerate(lists) if group not in lists[:position]]
    return unique, [] if prefix is None else [require_name(prefix, "A prefix")]


def _group(group: object) -> list[str]:
    if not isinstance(group, list):
        raise BadArgumentsError(
            f"A layer group must be a list of two or more names, but got {type(group).__name__}: {group!r:.80}. "
            "For all layers whose names begin alike use prefix='...'; for a single layer use include()."
        )
    names = sorted({require_name(name, "A layer in a group") for name in group})
    if len(names) < 2:
        raise BadArgumentsError(
            f"A layer group must have two or more layers, but got {group!r:.80}. For a single layer use include()."
        )
    return names


class ModelStudy:
    """The models of a study: the base model, the custom models, and in ``layers`` what is taken out of the base."""

    def __init__(self) -> None:
        self.layers = LayerStudy()
        self.base_model_generator: Callable[[], Any] | None = None
        self.custom_model_generators: list[tuple[Callable[[], Any], str]] = []

    def set_base_model_generator(self, base_model_generator: Callable[[], Any]) -> None:
        """Sets the function that makes the base model, from which layers are taken.

        It is called anew in each trial, on a worker, so everything it uses must be imported or defined inside it.

        Args:
            base_model_generator: Takes no arguments and returns a Keras model, built or not.
        """
        self.base_model_generator = _require_callable(
            base_model_generator, "The base model generator"
        )

    def add_custom_model_generator(
        self, custom_model_generator: Callable[[], Any], model_identifier: str
    ) -> None:
        """Adds a model of your own: one trial, in which ``model_function`` returns this model instead.

        The same identifier again replaces the generator, so that a notebook cell can be run twice.

        Args:
            custom_model_generator: Takes no arguments and returns a model.
            model_identifier: The name by which results show it: ``Custom model: <identifier>``.
        """
        generator = _require_callable(custom_model_generator, "A custom model generator")
        name = require_name(model_identifier, "A custom model's identifier")
        known = [identifier for _, identifier in self.custom_model_generators]
        if name in known:
            self.custom_model_generators[known.index(name)] = (generator, name)
            return
        self.custom_model_generators.append((generator, name))


def _require_callable(value: Any, what: str) -> Callable[..., Any]:
    if callable(value):
        return value  # type: ignore[no-any-return]
    raise BadArgumentsError(
        f"{what} must be a function, but got {type(value).__name__}: {value!r:.80}. "
        "Give the function itself, not what it returns."
    )
