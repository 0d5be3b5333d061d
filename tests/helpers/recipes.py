"""The notebooks in ``examples/recipes``."""

import shutil
from pathlib import Path

from helpers.notebooks import printed, run_notebook, tables

__all__ = ["RECIPES", "run_recipe"]

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"


def run_recipe(name, directory, monkeypatch):
    """Run a copy of a notebook in an empty folder; return it with its outputs.

    Args:
        name: The name of the notebook, without its ending.
        directory: The folder.
        monkeypatch: The fixture of pytest.
    """
    copy = shutil.copy(RECIPES / f"{name}.ipynb", directory)
    notebook = run_notebook(copy, directory, monkeypatch)
    assert "Finished Experiment" in printed(notebook)
    (html,) = tables(notebook)
    assert ">failed</td>" not in html
    return notebook
