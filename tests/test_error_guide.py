"""The errors that the guide quotes are those that the code raises."""

import ast
import builtins
import re
from pathlib import Path

import pytest

from maggy.common import exceptions

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "guides" / "errors.md").read_text(encoding="utf-8")
OURS, _, FOREIGN = GUIDE.partition("## Messages of other programs")
ENTRY = re.compile(r"^### ([^\n]+)\n\n```(\w+)\n(.*?)\n```\n\n([^\n]+)", re.MULTILINE | re.DOTALL)
QUOTES = {title: text.replace("\n", " ") for title, _, text, _ in ENTRY.findall(OURS)}
WRAPPER = "3 Spark jobs in a row ended without running a trial: "
"""What stands before an error of the executors, as the driver shows it."""


def pieces_of(node):
    """Return what a text of the code consists of: its words, and None for each value."""
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        parts = [node.value]
    else:
        parts = []
    return [None if part is None else part.replace("\n", " ") for part in parts]


def is_made_of(pieces, quote):
    """Return whether a quote may be a text of the code with values filled in.

    A text that is little more than its values fits everything, so it is no evidence.
    """
    words = [piece for piece in pieces if piece]
    size = sum(map(len, words))
    if (size < 16 and size < 0.3 * len(quote)) or not all(word in quote for word in words):
        return False
    pattern = "".join("(.*)" if piece is None else re.escape(piece) for piece in pieces)
    return re.fullmatch(f"{pattern} ?", quote) is not None


def message_of(title):
    """Return a quoted message, without the class of the error and without what wraps it."""
    quote = QUOTES[title].replace(WRAPPER, "")
    name, _, message = quote.partition(": ")
    is_class = hasattr(exceptions, name) or isinstance(getattr(builtins, name, None), type)
    return message if is_class else quote


@pytest.fixture(scope="module")
def nodes():
    """The syntax of all of Maggy's code."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "maggy").rglob("*.py")]
    return [node for tree in trees for node in ast.walk(tree)]


@pytest.fixture(scope="module")
def texts(nodes):
    """The texts in the code that may be messages."""
    return [pieces for pieces in map(pieces_of, nodes) if pieces]


@pytest.fixture(scope="module")
def raised(nodes):
    """The texts in the code that are the message of an error, each with the name of its class."""
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
    named = [call for call in calls if isinstance(call.func, ast.Name)]
    pairs = [(call.func.id, pieces_of(call.args[0])) for call in named]
    return [(name, pieces) for name, pieces in pairs if pieces and name.endswith("Error")]


def test_the_guide_has_more_than_thirty_errors_with_texts_and_explanations():
    assert len(ENTRY.findall(GUIDE)) == len(re.findall(r"^### ", GUIDE, re.MULTILINE)) > 40
    assert {language for _, language, _, _ in ENTRY.findall(OURS)} == {"text"}
    assert {language for _, language, _, _ in ENTRY.findall(FOREIGN)} == {"console"}


@pytest.mark.parametrize("title", QUOTES)
def test_a_quoted_error_is_one_of_the_code(title, texts):
    assert any(is_made_of(pieces, message_of(title)) for pieces in texts)


@pytest.mark.parametrize("title", [title for title in QUOTES if WRAPPER not in QUOTES[title]])
def test_a_quoted_error_has_the_class_that_the_code_raises(title, raised):
    classes = {name for name, pieces in raised if is_made_of(pieces, message_of(title))}
    assert not classes or QUOTES[title].partition(":")[0] in classes


def test_what_wraps_an_error_of_the_executors_is_of_the_code_too(texts):
    assert any(is_made_of(pieces, f"{WRAPPER}a reason") for pieces in texts)
    assert sum(WRAPPER in quote for quote in QUOTES.values()) == 2


def test_a_changed_word_is_noticed(texts):
    for quote in (
        "An experiment is now running.",
        "Lower bound 0.1 must be below the upper bound 0.001: lr.",
        message_of("No such experiment").replace("there is no", "there was no"),
    ):
        assert not any(is_made_of(pieces, quote) for pieces in texts)
