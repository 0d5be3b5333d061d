"""Draw the picture of the guide on search spaces: ``python docs/images/search_space.py``."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
PAGE = HERE.parent / "guides" / "search_spaces.md"


def main():
    """Run the first code of the page, and draw the samples that it takes."""
    code = re.search(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names = {}
    exec(code[1], names)
    entries = list(names["space"])
    figure, rows = plt.subplots(len(entries), figsize=(8, 8), layout="constrained")
    for axes, entry in zip(rows, entries, strict=True):
        name = entry["name"]
        values = [sample[name] for sample in names["samples"] if name in sample]
        draw(axes, entry, values)
        if "when" in entry:
            share = f"{len(values)} of {len(names['samples'])}"
            axes.text(1, 1, share, ha="right", transform=axes.transAxes, fontsize=9)
    figure.savefig(HERE / "search_space.png", dpi=110)


def draw(axes, entry, values):
    """Draw the samples of one hyperparameter as points on its scale, or as counts of its values."""
    if entry["type"] in ("DISCRETE", "CATEGORICAL", "CONSTANT"):
        counts = [values.count(choice) for choice in entry["values"]]
        axes.set_xlim(-0.6, max(len(counts), 2) - 0.4)
        axes.bar([str(choice) for choice in entry["values"]], counts, width=0.5, color="#0072b2")
    else:
        axes.eventplot(values, color="#0072b2", alpha=0.5, linewidth=1)
        if entry.get("scale") == "log":
            axes.set_xscale("log")
    options = [option for option in ("step", "when") if option in entry]
    kind = " ".join(filter(None, [entry["type"], entry.get("scale"), *options]))
    axes.set_ylabel(f"{entry['name']}\n{kind}", rotation=0, ha="right", va="center", fontsize=9)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


if __name__ == "__main__":
    main()
