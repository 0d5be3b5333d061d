"""A search space's configurations as lists and as vectors of floats, for algorithms that work on those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from maggy.common.exceptions import BadArgumentsError
from maggy.searchspace.configuration import convert
from maggy.searchspace.parameter import LISTED, Parameter

__all__ = ["Vectors"]


class Vectors:
    """The methods of a :class:`~maggy.Searchspace` that turn dicts into lists and values into places on a scale."""

    __slots__ = ()

    _parameters: dict[str, Parameter]

    @overload
    def transform(
        self, hparams: Mapping[str, Any], normalize_categorical: bool = False
    ) -> dict[str, float]: ...
    @overload
    def transform(
        self, hparams: Sequence[Any], normalize_categorical: bool = False
    ) -> list[float]: ...
    def transform(
        self, hparams: Mapping[str, Any] | Sequence[Any], normalize_categorical: bool = False
    ) -> dict[str, float] | list[float]:
        """Return a configuration as plain floats.

        A DOUBLE or INTEGER becomes its place between the bounds, 0 to 1 (in the logarithm for a log scale); a
        DISCRETE, CATEGORICAL or CONSTANT value becomes its index in the list. A parameter that does not exist in
        this configuration is left out of a dict, and is None in a list.

        Example:
            >>> from maggy import Searchspace
            >>> space = Searchspace(x=("DOUBLE", [0, 4]), y=("CATEGORICAL", ["a", "b", "c"]))
            >>> space.transform([1.0, "b"])
            [0.25, 1.0]
            >>> space.transform({"x": 1.0, "y": "b"}, normalize_categorical=True)
            {'x': 0.25, 'y': 0.5}

        Args:
            hparams: A dict with every name, or a list of the values in the order of the space. In a numpy array of
                texts, which numpy makes out of numbers and texts, numbers are read from their text.
            normalize_categorical: Divide the index by the largest one, so that it lies between 0 and 1 too.

        Returns:
            A dict for a dict, a list for a list or a numpy array.

        Raises:
            BadArgumentsError: A value is outside the space, or names are missing or unknown.
        """
        # In a list there is also something in the place of what does not exist.
        absent = () if isinstance(hparams, Mapping) else self._sometimes()
        values = convert(
            self._parameters, self._by_name(hparams), lambda _, __, value: value, optional=absent
        )
        places = {
            name: self._parameters[name].encode(name, value, normalize_categorical)
            for name, value in values.items()
        }
        if isinstance(hparams, Mapping):
            return places
        return [places.get(name) for name in self._parameters]  # type: ignore[misc]

    @overload
    def inverse_transform(
        self, places: Mapping[str, Any], normalize_categorical: bool = False
    ) -> dict[str, Any]: ...
    @overload
    def inverse_transform(
        self, places: Sequence[Any], normalize_categorical: bool = False
    ) -> list[Any]: ...
    def inverse_transform(
        self, places: Mapping[str, Any] | Sequence[Any], normalize_categorical: bool = False
    ) -> dict[str, Any] | list[Any]:
        """Return the configuration at these places: the inverse of ``transform``.

        An INTEGER or an index is rounded to the nearest; a place beyond an end of the scale counts as that end. The
        place of a parameter that does not exist in this configuration is not looked at.

        Args:
            places: A dict with every name, or a list in the order of the space.
            normalize_categorical: What ``transform`` was told.

        Returns:
            A dict for a dict, a list for a list or a numpy array.

        Raises:
            BadArgumentsError: A place is not a number or NaN, or names are missing or unknown.
        """

        def value_at(parameter: Parameter, name: str, place: Any) -> Any:
            return parameter.decode(name, place, normalize_categorical)

        hparams = convert(
            self._parameters, self._by_name(places), value_at, optional=self._parameters
        )
        return (
            hparams
            if isinstance(places, Mapping)
            else [hparams.get(name) for name in self._parameters]
        )

    @staticmethod
    def dict_to_list(hparams: Mapping[str, Any]) -> list[Any]:
        """Return the values of a configuration as a list.

        Example:
            >>> Vectors.dict_to_list({"x": -3.0, "y": "green"})
            [-3.0, 'green']

        Args:
            hparams: A configuration in the order of the space, as the space and the optimizers give it.
        """
        return list(hparams.values())

    def list_to_dict(self, hparams: Sequence[Any]) -> dict[str, Any]:
        """Return the configuration that a list of values stands for.

        Args:
            hparams: One value for each parameter, in the order of the space; for one that does not exist in this
                configuration any value, which is left out.

        Raises:
            BadArgumentsError: A ``ValueError``: the list is longer or shorter than the space.
        """
        values = self._by_name(hparams)
        return convert(
            self._parameters, values, lambda _, __, value: value, optional=self._sometimes()
        )

    def _sometimes(self) -> list[str]:
        return [name for name, parameter in self._parameters.items() if parameter.when]

    def _by_name(self, values: Mapping[str, Any] | Sequence[Any]) -> Mapping[str, Any]:
        if isinstance(values, Mapping):
            return values
        if (
            isinstance(values, str)
            or not hasattr(values, "__len__")
            or len(values) != len(self._parameters)
        ):
            raise BadArgumentsError(
                f"There must be one value for each of {list(self._parameters)}, but got {values!r:.80}."
            )
        named = dict(zip(self._parameters, values, strict=True))
        if not _is_array(values) or values.dtype.kind not in "US":  # type: ignore[attr-defined]
            return named
        return {name: _from_text(self._parameters[name], str(text)) for name, text in named.items()}


def _is_array(values: Any) -> bool:
    return type(values).__module__ == "numpy" and hasattr(values, "dtype")


def _from_text(parameter: Parameter, text: str) -> Any:
    """The value that numpy has turned into a text; the text itself if there is none."""
    if parameter.type in LISTED:
        return next((value for value in parameter.values if str(value) == text), text)
    try:
        return float(text)
    except ValueError:
        return text
