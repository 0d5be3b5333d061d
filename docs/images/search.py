"""Run the README's search on Spark, and draw its table and its trials as docs/images/search.png.

pip install ".[tensorflow,optuna,plots]" scikit-learn
python docs/images/search.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display is needed
from matplotlib import pyplot

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

ROWS = 8
"""Number of trials in the table: the best ones."""


def run_search():
    """Run the first Python block of the README as it stands, and return its result."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    namespace = {"__name__": "__main__"}
    exec(compile(code, "README.md", "exec"), namespace)
    return namespace["result"]


def draw_table(axes, frame):
    """Draw the best trials as a table."""
    best = frame.sort_values("val_accuracy", ascending=False).head(ROWS)
    cells = [
        [
            f"{row.units}",
            f"{row.rate:.2g}",
            f"{row.val_accuracy:.4f}",
            "stopped early" if row.early_stop else "finished",
        ]
        for row in best.itertuples()
    ]
    heads = ["units", "rate", "val_accuracy", "status"]
    table = axes.table(cells, colLabels=heads, loc="upper center", cellLoc="right")
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.6)
    for (row, _), cell in table.get_celld().items():
        cell.set_linewidth(0)
        cell.set_facecolor("#eef1f4" if row % 2 else "white")
        if row <= 1:  # the head, and the best trial
            cell.set_text_props(weight="bold")
    axes.set_axis_off()
    title = f"The best {ROWS} of {len(frame)} trials"
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color="#262626", pad=10)


def main():
    """Run the search and write the picture."""
    # The same numbers on every processor.
    os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
    draw(run_search())


def draw(result):
    """Draw the table and the curves of a result beside each other."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    draw_table(left, result.to_pandas().rename(columns={"metric": "val_accuracy"}))
    result.optimization_key = "val_accuracy"  # the README's function returns a bare number
    result.plot_curves(ax=right)
    figure.savefig(HERE / "search.png", dpi=110)
    print(f"{result['early_stopped']} of {result['num_trials']} trials were stopped early")


if __name__ == "__main__":
    main()
