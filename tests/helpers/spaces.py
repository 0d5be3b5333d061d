"""Search spaces for tests: one of every kind, and Hypothesis strategies for any."""

from __future__ import annotations

from hypothesis import strategies as st

from maggy.searchspace import Searchspace


def full_space():
    return Searchspace(
        kernel=("INTEGER", [2, 8]),
        pool=("DISCRETE", [1, 2, 4]),
        dropout=("DOUBLE", [0.01, 0.99]),
        rate=("DOUBLE", [1e-5, 1e-1], "log"),
        units=("INTEGER", [1, 1024], "log"),
        activation=("CATEGORICAL", ["relu", "gelu", None, True]),
    )


whole = st.integers(-(2**63), 2**64 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
doubles = (
    st.tuples(numbers, numbers)
    .map(sorted)
    .filter(lambda b: b[0] < b[1])
    .map(lambda b: ("DOUBLE", b))
)
integers = (
    st.tuples(whole, whole).map(sorted).filter(lambda b: b[0] < b[1]).map(lambda b: ("INTEGER", b))
)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
log_doubles = (
    st.tuples(positive, positive)
    .map(sorted)
    .filter(lambda b: b[0] < b[1])
    .map(lambda b: ("DOUBLE", b, "log"))
)
log_integers = (
    st.tuples(st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1))
    .map(sorted)
    .filter(lambda b: b[0] < b[1])
    .map(lambda b: ("INTEGER", b, "log"))
)
plain_values = st.one_of(st.none(), st.booleans(), whole, numbers, st.text(max_size=5))
listed = st.tuples(
    st.sampled_from(["DISCRETE", "CATEGORICAL"]), st.lists(plain_values, min_size=1, max_size=5)
)
parameters = st.one_of(doubles, integers, log_doubles, log_integers, listed)
spaces = st.dictionaries(st.text("abc-λ", min_size=1, max_size=4), parameters, max_size=4).map(
    lambda entries: Searchspace(**entries)
)


def _counted(low, options):
    """Return parameters with countable values, as the condition of another one needs them."""
    return [
        ("INTEGER", [low, low + 20], options),
        ("INTEGER", [low, low + 20], {**options, "step": 3}),
        ("INTEGER", [abs(low) + 1, 1000], {**options, "log": True}),
        ("DOUBLE", [low / 10, low / 10 + 2.05], {**options, "step": 0.1}),
        ("DISCRETE", [1, True, 0.5, "a"], options),
        ("CATEGORICAL", ["a", None, [1, [2]], {"k": 1}], options),
        ("CONSTANT", [[low]], options),
    ]


def _uncounted(low, options):
    return [
        ("DOUBLE", [low / 7, low / 7 + 1], options),
        ("DOUBLE", [10.0 ** -(abs(low) % 9), 10.0], {**options, "log": True}),
    ]


@st.composite
def conditional_spaces(draw):
    """Draw a space of up to six parameters with all options, conditions included."""
    space, parents = Searchspace(), {}
    for number in range(draw(st.integers(1, 6))):
        options, low = {}, draw(st.integers(-50, 50))
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(sorted(parents)))
            options["when"] = {
                parent: draw(st.lists(st.sampled_from(parents[parent]), min_size=1, max_size=3))
            }
        listed = draw(st.booleans())
        space.add(
            f"p{number}", draw(st.sampled_from((_counted if listed else _uncounted)(low, options)))
        )
        if listed:
            parents[f"p{number}"] = [
                params[f"p{number}"] for params in _draws(space) if f"p{number}" in params
            ]
            if not parents[f"p{number}"]:  # its own condition did not hold in any draw
                del parents[f"p{number}"]
    return space


def _draws(space):
    return space.seeded(1).get_random_parameter_values(20)
