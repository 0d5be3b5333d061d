"""The documents' Python is run, their links lead somewhere, and the files that they name exist."""

import re
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


def name_of(page):
    return page.name


def blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.slow
@pytest.mark.usefixtures("spark", "experiments")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = types.ModuleType("page").__dict__
    for number, block in enumerate(blocks(page, "python"), 1):
        exec(
            compile(block, f"{page.name}, block {number}", "exec"), namespace
        )  # as a notebook would
        # A trial that failed would only be printed.
        assert "result" not in namespace or namespace["result"]["failed"] == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [
        target for target in targets if "://" not in target and not (page.parent / target).exists()
    ] == []


def test_every_file_that_the_architecture_names_exists():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests/)?[\w/]+(?:\.py|/))`", text)
    assert len(named) > 40
    lost = [
        name for name in named if not ((ROOT / "maggy" / name).exists() or (ROOT / name).exists())
    ]
    assert [name for name in lost if name not in ("maggy/", "registry.py")] == []


def test_the_readme_keeps_to_its_size():
    search, _, ablation = (block.splitlines() for block in blocks(ROOT / "README.md", "python"))
    assert (len(search), len(ablation)) == (10, 15)
    assert "pip install tox && tox -e titanic" in blocks(ROOT / "README.md", "bash")[0]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_path_of_somebodys_machine(page):
    assert not re.search(r"(/home|/root|/tmp|/Users)/", page.read_text(encoding="utf-8"))
