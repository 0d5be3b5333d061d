"""Draw the picture of the guide on early stopping: ``python docs/images/stopped_curves.py``."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "guides" / "early_stopping.md"


def main():
    """Run the search of the page on Spark, and save the curves that it draws."""
    code = re.search(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names = {}
    exec(code[1], names)
    figure = names["axes"].figure
    figure.set_size_inches(8, 4)
    figure.savefig(HERE / "stopped_curves.png", dpi=110)


if __name__ == "__main__":
    main()
