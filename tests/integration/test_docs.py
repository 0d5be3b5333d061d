"""The Python of the pages runs, their links and names are right, and their lines are short."""

import ast
import re
import subprocess
import types
from pathlib import Path

import pytest

from maggy.ablation.ablator import registry as ablators
from maggy.earlystop import registry as stop_rules
from maggy.optimizer import registry as optimizers
from maggy.tracking import registry as listeners

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts),
]
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
MAX_LINE, MAX_CELL = 200, 100
RUN_ELSEWHERE = {
    **dict.fromkeys(
        (
            "docs/coming_from/cross_validator.md",
            "docs/coming_from/hyperopt.md",
            "docs/coming_from/keras_tuner.md",
            "docs/coming_from/optuna_and_mlflow.md",
            "docs/coming_from/ray_tune.md",
        ),
        "tests/integration/real_coming_from.py",
    ),
    "docs/clusters/standalone.md": "tests/integration/real_packed_environment.py",
    "docs/guides/callbacks.md": "tests/callbacks/real_guide.py",
}
"""Pages with Python that needs further libraries or a cluster, and the tests that run it."""
NOT_RUN = {"docs/clusters/databricks.md": "Only Databricks has dbutils."}
"""Pages with Python that no test runs, and why."""


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def prose(page):
    """Return a page without its blocks of code."""
    return re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and the site build them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readmes_python_is_that_of_the_first_pages():
    # test_the_python_of_a_page_runs needs no run of its own for this page.
    search, ablation = blocks(ROOT / "README.md", "python")
    assert search == blocks(DOCS / "start" / "first_search.md", "python")[0]
    assert ablation == blocks(DOCS / "start" / "first_ablation.md", "python")[0]


@pytest.mark.slow
@pytest.mark.usefixtures("spark", "experiments")
@pytest.mark.parametrize("page", WITH_PYTHON[1:], ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = types.ModuleType("page").__dict__
    for number, block in enumerate(blocks(page, "python"), 1):
        # Blocks share their names, as the cells of a notebook do.
        exec(compile(block, f"{page.name}, block {number}", "exec"), namespace)
        # A failed trial raises no error.
        assert "result" not in namespace or namespace["result"]["failed"] == 0


def test_python_that_this_file_does_not_run_is_run_by_another_test_or_has_a_reason():
    pages = {name_of(page) for page in PAGES if blocks(page, "py")}
    assert pages == RUN_ELSEWHERE.keys() | NOT_RUN.keys()
    assert not RUN_ELSEWHERE.keys() & NOT_RUN.keys()
    for page, test in RUN_ELSEWHERE.items():
        text = (ROOT / test).read_text(encoding="utf-8")
        assert re.search(rf"\b{Path(page).stem}\b", text), page
        assert r"^```" in text  # it reads the blocks from the page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_python_is_hidden_in_a_block_of_another_kind(page):
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^( *)(```|~~~)(\S*)", text, re.MULTILINE)
    assert {indent for indent, _, _ in fences} <= {""}
    openings = [language for _, _, language in fences[::2]]
    closings = {language for _, _, language in fences[1::2]}
    assert closings <= {""}
    kinds = {"bash", "console", "dockerfile", "py", "python", "text", "toml"}
    assert set(openings) <= kinds | {"{eval-rst}", "{toctree}"}
    # A block by indentation alone would be of no kind.
    assert not re.search(r"^\n {4}\S.*\n$", prose(page), re.MULTILINE)
    for language in sorted(kinds - {"py", "python"}):
        for block in blocks(page, language):
            assert not is_program(block), block


def test_the_groups_of_entry_points_on_the_pages_are_those_of_the_code():
    groups = [
        re.findall(r'entry-points\."([\w.]+)"', block)
        for page in PAGES
        for block in blocks(page, "toml")
    ]
    code = {ablators.ENTRY_POINTS, listeners.ENTRY_POINTS, stop_rules.ENTRY_POINTS}
    assert {name for names in groups for name in names} == code | {optimizers.ENTRY_POINT_GROUP}
    assert all(groups)


def is_program(text):
    """Return whether a text is a program in Python and more than a single line."""
    try:
        return len(ast.parse(text).body) > 1
    except SyntaxError:
        return False


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python") or blocks(page, "py")], ids=name_of
)
def test_the_python_of_a_page_is_formatted_like_the_package(page):
    # "py" marks what the ordinary run does not execute, such as programs of other libraries.
    for block in blocks(page, "python") + blocks(page, "py"):
        command = ["ruff", "format", "--config", str(ROOT / ".ruff.toml"), "-"]
        formatter = subprocess.run(command, input=block, capture_output=True, text=True, check=True)
        assert formatter.stdout == block


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=name_of)
def test_a_page_begins_with_what_one_can_do_after_reading_it(page):
    title, beginning = page.read_text(encoding="utf-8").split("\n\n")[:2]
    assert title.startswith("# ")
    if page != DOCS / "index.md":  # the door to all others
        assert re.match(r"After (this page|these pages) you (can|know|have) ", beginning)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page):
    faults = []
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            faults.append(target)
    assert faults == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_and_table_cells_are_short(page):
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) > MAX_LINE] == []
    rows = re.findall(r"^\|(.*)\|$", prose(page), re.MULTILINE)
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    assert [cell for cell in cells if len(cell) > MAX_CELL] == []


def test_every_file_that_the_architecture_names_exists():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:tests/)?[\w/]+(?:\.py|/))`", text)
    assert len(names) > 40
    missing = [
        name for name in names if not ((ROOT / "maggy" / name).exists() or (ROOT / name).exists())
    ]
    assert missing == []


def test_every_file_that_contributing_names_exists():
    text = (DOCS / "contributing.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:maggy|tests|docs)/[\w/.]*)`", text)
    assert len(names) > 30
    assert [name for name in names if not (ROOT / name).exists() and "_build" not in name] == []


def test_every_test_that_the_page_on_reliability_names_exists():
    text = (DOCS / "reliability.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:\w+/)*(?:test_\w+\.py)?(?:::test_\w+)?(?:\.\.\.)?)`", text)
    names = [name for name in names if "test_" in name]
    assert len(names) > 80
    missing = []
    for name in names:
        path, _, test = name.removesuffix("...").partition("::")
        file = ROOT / "tests" / path.removeprefix("tests/")
        if not file.exists() or f"def {test}" not in file.read_text(encoding="utf-8"):
            missing.append(name)
    assert missing == []


def test_the_readme_begins_with_the_commands_and_the_picture():
    commands = "\n".join(blocks(ROOT / "README.md", "bash"))
    assert "pip install tox && tox -e titanic" in commands
    assert commands.index("tox -e titanic") < commands.index("pip install tox && tox  ")
    first_lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:10]
    assert any("`pip install tox && tox -e titanic`" in line for line in first_lines)
    assert any(line.startswith("![") for line in first_lines)
    (picture,) = re.findall(r"!\[[^]]+\]\((.*)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert (ROOT / picture).stat().st_size <= 200_000


def test_the_readme_compares_with_figures_of_the_page_on_performance():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## How it compares")[1]
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$", section, re.MULTILINE)
    assert len(rows) == 6
    measured = (DOCS / "inside" / "performance.md").read_text(encoding="utf-8")
    for library, cost, makespan in rows:
        lines = [line for line in measured.splitlines() if line.startswith(f"| {library} |")]
        assert any(f"| {cost} |" in line for line in lines)
        assert any(f"| {makespan} |" in line for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_path_of_somebodys_machine(page):
    assert not re.search(r"(/home|/root|/tmp|/Users)/", page.read_text(encoding="utf-8"))
