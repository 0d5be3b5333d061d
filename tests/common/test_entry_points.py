"""Names that other distributions register by entry points."""

from __future__ import annotations

import logging

import pytest
from helpers.distributions import install

from maggy.common import entry_points
from maggy.common.by_name import resolve
from maggy.common.entry_points import FactoryTable
from maggy.common.exceptions import BadArgumentsError

GROUP = "maggy.examples"
OWN = {"list": list}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_name_of_another_distribution_makes_its_policy(folder):
    install(
        folder,
        {GROUP: {"Squares": "acme_squares:Squares"}},
        {"acme_squares": "class Squares(list): pass"},
    )
    policy = resolve(" SQUARES ", "policy", list, FactoryTable(OWN, GROUP))
    assert type(policy).__name__ == "Squares"


def test_a_factory_gets_what_the_table_passes(folder):
    install(folder, {GROUP: {"copy": "acme_copy:copy"}}, {"acme_copy": "copy = list"})
    table = FactoryTable(OWN, GROUP, make=lambda factory: factory("ab"))
    assert resolve("copy", "policy", list, table) == ["a", "b"]


def test_entry_points_are_not_read_for_our_own_names(monkeypatch):
    monkeypatch.setattr(
        entry_points, "entry_points", lambda **_: pytest.fail("entry points were read")
    )
    assert resolve("list", "policy", list, FactoryTable(OWN, GROUP)) == []


def test_an_entry_point_never_replaces_our_own_name(folder):
    install(folder, {GROUP: {"list": "acme_list:other"}}, {"acme_list": "other = dict"})
    assert resolve("list", "policy", list, FactoryTable(OWN, GROUP)) == []


def test_the_error_for_an_unknown_name_lists_all_names_and_imports_nothing(folder):
    install(folder, {GROUP: {"squares": "acme_never:Squares"}}, {"acme_never": "raise SystemExit"})
    with pytest.raises(
        BadArgumentsError, match=r"one of 'list', 'squares', .*'sqares'.*mean 'squares'"
    ):
        resolve("sqares", "policy", list, FactoryTable(OWN, GROUP))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("acme_missing:Squares", "ModuleNotFoundError: No module named 'acme_missing'"),
        ("acme_broken:Squares", "RuntimeError: two lines"),
        ("acme_empty:Squares", "AttributeError"),
        ("acme_value:number", "TypeError: 3 is neither a class nor a function"),
        ("no target", "AttributeError"),
    ],
)
def test_an_entry_point_that_cannot_be_imported_costs_one_line(folder, caplog, target, reason):
    modules = {
        "acme_broken": "raise RuntimeError('two\\nlines')",
        "acme_empty": "",
        "acme_value": "number = 3",
    }
    install(folder, {GROUP: {"squares": target, "cubes": "acme_cubes:Cubes"}}, modules)
    with caplog.at_level(logging.WARNING), pytest.raises(BadArgumentsError) as caught:
        resolve("squares", "policy", list, FactoryTable(OWN, GROUP))
    assert "must be one of 'cubes', 'list', or" in str(caught.value)
    assert len(caplog.messages) == 1
    assert f"squares = {target} of the group {GROUP}" in caplog.text
    assert reason in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


def test_the_same_name_of_a_second_distribution_replaces_one_that_cannot_be_imported(folder):
    install(folder, {GROUP: {"squares": "acme_missing:Squares"}}, name="acme")
    install(
        folder,
        {GROUP: {"squares": "acme_second:squares"}},
        {"acme_second": "squares = list"},
        name="beta",
    )
    assert resolve("squares", "policy", list, FactoryTable(OWN, GROUP)) == []


def test_a_malformed_file_costs_one_line_and_leaves_our_own_names(folder, caplog):
    install(folder, {GROUP: {}})
    (folder / "acme-1.0.dist-info" / "entry_points.txt").write_text(f"[{GROUP}]\nno equals sign\n")
    table = FactoryTable(OWN, GROUP)
    with caplog.at_level(logging.WARNING):
        assert list(table) == ["list"]
    assert len(caplog.messages) == 1
    assert len(table) == 1


def test_a_policy_of_another_type_is_refused(folder):
    install(folder, {GROUP: {"squares": "acme_dict:squares"}}, {"acme_dict": "squares = dict"})
    with pytest.raises(
        TypeError, match=r"policy='squares' must make an instance of list, but made \{\}"
    ):
        resolve("squares", "policy", list, FactoryTable(OWN, GROUP))
