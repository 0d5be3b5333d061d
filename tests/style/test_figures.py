"""The measures of how the package reads, on small packages made here."""

import figures
import pytest


@pytest.fixture
def package(tmp_path):
    def make(**sources):
        root = tmp_path / "pack"
        root.mkdir()
        for name, source in sources.items():
            (root / f"{name}.py").write_text(source)
        return root

    return make


def test_participles_count_as_names_where_they_are_bound(package):
    root = package(
        one="def f(given, left):\n"
        "    for each in given:\n        found = each\n    return found.known\n"
    )
    names = [place.split()[-1] for place in figures.participle_names(figures.modules(root))]
    assert sorted(names) == ["each", "found", "given"]


@pytest.mark.parametrize(
    ("summary", "imperative"),
    [
        ("Return the median.", True),
        ("Raise `ValueError` if it is negative.", True),
        ("Returns the median.", False),
        ("The median.", False),
        ("Whether it is one.", False),
        ("``x`` and more.", False),
    ],
)
def test_a_docstring_is_imperative_by_its_first_word(summary, imperative):
    assert figures.is_imperative(summary) is imperative


def test_a_late_import_closes_a_cycle_and_one_for_type_checkers_does_not(package):
    late = package(
        one="import pack.two\n",
        two="def f():\n    from pack.one import x\n",
        three="import pack.one\n",
    )
    assert figures.import_cycles(late, figures.modules(late)) == [["pack.one", "pack.two"]]
    (late / "two.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.one\n"
    )
    assert figures.import_cycles(late, figures.modules(late)) == []


def test_functions_are_measured_without_their_docstrings(package):
    root = package(one='def f():\n    """One.\n\n    Two.\n    """\n    return 1\n')
    assert figures.longest_functions(figures.modules(root)) == [2]


def test_loose_types_count_in_code_and_not_in_imports(package):
    root = package(
        one="from typing import Any, cast\n"
        "def f(x: Any, y: object) -> int:\n    return cast(int, x)\n"
    )
    assert figures.loose_types(figures.modules(root)) == 3


def test_public_definitions_are_those_that_a_stranger_may_use(package):
    root = package(
        one="class A:\n    def b(self): ...\n    def _c(self): ...\n"
        "def d(): ...\nclass _E:\n    def f(self): ...\n"
    )
    names = [node.name for node in figures.public_definitions(figures.modules(root)["pack/one.py"])]
    assert sorted(names) == ["A", "b", "d"]
