"""The texts of the project are plain: spelling, length of sentences, words that say nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
]
MAX_WORDS = 40
"""Most sentences have fewer than 20 words. A longer one than this has to be read twice."""
BLOCK = re.compile(r"^```.*?^```|^\|.*?$", re.MULTILINE | re.DOTALL)
PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[*-]|\d+\.)\s|#)")
AVOIDED = re.compile(
    r"\b(?:aforementioned|cannot be had|hence|in order to|leverage[sd]?|obviously|simply|"
    r"so many (?!trials)|that which|thereby|utili[sz]e[sd]?|whereas)\b",
    re.IGNORECASE,
)
# A part of "cancelled" and "canceled", which the code looks for in messages of Spark.
NO_MISTAKES = "cancell"


def sentences(page):
    """Yield the sentences of a page, without code, tables and the targets of links."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "code", text))
    for paragraph in PARAGRAPH.split(text):
        yield from re.split(r"(?<=[.!?:;])\s+", " ".join(paragraph.split()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_sentence_has_to_be_read_twice(page):
    assert [line for line in sentences(page) if len(line.split()) > MAX_WORDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_word_says_nothing(page):
    assert [line for line in sentences(page) if AVOIDED.search(line)] == []


def test_words_are_spelled_as_in_a_dictionary():
    places = ["README.md", "docs", "maggy", *sorted(map(str, (ROOT / "examples").glob("*.py")))]
    command = [sys.executable, "-m", "codespell_lib", "--skip=_build,*.svg,*.png"]
    command += [f"--ignore-words-list={NO_MISTAKES}", *places]
    check = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert check.stdout == ""
    assert check.returncode == 0, check.stderr
