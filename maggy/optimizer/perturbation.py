"""Change a configuration a little, as population based training explores."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from maggy.common.types import ParameterValue, Params
from maggy.searchspace.configuration import exists
from maggy.searchspace.parameter import Parameter
from maggy.searchspace.parameter_types import CATEGORICAL, CONSTANT, DISCRETE
from maggy.searchspace.scale import clip

__all__ = ["perturb"]

FACTORS = {-1: 0.8, 1: 1.2}
SHARE = 0.1
"""How far a parameter that may be zero or negative moves, as a share of its range."""


def perturb(
    parameters: Mapping[str, Parameter],
    params: Mapping[str, ParameterValue],
    rng: Random,
    resample_probability: float,
) -> Params:
    """Return a configuration near another one.

    With ``resample_probability`` a parameter is drawn anew. Otherwise a number is multiplied by 0.8
    or 1.2, and moves to another value at least; one that may be zero or negative moves by a tenth
    of its range. A DISCRETE parameter moves to a neighbour in its list, and a CATEGORICAL one
    stays. A parameter that did not exist before, because of its conditions, is drawn.

    Args:
        parameters: The parameters of the space by name, in its order.
        params: The configuration.
        rng: The generator to draw from.
        resample_probability: The probability with which a parameter is drawn anew, 0 to 1.
    """
    neighbour: Params = {}
    for name, parameter in parameters.items():
        if not exists(parameter, neighbour, parameters):
            continue
        # Both numbers are drawn for every parameter, so that one does not depend on the others.
        is_resampled = rng.random() < resample_probability
        direction = 1 if rng.random() < 0.5 else -1
        if name not in params or is_resampled:
            neighbour[name] = parameter.draw(rng)
        else:
            neighbour[name] = _move(parameter, params[name], direction)
    return neighbour


def _move(parameter: Parameter, value: ParameterValue, direction: int) -> ParameterValue:
    """Return another value of a parameter.

    Args:
        parameter: The parameter.
        value: Its value.
        direction: 1 to move up, -1 to move down.
    """
    if parameter.type in (CATEGORICAL, CONSTANT):
        return value
    count = parameter.count
    if parameter.type == DISCRETE:
        return parameter.at(clip(parameter.index(value) + direction, 0, (count or 1) - 1))
    low, high = parameter.values
    if low > 0:
        number = value * FACTORS[direction]
    else:  # the difference of the bounds may be too large for a float
        number = value + direction * (SHARE * high - SHARE * low)
    if count is None:
        return float(clip(number, low, high))
    index = parameter.index(value)
    target = round((number - low) / (parameter.step or 1))
    return parameter.at(clip(index + direction if target == index else target, 0, count - 1))
