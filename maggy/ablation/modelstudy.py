"""The model side of an ablation study: generators, layers and groups of layers.

This module builds no model itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from maggy.ablation.generators import ModelGenerator
from maggy.ablation.keras_edit import LayerFactory
from maggy.ablation.names import exclude, flat_names, require_name, sorted_groups
from maggy.ablation.torch_models import ExampleInput
from maggy.common.exceptions import BadArgumentsError

__all__ = ["LayerStudy", "ModelStudy", "Replacement"]

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Replacement:
    """A layer of the base model that one trial replaces.

    Attributes:
        layer: The name of the layer.
        label: The name of what replaces it.
        factory: The function that makes the new layer.
    """

    layer: str
    label: str
    factory: LayerFactory

    @property
    def key(self) -> tuple[str, str]:
        """The names, which differ between any two replacements of a study."""
        return self.layer, self.label


class LayerStudy:
    """The layers and groups of layers of a study. One trial leaves out one layer or group.

    Layers are named as in the model that the base model generator returns. ``backbone/conv`` is the
    layer ``conv`` in the nested Keras model ``backbone``. Layers of a PyTorch model are its modules
    with the names of ``named_modules()``, such as ``encoder.layer.3``.

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

    Attributes:
        included_layers: The names of single layers, in the order of inclusion.
        included_prefixes: The prefixes, in the order of inclusion.
        included_groups: The lists of layers, in the order of inclusion, each sorted.
        replacements: The layers that are replaced, in the order of inclusion.
    """

    def __init__(self) -> None:
        self.included_layers: list[str] = []
        self.included_prefixes: list[str] = []
        self.included_groups: list[list[str]] = []
        self.replacements: list[Replacement] = []

    def include(self, *layers: str | list[str]) -> None:
        """Add single layers. Each of them is left out by one trial.

        A layer that is included already keeps its position.

        Args:
            *layers: Names, or lists of names.

        Raises:
            BadArgumentsError: If something else is among them; then nothing is added.
        """
        self.included_layers = list(
            dict.fromkeys(self.included_layers + flat_names(layers, "Layer"))
        )

    def exclude(self, *layers: str | list[str]) -> None:
        """Remove single layers from the study. A name that is not in it is logged and ignored.

        Args:
            *layers: Names, or lists of names.

        Raises:
            BadArgumentsError: If something else is among them; then nothing is removed.
        """
        self.included_layers = exclude(self.included_layers, flat_names(layers, "Layer"), "Layer")

    def include_groups(self, *groups: list[str], prefix: str | None = None) -> None:
        """Add groups of layers. One trial leaves out all layers of a group.

        Args:
            *groups: Lists of two or more names. Their order does not matter.
            prefix: All layers whose names begin with it, in upper or lower case, except the first
                and the last layer of the model.

        Raises:
            BadArgumentsError: If a group or the prefix is something else; then nothing is added.
        """
        # All arguments are checked before the first one is added.
        lists, prefixes = _lists_and_prefixes(groups, prefix)
        self.included_groups += [group for group in lists if group not in self.included_groups]
        self.included_prefixes += [name for name in prefixes if name not in self.included_prefixes]

    def exclude_groups(self, *groups: list[str], prefix: str | None = None) -> None:
        """Remove groups from the study. One that is not in it changes nothing.

        Args:
            *groups: Lists of two or more names, as they were included, in any order.
            prefix: A prefix, as it was included.

        Raises:
            BadArgumentsError: If a group or the prefix is something else; then nothing is removed.
        """
        lists, prefixes = _lists_and_prefixes(groups, prefix)
        self.included_groups = [group for group in self.included_groups if group not in lists]
        self.included_prefixes = exclude(self.included_prefixes, prefixes, "Prefix")

    def replace(self, layer: str, factory: LayerFactory, label: str | None = None) -> None:
        """Add a component in which another layer stands in place of a layer of the base model.

        The first and the last layer can be replaced, too. The same layer and label again replace
        the factory, so that a notebook cell can be run twice.

        Example:
            >>> from maggy.ablation import AblationStudy
            >>> def average_pooling():
            ...     import keras
            ...     return keras.layers.GlobalAveragePooling2D()
            >>> study = AblationStudy("images", label_name="digit")
            >>> study.model.layers.replace("flatten", average_pooling)

        Args:
            layer: The name of the layer.
            factory: A function without arguments that returns a new Keras layer, or a
                ``torch.nn.Module`` if the base model is one. It runs on a worker, so import or
                define everything that it uses inside it.
            label: The name of the new layer in the results:
                ``flatten replaced by average_pooling``. None takes the name of the function.

        Raises:
            BadArgumentsError: If an argument is something else, or a lambda has no label.
        """
        name = require_name(layer, "A layer")
        _require_callable(factory, "The factory of a replacement")
        if label is None:
            label = str(getattr(factory, "__name__", type(factory).__name__))
            if label == "<lambda>":
                raise BadArgumentsError(
                    f"The replacement of '{name}' by a lambda needs a label, by which results name "
                    "it: replace(layer, factory, label='...')."
                )
        replacement = Replacement(name, require_name(label, "The label of a replacement"), factory)
        keys = [other.key for other in self.replacements]
        if replacement.key in keys:
            self.replacements[keys.index(replacement.key)] = replacement
            return
        self.replacements.append(replacement)

    def print_all(self) -> None:
        """Print the single layers, one a line, in the order of inclusion."""
        if not self.included_layers:
            print("There are no single layers in this ablation study configuration.")
            return
        print("Included single layers are: \n")
        for name in self.included_layers:
            print(name)

    def print_all_groups(self) -> None:
        """Print the groups, one a line: prefixes, then lists, each in the order of inclusion."""
        if not self.included_prefixes and not self.included_groups:
            print("There are no layer groups in this ablation study configuration.")
            return
        print("Included layer groups are: \n")
        for prefix in self.included_prefixes:
            print(f'---- All layers prefixed "{prefix}"')
        for group in self.included_groups:
            print(f"--- Layer group {group}")


class ModelStudy:
    """The models of a study: the base model, the custom models, and what is taken out of the base.

    Attributes:
        layers: The layers and groups that are taken out of the base model.
        base_model_generator: The function that makes the base model, or None.
        custom_model_generators: The functions that make custom models, each with its identifier.
        example_input: The function that returns what a PyTorch base model takes, or None.
    """

    def __init__(self) -> None:
        self.layers = LayerStudy()
        self.base_model_generator: ModelGenerator | None = None
        self.custom_model_generators: list[tuple[ModelGenerator, str]] = []
        self.example_input: ExampleInput | None = None

    def set_base_model_generator(self, base_model_generator: ModelGenerator) -> None:
        """Set the function that makes the base model, from which layers are taken.

        Each trial calls it anew on a worker. Import or define everything that it uses inside it.

        Args:
            base_model_generator: A function without arguments that returns a Keras model, built
                or not, or a ``torch.nn.Module``. If no layer is left out, it may return a model of
                any library.

        Raises:
            BadArgumentsError: If it is not a function.
        """
        self.base_model_generator = _require_callable(
            base_model_generator, "The base model generator"
        )

    def set_example_input(self, example_input: ExampleInput) -> None:
        """Set the function that returns an input of the base model, if that is a PyTorch module.

        With it every component is tried before any trial: what the model returns must keep its
        shape and type. A Keras model knows its input, and does not need this.

        Example:
            >>> from maggy.ablation import AblationStudy
            >>> def two_images():
            ...     import torch
            ...     return torch.zeros(2, 3, 32, 32)
            >>> study = AblationStudy("images", label_name="digit")
            >>> study.model.set_example_input(two_images)

        Args:
            example_input: A function without arguments that returns a tensor, a tuple of the
                arguments of the model's ``forward``, or a dict of its named arguments. It runs on a
                worker, so import or define everything that it uses inside it.

        Raises:
            BadArgumentsError: If it is not a function.
        """
        self.example_input = _require_callable(example_input, "The example input")

    def add_custom_model_generator(
        self, custom_model_generator: ModelGenerator, model_identifier: str
    ) -> None:
        """Add a model of your own: one trial, in which ``model_function`` returns this model.

        An identifier that exists gets the new generator, so that a notebook cell can be run twice.

        Args:
            custom_model_generator: A function without arguments that returns a model.
            model_identifier: The name in the results: ``Custom model: <identifier>``.

        Raises:
            BadArgumentsError: If the generator is not a function, or the identifier not a string.
        """
        generator = _require_callable(custom_model_generator, "A custom model generator")
        name = require_name(model_identifier, "A custom model's identifier")
        identifiers = [identifier for _, identifier in self.custom_model_generators]
        # The position stays, so that the order of the trials does.
        if name in identifiers:
            self.custom_model_generators[identifiers.index(name)] = (generator, name)
            return
        self.custom_model_generators.append((generator, name))


def _lists_and_prefixes(
    groups: Iterable[list[str]], prefix: str | None
) -> tuple[list[list[str]], list[str]]:
    """Return the groups, sorted and without duplicates, and a list of at most one prefix."""
    lists = sorted_groups(groups, "layer")
    if not lists and prefix is None:
        raise BadArgumentsError(
            "A layer group is a list of two or more names, or prefix='...', but got neither."
        )
    return lists, [] if prefix is None else [require_name(prefix, "A prefix")]


def _require_callable(function: Function, noun: str) -> Function:
    if callable(function):
        return function
    raise BadArgumentsError(
        f"{noun} must be a function, but got {type(function).__name__}: {function!r:.80}. "
        "Give the function itself, not what it returns."
    )
