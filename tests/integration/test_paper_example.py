"""The notebook that writes the table of a paper, run as a researcher would run it."""

from pathlib import Path

import pytest
from helpers.notebooks import printed, run_notebook, tables

NOTEBOOK = Path(__file__).parents[2] / "examples" / "paper_ablation.ipynb"
COMPONENTS = [
    "(base)",
    "Features prefixed worst",
    "layer second",
    r"choice optimizer=\textquotesingle{}sgd\textquotesingle{}",
]


def cells_of(line):
    return [cell.strip() for cell in line.removesuffix(r"\\").split("&")]


@pytest.mark.slow
def test_a_notebook_goes_from_an_empty_folder_to_a_latex_table(tmp_path, monkeypatch):
    notebook = run_notebook(NOTEBOOK, tmp_path, monkeypatch)
    _, plan, result, _ = tables(notebook)
    assert ">12 trials in 3 repeats.</caption>" in plan
    assert ">12 trials: 12 finished." in result
    assert "Mean difference from the base of the same repeat" in printed(notebook)

    lines = (tmp_path / "table.tex").read_text(encoding="utf-8").splitlines()
    assert r"\usepackage{booktabs}" in lines
    top, middle, bottom = (lines.index(rf"\{place}rule") for place in ("top", "mid", "bottom"))
    heads = cells_of(lines[top + 1])
    rows = [dict(zip(heads, cells_of(line), strict=True)) for line in lines[middle + 1 : bottom]]
    assert middle == top + 2
    assert [row["without"] for row in rows] == COMPONENTS
    assert [row["n"] for row in rows] == ["3"] * 4
    loss, _ = rows[0]["loss"].split(r" $\pm$ ")
    assert float(loss) < 0.5  # a model that learns nothing reaches 0.66
    verdicts = {row["verdict"] for row in rows[1:]}
    assert verdicts <= {r"\textbf{helps}", r"\textbf{hurts}", "inconclusive"}
    assert all(float(row["seconds"]) > 0 for row in rows)
    if "parameters" in heads:
        assert [row["parameters"] for row in rows] == ["905", "705", "633", "905"]
