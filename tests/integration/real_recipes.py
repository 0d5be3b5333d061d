"""The notebooks in ``examples/recipes`` that need packages of their own: ``tox -e recipes``."""

import re

from helpers.notebooks import printed
from helpers.recipes import run_recipe


def test_a_pytorch_loop_finds_a_good_model_and_saves_it(tmp_path, monkeypatch):
    notebook = run_recipe("pytorch_loop", tmp_path, monkeypatch)
    (best,) = re.findall(r"BEST combination .* metric ([\d.]+)", printed(notebook))
    assert float(best) > 0.9
    shown = [
        output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    assert "'0.weight'" in shown[-1]
