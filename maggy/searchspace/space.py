"""Define the search space: named hyperparameters with types and regions, and random draws.

It holds the possible configurations. An optimizer decides which of them run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import TypeVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.common.types import ParameterValue, Params
from maggy.searchspace import parameter
from maggy.searchspace.configuration import check_conditions, convert, draw
from maggy.searchspace.parameter import Parameter
from maggy.searchspace.parameter_rules import SpaceEntry, Spec, WrittenSpec
from maggy.searchspace.vectors import Vectors

__all__ = ["Searchspace"]

# The training function gets other things under these names, so a hyperparameter would be lost.
_NAMES_OF_MAGGY = frozenset({"hparams", "reporter"})

_Default = TypeVar("_Default")


class Searchspace(Vectors):
    """Hold named hyperparameters in the order in which they were added.

    A hyperparameter is a tuple ``(type, list)``. The type may be written in any case:

    * ``DOUBLE``: the lower and the upper bound of a real number;
    * ``INTEGER``: the lower and the upper bound of an integer of 64 bits, both inclusive;
    * ``DISCRETE``, ``CATEGORICAL``: the values to choose from, anything that JSON can hold
      (integers of 64 bits);
    * ``CONSTANT``: the one value that every trial gets.

    A DOUBLE or an INTEGER with ``"log"`` as third element is searched evenly in its logarithm,
    which suits learning rates. Its lower bound must be above 0. In place of ``"log"`` there may be
    a dict of options:

    * ``log``: True has the same effect as ``"log"``;
    * ``step``: allow only values that are a whole number of steps above the lower bound (not with
      ``log``);
    * ``when``: the values that other parameters must have for this one to exist,
      ``{name: value or list}``. The other parameters must have been added before and must have
      countable values. A trial in which the parameter does not exist does not pass it, so the
      training function needs a default for it.

    A parameter's values are also an attribute, ``sp.kernel``. Lists that the space returns are
    copies: changing them does not change the space.

    A training function gets each choice as the user wrote it: a tuple is a tuple, a numpy array an
    array. The space, trials and records hold it as JSON does, as a list. Only ``to_dict`` and
    ``values`` return it as the user wrote it.

    A name must not be an attribute of this class, nor ``reporter`` or ``hparams``, because a
    training function gets other things under these two names.

    Example:
        >>> sp = Searchspace(kernel=("INTEGER", [2, 8]), lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> sp.add("activation", ("CATEGORICAL", ["relu", "gelu"]))
        >>> sp.names()
        {'kernel': 'INTEGER', 'lr': 'DOUBLE', 'activation': 'CATEGORICAL'}
        >>> sp.kernel
        [2, 8]
        >>> options = {"step": 32, "when": {"activation": "gelu"}}
        >>> sp.add("units", ("INTEGER", [32, 256], options))
        >>> Searchspace(**sp.to_dict()) == sp
        True

    Args:
        **kwargs: The hyperparameters: ``name=(type, list)``, ``name=(type, list, "log")`` or
            ``name=(type, list, options)``.

    Raises:
        BadArgumentsError: If a name is reserved, or a type or region is malformed. It is a
            ``ValueError``.
        SearchspaceBoundsError: If bounds are not two, not in ascending order, or not above 0 for a
            log scale. It is both a ``ValueError`` and an ``AssertionError``.
    """

    # Without a __dict__, ``sp.kernel = ...`` is an error and not a silently ignored attribute.
    __slots__ = ("_parameters", "_rng")

    DOUBLE = parameter.DOUBLE
    INTEGER = parameter.INTEGER
    DISCRETE = parameter.DISCRETE
    CATEGORICAL = parameter.CATEGORICAL
    CONSTANT = parameter.CONSTANT

    # The first parameter is positional only, so that a hyperparameter may be called "self".
    def __init__(self, /, **kwargs: WrittenSpec) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._rng: Random | None = None
        for name, spec in kwargs.items():
            self.add(name, spec)

    @classmethod
    def from_dict(cls, parameters: Mapping[str, WrittenSpec]) -> Searchspace:
        """Return the space that ``to_dict`` describes.

        Raises:
            BadArgumentsError: If the argument is not a dict of names and specifications.
        """
        if not isinstance(parameters, Mapping):
            raise BadArgumentsError(
                f"A search space must be made from a dict, but got {parameters!r:.80}."
            )
        space = cls()
        for name, spec in parameters.items():
            space.add(name, spec)
        return space

    @classmethod
    def from_json(cls, text: str) -> Searchspace:
        """Return the space that ``json`` describes.

        Example:
            >>> Searchspace.from_json('{"pool": ["DISCRETE", [1, 2]]}')
            Searchspace(pool=('DISCRETE', [1, 2]))

        Raises:
            BadArgumentsError: If the text is not JSON, or not of a search space.
        """
        try:
            parameters = json.loads(text)
        except (TypeError, ValueError) as error:
            raise BadArgumentsError(
                f"A search space must be read from the text that json() returns, "
                f"but got {text!r:.80} ({error})."
            ) from None
        return cls.from_dict(parameters)

    def add(self, name: str, value: WrittenSpec) -> None:
        """Add one hyperparameter. The space does not change if it is refused.

        Args:
            name: A name that is neither taken nor reserved.
            value: ``(type, list)``, ``(type, list, "log")`` or ``(type, list, options)``.

        Raises:
            BadArgumentsError: If the name is taken or reserved, or the value is malformed.
            SearchspaceBoundsError: If the bounds are not a lower and a larger upper bound.
        """
        if not isinstance(name, str) or not name:
            raise BadArgumentsError(
                f"Hyperparameter name has to be a non-empty string, but got {name!r:.80}."
            )
        if name in self._parameters:
            raise BadArgumentsError(
                f"Hyperparameter name is reserved: {name}. It was added before; use another name."
            )
        # ``sp.name`` would return the attribute of the class and not the hyperparameter.
        if name in _NAMES_OF_MAGGY or name in dir(type(self)):
            raise BadArgumentsError(
                f"Hyperparameter name is reserved: {name}. Maggy uses it itself; use another name."
            )
        addition = Parameter.parse(name, value)
        check_conditions(addition, self._parameters)
        self._parameters[name] = addition

    def get(
        self, name: str, default: _Default | None = None
    ) -> list[ParameterValue] | _Default | None:
        """Return the bounds or values of a hyperparameter, or the default if there is none."""
        match = self._parameters.get(name)
        return default if match is None else match.spec[1]

    def names(self) -> dict[str, str]:
        """Return the type of each hyperparameter by name."""
        return {name: parameter.type for name, parameter in self._parameters.items()}

    def to_dict(self) -> dict[str, Spec]:
        """Return the space as ``{name: (type, list)}``.

        A third element is ``"log"`` for a log scale, or a dict of options. Choices are as the user
        wrote them, tuples included. ``Searchspace(**sp.to_dict())`` equals ``sp``.
        """
        return {name: parameter.spec_as_written for name, parameter in self._parameters.items()}

    def json(self) -> str:
        """Return ``to_dict()`` as JSON; ``Searchspace(**json.loads(sp.json()))`` equals ``sp``."""
        return json.dumps(self._plain_specs(), allow_nan=False)

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._parameters)

    def values(self) -> list[Spec]:
        """Return the values of ``to_dict()``."""
        return list(self.to_dict().values())

    def items(self) -> list[SpaceEntry]:
        """Return the entries that iteration over the space yields.

        An entry is a dict with ``name``, ``type``, ``values`` and the options that are set.

        Example:
            >>> Searchspace(pool=("DISCRETE", [1, 2])).items()
            [{'name': 'pool', 'type': 'DISCRETE', 'values': [1, 2]}]
        """
        return list(self)

    def seeded(self, seed: int | None) -> Searchspace:
        """Return a copy whose draws are reproducible.

        Two copies made with the same seed draw the same sequence, in any process and on any
        supported Python version. A further call of ``get_random_parameter_values`` on a copy
        continues its sequence.

        Args:
            seed: Any integer, or None for a copy whose draws differ each time.

        Raises:
            BadArgumentsError: If the seed is neither an integer nor None.
        """
        number = as_number(seed)
        if seed is not None and not isinstance(number, int):
            raise BadArgumentsError(f"seed must be an integer or None, but got {seed!r:.80}.")
        # to_dict and not json, so that the copy keeps tuples and arrays.
        copy = self.from_dict(self.to_dict())
        # Random takes the absolute value of an integer, so 1 and -1 would be the same seed. A text
        # keeps them apart.
        copy._rng = None if number is None else Random(str(number))
        return copy

    def get_random_parameter_values(self, num: int, rng: Random | None = None) -> list[Params]:
        """Draw configurations independently of each other, so some may be equal.

        Example:
            >>> Searchspace(pool=("DISCRETE", [4])).get_random_parameter_values(2)
            [{'pool': 4}, {'pool': 4}]

        Args:
            num: The number of configurations, at least 0.
            rng: The generator to draw from; default is the space's own (see ``seeded``), else a new
                one.

        Returns:
            A list of ``num`` dicts ``{name: value}``.

        Raises:
            BadArgumentsError: If ``num`` is not an integer of at least 0, or ``rng`` is not a
                ``random.Random``. It is a ``ValueError``.
        """
        count = as_number(num)
        if not isinstance(count, int) or count < 0:
            raise BadArgumentsError(f"num must be an integer of at least 0, but got {num!r:.80}.")
        if rng is not None and not isinstance(rng, Random):
            raise BadArgumentsError(f"rng must be a random.Random, but got {type(rng).__name__}.")
        generator = rng or self._rng or Random()
        return [draw(self._parameters, generator) for _ in range(count)]

    def draw_seed(self) -> int:
        """Draw a seed for another generator from the space's own, from 0 to 2**32 - 1."""
        return (self._rng or Random()).getrandbits(32)

    def checked(self, hparams: Mapping[str, ParameterValue]) -> Params:
        """Return a configuration that a user wrote, as plain values in the order of the space.

        Example:
            >>> space = Searchspace(x=("DOUBLE", [0, 4]), y=("CATEGORICAL", ["a", "b"]))
            >>> space.checked({"y": "a", "x": 1})
            {'x': 1.0, 'y': 'a'}

        Args:
            hparams: A value for each parameter that exists in this configuration. A CONSTANT may be
                left out.

        Raises:
            BadArgumentsError: If a value is outside the space, or names are missing or unknown.
        """
        if not isinstance(hparams, Mapping):
            raise BadArgumentsError(f"A configuration must be a dict, but got {hparams!r:.80}.")
        # A constant has no choice, so a user need not repeat it.
        constants = {
            constant.name: constant.values[0]
            for constant in self._parameters.values()
            if constant.type == parameter.CONSTANT
        }
        return convert(
            self._parameters, {**constants, **hparams}, Parameter.checked, optional=constants
        )

    def __iter__(self) -> Iterator[SpaceEntry]:
        """Yield one dict for each hyperparameter.

        It holds ``name``, ``type``, ``values`` and, where set, ``scale`` (``"log"``), ``step`` and
        ``when``.
        """
        # A list, so that a space may grow while it is iterated.
        for item in list(self._parameters.values()):
            yield item.entry

    def _plain_specs(self) -> dict[str, Spec]:
        """Return ``to_dict()`` with JSON values."""
        return {name: parameter.spec for name, parameter in self._parameters.items()}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._parameters

    def __len__(self) -> int:
        return len(self._parameters)

    def __eq__(self, other: object) -> bool:
        """Compare parameters and their order, because the order decides what a seed draws."""
        if not isinstance(other, Searchspace):
            return NotImplemented
        return list(self._plain_specs().items()) == list(other._plain_specs().items())

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> list[ParameterValue]:
        # copy and pickle ask for attributes before the slots are filled. A look-up in
        # ``_parameters`` would then call this method forever.
        if name not in Searchspace.__slots__ and name in self._parameters:
            return self._parameters[name].spec[1]
        raise AttributeError(f"Searchspace has no attribute or hyperparameter '{name}'.")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parameters]

    def __repr__(self) -> str:
        if all(name.isidentifier() for name in self._parameters):
            arguments = (f"{name}={spec!r}" for name, spec in self.to_dict().items())
            return f"Searchspace({', '.join(arguments)})"
        return f"Searchspace(**{self.to_dict()!r})"
