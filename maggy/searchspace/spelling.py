"""Say how to write a hyperparameter that a user has written as in another library.

It serves error texts only, and checks no rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number, closest
from maggy.common.types import ParameterValue
from maggy.searchspace.foreign_objects import Reading, read_choices, read_object, read_range
from maggy.searchspace.parameter_types import (
    CATEGORICAL,
    CONSTANT,
    DISCRETE,
    DOUBLE,
    INTEGER,
    TYPES,
)

__all__ = ["spelling"]

_Kind: TypeAlias = tuple[str, bool]
"""The type of a hyperparameter, and whether it has a log scale."""

_WORDS: Final[Mapping[str, _Kind]] = {
    word: kind
    for words, kind in {
        "double float real number numeric continuous uniform quniform range": (DOUBLE, False),
        "loguniform qloguniform log logfloat logarithmic reciprocal loguniformvalues": (
            DOUBLE,
            True,
        ),
        "integer int randint qrandint uniformint quniformint intuniform long": (INTEGER, False),
        "lograndint loguniformint intloguniform logint loginteger qlograndint": (INTEGER, True),
        "discrete ordinal": (DISCRETE, False),
        "categorical choice choices category categories enum select grid gridsearch str string "
        "list bool boolean": (CATEGORICAL, False),
        "constant const fixed value": (CONSTANT, False),
    }.items()
    for word in words.split()
}
"""The words by which other libraries name the types, without punctuation."""

_LOW: Final = ("min", "low", "lower", "minvalue", "minimum", "from")
_HIGH: Final = ("max", "high", "upper", "maxvalue", "maximum", "to")
_CHOICES: Final = ("values", "choices", "categories", "value", "gridsearch", "options")
MAX_TEXT: Final = 200
"""Maximum number of characters of a suggestion. A longer one leaves out the values."""

EXAMPLES: Final = "Write for example {}('DOUBLE', [0.0, 1.0])."
LOG_EXAMPLE: Final = "Write for example {}('DOUBLE', [1e-05, 0.1], 'log')."


def spelling(name: str, spec: object, parse: Callable[[str, Any], object]) -> str:
    """Return a sentence with the right spelling of exactly the values that a user gave.

    If several are possible, the sentence shows each of them. If none is, it shows an example.

    Example:
        >>> spelling("x", (0.0, 1.0), lambda name, spec: spec)
        "Write x=('DOUBLE', [0.0, 1.0])."

    Args:
        name: The name of the hyperparameter.
        spec: What the user wrote. It may be anything.
        parse: Raises `BadArgumentsError` for a name and a specification that a search space
            refuses. Such a spelling is not shown.
    """
    prefix = f"{name}=" if name.isidentifier() else ""
    try:
        readings = [reading for reading in _readings(spec) if _is_valid(name, reading, parse)]
    except Exception:  # a value may raise anything; the user's mistake is the error to show
        readings = []
    texts = [f"{prefix}{_text(reading)}{_reason(reading, readings)}" for reading in readings]
    if texts:
        return f"Write {', or '.join(texts)}."
    is_log = any(_WORDS.get(_squeeze(word), (None, False))[1] for word in _words(spec))
    return (LOG_EXAMPLE if is_log else EXAMPLES).format(prefix)


def _is_valid(name: str, reading: Reading, parse: Callable[[str, Any], object]) -> bool:
    try:
        parse(name, reading.spec)
    except BadArgumentsError:
        return False
    return True


def _text(reading: Reading) -> str:
    text = repr(reading.spec)
    return text if len(text) <= MAX_TEXT else f"({reading.kind!r}, [...])"


def _reason(reading: Reading, readings: Collection[Reading]) -> str:
    """Return for what a reading is, if there are several."""
    if len(readings) < 2:
        return ""
    return " for a range" if reading.kind in (DOUBLE, INTEGER) else " for these values only"


def _words(spec: object) -> list[str]:
    items = spec if isinstance(spec, (list, tuple)) else [spec]
    return [item for item in items if isinstance(item, str)]


def _readings(spec: object) -> Iterator[Reading]:
    """Yield what a user may mean, the most likely first."""
    reading = read_object(spec)
    if reading is not None:
        yield reading
    elif isinstance(spec, Mapping):
        yield from _of_mapping(spec)
    elif isinstance(spec, range):
        yield from _of_range(spec)
    elif spec is bool:
        yield Reading(CATEGORICAL, [True, False])
    elif spec is None or isinstance(spec, (str, bool)) or as_number(spec) is not None:
        if not isinstance(spec, str) or _squeeze(spec) not in _WORDS:
            yield Reading(CONSTANT, [spec if as_number(spec) is None else as_number(spec)])
    else:
        items = _items(spec)
        if items:
            yield from _of_items(items, may_be_choices=not isinstance(spec, tuple))


def _of_mapping(spec: Mapping[ParameterValue, ParameterValue]) -> Iterator[Reading]:
    """Yield what a dict means: that of NNI, of W&B, of Ax, or of Ray's grid search."""
    options = {_squeeze(str(key)): value for key, value in spec.items()}
    word = _squeeze(str(_first(options, ("type", "distribution", "dist", "kind")) or ""))
    kind, is_log = _WORDS.get(word, ("", False))
    scales = (options.get("scale"), options.get("sampling"), options.get("prior"))
    is_log = is_log or any(options.get(key) is True for key in ("log", "logscale"))
    is_log = is_log or any("log" in str(scale).lower() for scale in scales)
    bounds = _items(_first(options, ("bounds", "range"))) or [
        _first(options, _LOW),
        _first(options, _HIGH),
    ]
    choices = _first(options, _CHOICES)
    values = _items(choices)
    if kind in (DOUBLE, INTEGER) and len(values) == 2:
        bounds = values
    if len(bounds) == 2 and all(bound is not None for bound in bounds):
        are_integers = kind != DOUBLE or word == "range"
        yield from _range(
            bounds,
            is_integer=kind == INTEGER or (are_integers and _are_integers(bounds)),
            log=is_log,
            step=_first(options, ("step", "q", "stepsize")),
        )
    elif values:
        yield from _optional(read_choices(values))
    elif choices is not None:
        yield Reading(CONSTANT, [choices])


def _of_range(spec: range) -> Iterator[Reading]:
    if len(spec) > 1:
        ends = sorted((spec[0], spec[-1]))
        yield from _range(ends, is_integer=True, step=abs(spec.step))
    elif spec:
        yield Reading(CONSTANT, [spec[0]])


def _of_items(items: Sequence[ParameterValue], *, may_be_choices: bool) -> Iterator[Reading]:
    """Yield what a list or a tuple means.

    Args:
        items: The items.
        may_be_choices: Whether two numbers may be two values. A tuple is a range in other
            libraries.
    """
    first, *others = items
    word = first.__name__ if isinstance(first, type) else first
    if isinstance(word, str) and others:
        kind = _WORDS.get(_squeeze(word)) or (_kind_of_typo(word) if _items(others[0]) else None)
        if kind is not None:
            yield from _typed(kind, others)
            return
        if len(items) == 2 and _items(others[0]):  # a type that a search space does not have
            return
    *numbers, last = items
    is_scale = isinstance(last, str) and _squeeze(last) in _WORDS
    if is_scale and len(numbers) == 2:
        log = _WORDS[_squeeze(str(last))][1]
        yield from _range(numbers, is_integer=_are_integers(numbers), log=log)
        return
    yield from _bare(items, may_be_choices=may_be_choices)


def _kind_of_typo(word: str) -> _Kind | None:
    hint = closest(word, list(TYPES))
    return next(((kind, False) for kind in TYPES if f"'{kind}'" in hint), None)


def _typed(kind: _Kind, others: Sequence[ParameterValue]) -> Iterator[Reading]:
    """Yield what the items behind the name of a type mean: a list with options, or flat values."""
    name, is_log = kind
    inner = _items(others[0])
    values, options = (inner, others[1:]) if inner else (list(others), [])
    if not inner and isinstance(values[-1], str) and len(values) == 3:
        *values, scale = values
        options = [scale]
    is_log = is_log or any(_squeeze(text) == "log" for text in options if isinstance(text, str))
    if name in (DOUBLE, INTEGER):
        if len(values) in (2, 3) and all(as_number(value) is not None for value in values):
            step = values[2] if len(values) == 3 else None
            # A word such as "range" is for integers, too, but INTEGER takes nothing else.
            is_integer = name == INTEGER and _are_integers(values)
            yield from _range(values[:2], is_integer=is_integer, log=is_log, step=step)
            return
        yield from _bare(values, may_be_choices=True)
    elif name == DISCRETE or len(values) == 1:
        yield from _optional(read_choices(values))
    else:
        yield Reading(name, [*values])


def _bare(items: Sequence[ParameterValue], *, may_be_choices: bool) -> Iterator[Reading]:
    """Yield what values without a type mean."""
    numbers = [as_number(item) for item in items]
    if len(items) == 2 and all(number is not None for number in numbers):
        ranges = list(_range(items, is_integer=_are_integers(items)))
        yield from ranges
        if ranges and not may_be_choices:
            return
    yield from _optional(read_choices(items))


def _range(
    bounds: Sequence[ParameterValue],
    *,
    is_integer: bool,
    log: bool = False,
    step: ParameterValue = None,
) -> Iterator[Reading]:
    """Yield the range between two bounds in any order, if they are two numbers."""
    reading = read_range(*bounds, is_integer=is_integer, log=log, step=step)
    if reading is not None:
        yield reading


def _optional(reading: Reading | None) -> Iterator[Reading]:
    if reading is not None:
        yield reading


def _are_integers(values: Sequence[ParameterValue]) -> bool:
    return all(isinstance(as_number(value), int) for value in values)


def _items(candidate: object) -> list[object]:
    """Return the items of a list, a tuple, a set, a range or an array; else none."""
    if type(candidate).__module__.partition(".")[0] == "numpy" and hasattr(candidate, "tolist"):
        candidate = candidate.tolist()
    if isinstance(candidate, (set, frozenset)):
        return sorted(candidate, key=lambda item: (str(type(item)), repr(item)))
    return list(candidate) if isinstance(candidate, (list, tuple, range)) else []


def _first(options: Mapping[str, object], names: Sequence[str]) -> object:
    return next((options[name] for name in names if options.get(name) is not None), None)


def _squeeze(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
