"""Turn configurations into lists and vectors of floats, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, overload

from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import ParameterValue, Params
from maggy.searchspace.configuration import convert
from maggy.searchspace.parameter import LISTED, Parameter

__all__ = ["Vectors"]

_Value = TypeVar("_Value")


class Vectors:
    """Provide the methods of a :class:`~maggy.Searchspace` that convert configurations.

    They turn dicts into lists, and values into positions on a scale.
    """

    __slots__ = ()

    _parameters: dict[str, Parameter]

    @overload
    def transform(
        self, hparams: Mapping[str, ParameterValue], normalize_categorical: bool = False
    ) -> dict[str, float]: ...
    @overload
    def transform(
        self, hparams: Sequence[ParameterValue], normalize_categorical: bool = False
    ) -> list[float | None]: ...
    def transform(
        self,
        hparams: Mapping[str, ParameterValue] | Sequence[ParameterValue],
        normalize_categorical: bool = False,
    ) -> dict[str, float] | list[float | None]:
        """Return a configuration as plain floats.

        A DOUBLE or INTEGER becomes its position between the bounds, 0 to 1 (in the logarithm for a
        log scale). A DISCRETE, CATEGORICAL or CONSTANT value becomes its index in the list. A
        parameter that does not exist in this configuration is left out of a dict, and is None in a
        list.

        Example:
            >>> from maggy import Searchspace
            >>> space = Searchspace(x=("DOUBLE", [0, 4]), y=("CATEGORICAL", ["a", "b", "c"]))
            >>> space.transform([1.0, "b"])
            [0.25, 1.0]
            >>> space.transform({"x": 1.0, "y": "b"}, normalize_categorical=True)
            {'x': 0.25, 'y': 0.5}

        Args:
            hparams: A dict with every name, or a list of the values in the order of the space.
                Numpy makes an array of texts of numbers and texts; there, numbers are read from
                their text.
            normalize_categorical: Divide the index by the largest one, so that it lies between 0
                and 1 too.

        Returns:
            A dict for a dict, a list for a list or a numpy array.

        Raises:
            BadArgumentsError: If a value is outside the space, or names are missing or unknown.
        """
        # A list also holds a value for each parameter that does not exist.
        optional = () if isinstance(hparams, Mapping) else self._conditional_names()
        values = convert(self._parameters, self._by_name(hparams), _keep, optional)
        positions = {
            name: self._parameters[name].encode(value, normalize_categorical)
            for name, value in values.items()
        }
        if isinstance(hparams, Mapping):
            return positions
        return [positions.get(name) for name in self._parameters]

    @overload
    def inverse_transform(
        self, positions: Mapping[str, float], normalize_categorical: bool = False
    ) -> Params: ...
    @overload
    def inverse_transform(
        self, positions: Sequence[float | None], normalize_categorical: bool = False
    ) -> list[ParameterValue]: ...
    def inverse_transform(
        self,
        positions: Mapping[str, float] | Sequence[float | None],
        normalize_categorical: bool = False,
    ) -> Params | list[ParameterValue]:
        """Return the configuration at these positions: the inverse of ``transform``.

        An INTEGER or an index is rounded to the nearest. A position beyond an end of the scale
        counts as that end. The position of a parameter that does not exist in this configuration is
        ignored.

        Args:
            positions: A dict with every name, or a list in the order of the space.
            normalize_categorical: The value that ``transform`` got.

        Returns:
            A dict for a dict, a list for a list or a numpy array.

        Raises:
            BadArgumentsError: If a position is NaN or not a number, or if names are missing or
                unknown.
        """

        def decode(parameter: Parameter, position: ParameterValue) -> ParameterValue:
            return parameter.decode(position, normalize_categorical)

        hparams = convert(self._parameters, self._by_name(positions), decode, self._parameters)
        if isinstance(positions, Mapping):
            return hparams
        return [hparams.get(name) for name in self._parameters]

    @staticmethod
    def dict_to_list(hparams: Mapping[str, ParameterValue]) -> list[ParameterValue]:
        """Return the values of a configuration as a list.

        Example:
            >>> Vectors.dict_to_list({"x": -3.0, "y": "green"})
            [-3.0, 'green']

        Args:
            hparams: A configuration in the order of the space, as the space and the optimizers
                return it.
        """
        return list(hparams.values())

    def list_to_dict(self, hparams: Sequence[ParameterValue]) -> Params:
        """Return the configuration that a list of values represents.

        Args:
            hparams: One value for each parameter, in the order of the space. A parameter that does
                not exist in this configuration may have any value, which is left out.

        Raises:
            BadArgumentsError: If the list is longer or shorter than the space. It is a
                ``ValueError``.
        """
        return convert(self._parameters, self._by_name(hparams), _keep, self._conditional_names())

    def _conditional_names(self) -> list[str]:
        return [name for name, parameter in self._parameters.items() if parameter.when]

    def _by_name(
        self, values: Mapping[str, ParameterValue] | Sequence[ParameterValue]
    ) -> Mapping[str, ParameterValue]:
        if isinstance(values, Mapping):
            return values
        if (
            isinstance(values, str)
            or not hasattr(values, "__len__")
            or len(values) != len(self._parameters)
        ):
            raise BadArgumentsError(
                f"There must be one value for each of {list(self._parameters)}, "
                f"but got {values!r:.80}."
            )
        by_name = dict(zip(self._parameters, values, strict=True))
        if not _is_text_array(values):
            return by_name
        return {
            name: _read_text(self._parameters[name], str(text)) for name, text in by_name.items()
        }


def _keep(_: Parameter, value: _Value) -> _Value:
    return value


def _is_text_array(values: Sequence[ParameterValue]) -> bool:
    # By the name of the module, so that this one imports no numpy.
    dtype = getattr(values, "dtype", None)
    return type(values).__module__ == "numpy" and dtype is not None and dtype.kind in "US"


def _read_text(parameter: Parameter, text: str) -> ParameterValue:
    """Return the value that numpy has turned into a text; the text itself if there is none."""
    if parameter.type in LISTED:
        return next((value for value in parameter.values if str(value) == text), text)
    try:
        return float(text)
    except ValueError:
        return text
