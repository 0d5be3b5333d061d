"""Missing packages, and packages that raise any error when they are imported, cost one line."""

import sys

import pytest

from maggy.common.exceptions import MissingDependencyError
from maggy.common.optional import can_import, import_optional
from maggy.records.events import events_problem, find_event_maker, frame

BREAKAGES = {
    "TypeError: Descriptors cannot be created directly.": (
        "raise TypeError('Descriptors cannot be created directly.')"
    ),
    "AttributeError: module has no attribute 'x'": (
        "raise AttributeError(\"module has no attribute 'x'\\nmore\")"
    ),
    "VersionError: too old": "class VersionError(Exception): pass\nraise VersionError('too old')",
    "ModuleNotFoundError: No module named 'other_package'": "import other_package",
    "ImportError": "raise ImportError",
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package of this name and content in front of the installed one."""

    def put(name, code):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))
        for module in [module for module in sys.modules if module.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)

    return put


@pytest.mark.parametrize("reason", BREAKAGES)
def test_a_broken_package_costs_one_line_with_the_remedy(install, reason):
    install("flawed", BREAKAGES[reason])
    with pytest.raises(MissingDependencyError) as raised:
        import_optional("flawed.inner", "A plot", "pip install flawed")
    assert str(raised.value) == (
        f"A plot needs flawed, which is installed but cannot be imported ({reason}): "
        "pip install flawed"
    )
    assert not can_import("flawed")


def test_a_missing_package_costs_one_line_with_the_remedy():
    with pytest.raises(
        MissingDependencyError,
        match=r"^A plot needs no_such, which is not installed: pip install x$",
    ):
        import_optional("no_such.inner", "A plot", "pip install x")
    assert not can_import("no_such")


def test_a_module_that_works_is_returned():
    assert import_optional("json.decoder", "it", "").JSONDecoder
    assert can_import("json")


@pytest.mark.parametrize("reason", BREAKAGES)
def test_a_broken_tensorboard_costs_the_event_files_and_one_line(install, reason):
    install("tensorboard", BREAKAGES[reason])
    assert find_event_maker() is None
    line = events_problem()
    assert line.startswith(
        f"TensorBoard is installed but cannot be imported ({reason}), so no event files are written"
    )
    assert "pip install" in line
    assert "\n" not in line


def test_a_tensorboard_that_is_not_installed_costs_one_line(monkeypatch):
    for module in [module for module in sys.modules if module.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert find_event_maker() is None
    assert events_problem() == (
        "TensorBoard is not installed, so no event files are written: "
        "pip install --upgrade 'tensorboard>=2.16' 'google-crc32c>=1.5'"
    )


def test_a_broken_checksum_package_is_replaced(install):
    from maggy.records import events

    whole = frame([b"record"])
    install("google_crc32c", "raise AttributeError('no C extension')")
    for function in (events._crc32c, events._framed_length):
        function.cache_clear()
    try:
        assert frame([b"record"]) == whole
    finally:
        for function in (events._crc32c, events._framed_length):
            function.cache_clear()


@pytest.mark.parametrize(
    ("package", "call"),
    [
        (
            "pandas",
            lambda: lambda _: __import__("maggy.result.tables", fromlist=["x"]).data_frame([]),
        ),
        ("keras", lambda: __import__("maggy.common.keras_session", fromlist=["x"]).import_keras),
        (
            "tensorflow",
            lambda: __import__("maggy.common.keras_session", fromlist=["x"]).import_tensorflow,
        ),
        (
            "matplotlib",
            lambda: (
                lambda _: __import__("maggy.result.plots", fromlist=["x"]).plot_timeline([], None)
            ),
        ),
    ],
)
def test_a_function_that_needs_a_broken_package_names_it(install, package, call):
    install(package, "raise TypeError('does not fit')")
    with pytest.raises(
        MissingDependencyError, match=rf"needs {package}, which is installed but cannot be imported"
    ):
        call()("x")
