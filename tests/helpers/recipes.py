"""The notebooks in ``examples/recipes``."""

import shutil
from pathlib import Path

from helpers.notebooks import printed, run_notebook, tables

__all__ = ["RECIPES", "run_recipe"]

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"


def run_recipe(name, directory, monkeypatch):
    """Run a copy of a notebook beside a copy of its data; return it with its outputs.

    Args:
        name: The name of the notebook, without its ending.
        directory: The folder.
        monkeypatch: The fixture of pytest.
    """
    shutil.copy(RECIPES.parent / "titanic.csv", directory)
    folder = directory / "recipes"
    folder.mkdir()
    copy = shutil.copy(RECIPES / f"{name}.ipynb", folder)
    notebook = run_notebook(copy, folder, monkeypatch)
    assert "Finished Experiment" in printed(notebook)
    (html,) = tables(notebook)
    assert ">failed</td>" not in html
    return notebook
