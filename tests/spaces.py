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
doubles = st.tuples(numbers, numbers).map(sorted).filter(lambda b: b[0] < b[1]).map(lambda b: ("DOUBLE", b))
integers = st.tuples(whole, whole).map(sorted).filter(lambda b: b[0] < b[1]).map(lambda b: ("INTEGER", b))
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
log_doubles = (
    st.tuples(positive, positive).map(sorted).filter(lambda b: b[0] < b[1]).map(lambda b: ("DOUBLE", b, "log"))
)
log_integers = (
    st.tuples(st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1))
    .map(sorted)
    .filter(lambda b: b[0] < b[1])
    .map(lambda b: ("INTEGER", b, "log"))
)
plain_values = st.one_of(st.none(), st.booleans(), whole, numbers, st.text(max_size=5))
listed = st.tuples(st.sampled_from(["DISCRETE", "CATEGORICAL"]), st.lists(plain_values, min_size=1, max_size=5))
parameters = st.one_of(doubles, integers, log_doubles, log_integers, listed)
spaces = st.dictionaries(st.text("abc-λ", min_size=1, max_size=4), parameters, max_size=4).map(
    lambda entries: Searchspace(**entries)
)
