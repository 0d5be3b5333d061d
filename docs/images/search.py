"""Run the README's search in JupyterLab, and keep what it shows as docs/images/search.png.

The upper part of the picture is the panel while the search runs, the lower part its result. Needs
Chrome or Chromium.

pip install ".[dev]" "jupyterlab>=4.2" "selenium>=4.20"
python docs/images/search.py
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import image
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from helpers.jupyterlab import start_lab  # noqa: E402 (the path is needed first)

PICTURE = ROOT / "docs" / "images" / "search.png"
SCALE = 2
"""Pixels of the picture for each pixel of the page."""
SECONDS = 900
"""The most that the search may take."""
MARGIN = 16 * SCALE

PANEL = ".jp-Notebook .maggy-panel"
RESULT = ".jp-Notebook .jp-RenderedHTMLCommon:has(> div > table > caption)"
# Enough trials have ended that a rule can stop one, and the two that run have curves.
HAS_MUCH_TO_SHOW = """
const panel = document.querySelector(arguments[0]);
const ended = parseInt(panel?.innerText.match(/(\\d+) of \\d+ trials/)?.[1]);
const rows = [...(panel?.querySelectorAll('[data-part=running] tr') ?? [])];
return ended > 11 && rows.filter(row => /[\u2581-\u2588]{4}/.test(row.innerText)).length > 1;
"""


def readme_search():
    """Return the first Python block of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


def photograph(lab, selector):
    """Return the pixels of an element of the page."""
    element = lab.browser.find_element("css selector", selector)
    return image.imread(io.BytesIO(element.screenshot_as_png))[..., :3]


def below_each_other(pictures):
    """Return one picture with a white margin around each of these."""
    width = max(picture.shape[1] for picture in pictures) + 2 * MARGIN
    rows = []
    for picture in pictures:
        right = width - MARGIN - picture.shape[1]
        widths = ((MARGIN, MARGIN // 2), (MARGIN, right), (0, 0))
        rows.append(np.pad(picture, widths, constant_values=1.0))
    return np.concatenate(rows)


def main():
    """Run the search and write the picture."""
    # The same numbers on every processor.
    variables = {"TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}
    with (
        tempfile.TemporaryDirectory() as folder,
        start_lab(Path(folder), variables, size=(980, 1000)) as lab,
    ):
        size = {"width": 980, "height": 1000, "deviceScaleFactor": SCALE, "mobile": False}
        lab.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        lab.write("search.ipynb", readme_search(), "result")
        lab.open("search.ipynb")
        lab.do("application:toggle-left-area")
        lab.run()
        lab.wait_for(HAS_MUCH_TO_SHOW, PANEL, seconds=SECONDS)
        # The foot names the directory, which is a temporary one here.
        lab.browser.execute_script(f"document.querySelector('{PANEL} .mg-foot').remove()")
        panel = photograph(lab, PANEL)
        lab.wait_until_idle(SECONDS)
        result = photograph(lab, RESULT)
    pixels = (below_each_other([panel, result]) * 255).astype(np.uint8)
    # With 64 colours the file has a fifth of the size and looks alike.
    Image.fromarray(pixels).quantize(64).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
