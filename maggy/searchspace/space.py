"""The search space: named hyperparameters with their types and feasible regions, and random draws from them.

It says what can be tried; which trials are run is an optimizer's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, to_plain
from maggy.searchspace import parameter
from maggy.searchspace.configuration import check_conditions, convert, draw
from maggy.searchspace.parameter import Parameter
from maggy.searchspace.vectors import Vectors

__all__ = ["Searchspace"]

# What the training function already gets under these names would be lost.
_PASSED_BY_MAGGY = frozenset({"hparams", "reporter"})


class Searchspace(Vectors):
    """Named hyperparameters, in the order in which they were added.

    Each is a tuple ``(type, list)``; the type may be written in any case:

    * ``DOUBLE``: the lower and the upper bound of a real number;
    * ``INTEGER``: the lower and the upper bound of an integer of 64 bits, both inclusive;
    * ``DISCRETE``, ``CATEGORICAL``: the values to choose from, anything that JSON can hold (integers of 64 bits);
    * ``CONSTANT``: the one value that every trial gets.

    A DOUBLE or an INTEGER with ``"log"`` as third element is searched evenly in its logarithm, which suits
    learning rates; its lower bound must be above 0. In place of ``"log"`` there may be a dict of options:

    * ``log``: True for the above;
    * ``step``: only values that are a whole number of steps above the lower bound (not with ``log``);
    * ``when``: the values that other parameters must have for this one to exist, ``{name: value or list}``. Those
      must have been added before and have countable values. A trial in which it does not exist does not give it, so
      the training function needs a default for it.

    A parameter's values are also an attribute, ``sp.kernel``. Lists that the space hands out are copies: changing
    them does not change the space.

    A training function gets each choice as it was written: a tuple is a tuple, a numpy array an array. Here, in trials
    and in records it is what JSON has, a list; only ``to_dict`` and ``values`` give it as it was written.

    A name cannot be one of this class' own attributes, nor ``reporter`` or ``hparams``, under which a training
    function gets other things.

    Example:
        >>> sp = Searchspace(kernel=("INTEGER", [2, 8]), lr=("DOUBLE", [1e-5, 1e-1], "log"))
        >>> sp.add("activation", ("CATEGORICAL", ["relu", "gelu"]))
        >>> sp.names()
        {'kernel': 'INTEGER', 'lr': 'DOUBLE', 'activation': 'CATEGORICAL'}
        >>> sp.kernel
        [2, 8]
        >>> sp.add("units", ("INTEGER", [32, 256], {"step": 32, "when": {"activation": "gelu"}}))
        >>> Searchspace(**sp.to_dict()) == sp
        True

    Args:
        kwargs: The hyperparameters, each as ``name=(type, list)``, ``name=(type, list, "log")`` or
            ``name=(type, list, options)``.

    Raises:
        BadArgumentsError: A ``ValueError``: a name is reserved, or a type or region is malformed.
        SearchspaceBoundsError: Both a ``ValueError`` and an ``AssertionError``: bounds are not two, not in
            ascending order, or not above 0 for a log scale.
    """

    # Without a __dict__, ``sp.kernel = ...`` is an error and not a silently ignored attribute.
    __slots__ = ("_parameters", "_rng")

    DOUBLE = parameter.DOUBLE
    INTEGER = parameter.INTEGER
    DISCRETE = parameter.DISCRETE
    CATEGORICAL = parameter.CATEGORICAL
    CONSTANT = parameter.CONSTANT

    def __init__(self, /, **kwargs: Any) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._rng: Random | None = None
        for name, value in kwargs.items():
            self.add(name, value)

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Searchspace:
        """The space that ``to_dict`` describes.

        Raises:
            BadArgumentsError: It is not a dict of names and specifications.
        """
        if not isinstance(parameters, Mapping):
            raise BadArgumentsError(
                f"A search space is made from a dict, but got {parameters!r:.80}."
            )
        space = cls()
        for name, value in parameters.items():
            space.add(name, value)
        return space

    @classmethod
    def from_json(cls, text: str) -> Searchspace:
        """The space that ``json`` describes.

        Example:
            >>> Searchspace.from_json('{"pool": ["DISCRETE", [1, 2]]}')
            Searchspace(pool=('DISCRETE', [1, 2]))

        Raises:
            BadArgumentsError: The text is not JSON, or not of a search space.
        """
        try:
            parameters = json.loads(text)
        except (TypeError, ValueError) as error:
            raise BadArgumentsError(
                f"A search space is read from the text that json() gives, but got {text!r:.80} ({error})."
            ) from None
        return cls.from_dict(parameters)

    def add(self, name: str, value: Any) -> None:
        """Add one hyperparameter; when it is refused the space stays as it was.

        Args:
            name: A name that is neither taken nor reserved.
            value: ``(type, list)``, ``(type, list, "log")`` or ``(type, list, options)``.

        Raises:
            BadArgumentsError: The name is taken or reserved, or the value is malformed.
            SearchspaceBoundsError: The bounds are not a lower and a larger upper bound.
        """
        if not isinstance(name, str) or not name:
            raise BadArgumentsError(
                f"Hyperparameter name has to be a non-empty string, but got {name!r:.80}."
            )
        if name in self._parameters:
            raise BadArgumentsError(
                f"Hyperparameter name is reserved: {name}. It was added before; use another name."
            )
        if name in _PASSED_BY_MAGGY or name in dir(type(self)):
            raise BadArgumentsError(
                f"Hyperparameter name is reserved: {name}. Maggy uses it itself; use another name."
            )
        added = Parameter.parse(name, value)
        check_conditions(name, added, self._parameters)
        self._parameters[name] = added

    def get(self, name: str, default: Any = None) -> Any:
        """The bounds or values of ``name`` as a list, or ``default`` if there is no such hyperparameter."""
        found = self._parameters.get(name)
        return default if found is None else found.spec[1]

    def names(self) -> dict[str, str]:
        """The type of each hyperparameter, by name."""
        return {name: known.type for name, known in self._parameters.items()}

    def to_dict(self) -> dict[str, tuple[Any, ...]]:
        """``{name: (type, list)}``, with a third element ``"log"`` for a log scale, or a dict of options.

        ``Searchspace(**sp.to_dict())`` equals ``sp``. Choices are as they were written, tuples among them too.
        """
        return {name: known.spec_as_written for name, known in self._parameters.items()}

    def json(self) -> str:
        """``to_dict()`` as JSON; ``Searchspace(**json.loads(sp.json()))`` equals ``sp``."""
        return json.dumps(self._specs(), allow_nan=False)

    def keys(self) -> list[str]:
        """The names."""
        return list(self._parameters)

    def values(self) -> list[tuple[Any, ...]]:
        """The values of ``to_dict()``."""
        return list(self.to_dict().values())

    def items(self) -> list[dict[str, Any]]:
        """What iterating over the space gives: dicts with ``name``, ``type``, ``values`` and the options that are set.

        Example:
            >>> Searchspace(pool=("DISCRETE", [1, 2])).items()
            [{'name': 'pool', 'type': 'DISCRETE', 'values': [1, 2]}]
        """
        return list(self)

    def seeded(self, seed: int | None) -> Searchspace:
        """A copy whose draws are reproducible.

        Two copies made with the same seed draw the same sequence, in any process and on any Python version
        that is supported; each further call of ``get_random_parameter_values`` on a copy goes on in it.

        Args:
            seed: Any integer, or None for a copy whose draws differ each time.

        Raises:
            BadArgumentsError: The seed is neither an integer nor None.
        """
        number = as_number(seed)
        if seed is not None and not isinstance(number, int):
            raise BadArgumentsError(f"seed must be an integer or None, but got {seed!r:.80}.")
        copy = self.from_dict(self.to_dict())
        # As text, since Random takes the absolute value of an integer and 1 and -1 would be the same seed.
        copy._rng = None if number is None else Random(str(number))
        return copy

    def get_random_parameter_values(
        self, num: int, rng: Random | None = None
    ) -> list[dict[str, Any]]:
        """Draw ``num`` configurations, independently of each other, so that some may be equal.

        Example:
            >>> Searchspace(pool=("DISCRETE", [4])).get_random_parameter_values(2)
            [{'pool': 4}, {'pool': 4}]

        Args:
            num: How many; 0 gives the empty list.
            rng: The generator to draw from; default is the space's own (see ``seeded``), else a fresh one.

        Returns:
            A list of ``num`` dicts, each ``{name: value}``.

        Raises:
            BadArgumentsError: A ``ValueError``: ``num`` is no integer of at least 0, or ``rng`` no ``random.Random``.
        """
        count = as_number(num)
        if not isinstance(count, int) or count < 0:
            raise BadArgumentsError(f"num must be an integer of at least 0, but got {num!r:.80}.")
        if rng is not None and not isinstance(rng, Random):
            raise BadArgumentsError(f"rng must be a random.Random, but got {type(rng).__name__}.")
        generator = rng or self._rng or Random()
        return [draw(self._parameters, generator) for _ in range(count)]

    def draw_seed(self) -> int:
        """A number from 0 to 2**32 - 1 from the space's own generator: the seed for an optimizer's own generator."""
        return (self._rng or Random()).getrandbits(32)

    def checked(self, hparams: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration that a user wrote, as plain values in the order of the space.

        Example:
            >>> Searchspace(x=("DOUBLE", [0, 4]), y=("CATEGORICAL", ["a", "b"])).checked({"y": "a", "x": 1})
            {'x': 1.0, 'y': 'a'}

        Args:
            hparams: A value for each parameter that exists in this configuration. A CONSTANT may be left out.

        Raises:
            BadArgumentsError: A value is outside the space, or names are missing or unknown.
        """
        if not isinstance(hparams, Mapping):
            raise BadArgumentsError(f"A configuration must be a dict, but got {hparams!r:.80}.")
        constants = {
            n: known.values[0]
            for n, known in self._parameters.items()
            if known.type == parameter.CONSTANT
        }
        return convert(
            self._parameters, {**constants, **hparams}, Parameter.checked, optional=constants
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Dicts with ``name``, ``type``, ``values`` and, where set, ``scale`` (``"log"``), ``step`` and ``when``."""
        for name, known in list(self._parameters.items()):
            entry = {"name": name, "type": known.type, "values": known.spec[1]}
            options = {
                "scale": "log" if known.log else None,
                "step": known.step,
                "when": to_plain(known.when) or None,
            }
            yield {
                **entry,
                **{option: value for option, value in options.items() if value is not None},
            }

    def _specs(self) -> dict[str, tuple[Any, ...]]:
        """``to_dict()`` as JSON has it."""
        return {name: known.spec for name, known in self._parameters.items()}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._parameters

    def __len__(self) -> int:
        return len(self._parameters)

    def __eq__(self, other: object) -> bool:
        """Equal are the same parameters in the same order, since the order decides what a seed draws."""
        if not isinstance(other, Searchspace):
            return NotImplemented
        return list(self._specs().items()) == list(other._specs().items())

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        # Looked up without our own attributes first: copy and pickle ask before they are there.
        if name not in Searchspace.__slots__ and name in self._parameters:
            return self.get(name)
        raise AttributeError(f"Searchspace has no attribute or hyperparameter '{name}'.")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parameters]

    def __repr__(self) -> str:
        if all(name.isidentifier() for name in self._parameters):
            return f"Searchspace({', '.join(f'{name}={spec!r}' for name, spec in self.to_dict().items())})"
        return f"Searchspace(**{self.to_dict()!r})"
