"""The notebooks in ``examples/recipes`` run, and keep the outputs of a good run."""

import re

import nbformat
import pytest
from helpers.notebooks import printed, tables
from helpers.recipes import RECIPES, run_recipe


@pytest.mark.slow
def test_a_program_is_a_trial_and_ends_when_its_trial_is_stopped(tmp_path, monkeypatch):
    notebook = run_recipe("command_line_program", tmp_path, monkeypatch)
    assert int(re.search(r"EARLY STOPPED Trials -- (\d+)", printed(notebook))[1]) >= 1
    (best,) = re.findall(r"BEST combination .* metric ([\d.]+)", printed(notebook))
    assert float(best) > 0.9


@pytest.mark.slow
def test_a_pipeline_is_searched_and_predicts(tmp_path, monkeypatch):
    notebook = run_recipe("sklearn_pipeline", tmp_path, monkeypatch)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    accuracy = [
        output["data"]["text/plain"]
        for output in outputs
        if re.fullmatch(r"0\.\d+|1\.0", output.get("data", {}).get("text/plain", ""))
    ]
    assert float(accuracy[0]) > 0.9


@pytest.mark.parametrize(
    "path", sorted(RECIPES.glob("*.ipynb")), ids=lambda path: path.name.removesuffix(".ipynb")
)
def test_a_recipe_is_kept_with_the_outputs_of_a_good_run_and_no_path_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert tables(notebook)
    kinds = {output.output_type for cell in notebook.cells for output in cell.get("outputs", [])}
    assert "error" not in kinds
    assert not re.search(r"(/home|/root|/tmp|/usr|/opt|/Users|[A-Z]:\\\\)[/\w]", text)
    assert notebook.cells[0].source.split("\n")[2].startswith("After this notebook you can ")
