"""The names of code on the pages and in docstrings exist: a rename must reach them too."""

import ast
import importlib
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "maggy").rglob("*.py"))
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
]
# The pages about the code itself. Others also name what belongs to users and to other packages.
INSIDE = [ROOT / "docs" / name for name in ("architecture.md", "contributing.md", "reliability.md")]
COMMANDS = {"fg", "tox"}
# Paths of release 1 of which "Moving from Maggy 1" says that they do not exist.
NOT_OFFERED = {"maggy.optimizer.bayes.base.BaseAsyncBO", "maggy.pruner.abstractpruner"}
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([\w.]+)`")
NAME = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)*)(?:\(\))?`")


def _words_of(path):
    """Yield the names in a module's code, and the words in its texts; docstrings do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and node.value not in docstrings:
            yield from re.findall(r"\w+", node.value)
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.NAME:
            yield token.string


@pytest.fixture(scope="module")
def words():
    stems = {part for path in FILES for part in path.relative_to(ROOT).with_suffix("").parts}
    return stems.union(*map(_words_of, FILES))


def missing(names, words):
    return sorted({name for name in names if not words.issuperset(name.split("."))})


def names_on(page):
    text = page.read_text(encoding="utf-8")
    return NAME.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("page", INSIDE, ids=lambda page: page.name)
def test_every_name_on_a_page_about_the_code_is_in_the_code(page, words):
    names = names_on(page)
    assert len(names) > 10
    assert missing(set(names) - COMMANDS, words) == []


def test_every_reference_in_a_docstring_is_to_a_name_in_the_code(words):
    references = {path: ROLE.findall(path.read_text(encoding="utf-8")) for path in FILES}
    assert sum(map(len, references.values())) > 100
    faults = {path.name: missing(names, words) for path, names in references.items()}
    assert {name: names for name, names in faults.items() if names} == {}


def test_every_path_of_the_package_on_any_page_can_be_imported():
    texts = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    names = {name for page in PAGES for name in names_on(page) if name.startswith("maggy.")}
    assert len(names) > 20
    # Files such as maggy.json, and groups of entry points, are texts in the code.
    paths = {name for name in names if f'"{name}"' not in texts and f"/{name}" not in texts}
    assert [name for name in sorted(paths - NOT_OFFERED) if not _can_be_found(name)] == []


def _can_be_found(path):
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        try:
            target = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:]:
            target = getattr(target, name, None)
        return target is not None
    return False


def test_a_name_that_does_not_exist_is_found(words):
    assert missing(["Session.request", "Session.beseech", "TrialBook"], words) == [
        "Session.beseech"
    ]
    assert _can_be_found("maggy.optimizer.Asha")
    assert not _can_be_found("maggy.optimizer.Ashe")
    assert not _can_be_found("maggy.optimiser")
