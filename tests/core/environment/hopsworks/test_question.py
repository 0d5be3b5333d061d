"""Questions of the notebook's front end, which are pickles and must not run any code."""

import pickle

import pytest

from maggy.core.environment.hopsworks.question import MAX_QUESTION_BYTES, read_question


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04}r\xff\xff\xff\x7f.",  # a memo with two thousand million entries
        b"\x80\x04\x96\xff\xff\xff\xff\xff\xff\xff\x00.",  # a byte array larger than the memory
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00.",
        b"\x80\x04}p99999999999\n.",
        b"}P1\n.",
        b"\x80\x02\x82\x01.",
        b"(" * 4000 + b".",
        b"cos\nsystem\n(S'true'\ntR.",
        pickle.dumps({"type": 10**400}),
    ],
)
def test_a_pickle_of_more_than_texts_is_refused(data):
    with pytest.raises(ValueError, match="must be a pickled dict of texts"):
        read_question(data)


def test_a_question_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="at most"):
        read_question(b"x" * (MAX_QUESTION_BYTES + 1))
