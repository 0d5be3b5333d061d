"""The install line of a first page brings what the page's Python imports on the driver."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from maggy.common.extras import EXTRAS

ROOT = Path(__file__).parents[2]
FIRST_PAGES = ["README.md", "docs/start/first_search.md", "docs/start/first_ablation.md"]
# The training itself runs in test_docs.py. Here each block runs up to its call of lagom.
PROGRAM = '''
import sys

hidden = set(sys.argv[1].split(","))


class Without:
    """Finds what a finder does, except the hidden modules."""

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            return None
        return self.finder.find_spec(name, path, target)


sys.meta_path[:] = map(Without, sys.meta_path)
from maggy import experiment

experiment.lagom = lambda train, config: None
exec(compile(sys.stdin.read(), "page", "exec"), {"__name__": "page"})
'''


def requirements_of_line(line):
    """Return the requirements in a line such as ``pip install ".[plots]" scikit-learn``."""
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    (own,) = re.findall(r"install_requires=\[(.*?)\]", setup, re.DOTALL)
    extras, others = re.fullmatch(r'pip install "\.\[([\w,-]+)\]"(.*)', line).groups()
    lines = re.findall(r'"(.*?)"', own) + others.split()
    for extra in extras.split(","):
        lines += EXTRAS[extra]
    return [Requirement(text) for text in lines]


def distributions_of(requirements):
    """Return the names of all distributions that these requirements install."""
    names, remaining = set(), [(item, "") for item in requirements]
    while remaining:
        requirement, extra = remaining.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if (name, extra) in names or (marker and not marker.evaluate({"extra": extra})):
            continue
        names.add((name, extra))
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue
        for new_extra in ("", *requirement.extras):
            names.add((name, new_extra))
            remaining += [(Requirement(text), new_extra) for text in lines]
    return {name for name, _ in names}


@pytest.mark.slow
@pytest.mark.parametrize("page", FIRST_PAGES)
def test_the_install_line_of_a_page_brings_what_its_python_imports(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    line = re.search(r'pip install "\.\[.*?(?=[`\n])', text)[0]
    installed = distributions_of(requirements_of_line(line))
    assert "numpy" in installed
    assert "pytest" not in installed
    hidden = [
        module
        for module, owners in packages_distributions().items()
        if module != "maggy" and not installed & {canonicalize_name(owner) for owner in owners}
    ]
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if "lagom(" in block:
            command = [sys.executable, "-c", PROGRAM, ",".join(hidden)]
            run = subprocess.run(command, input=block, cwd=ROOT, capture_output=True, text=True)
            assert run.returncode == 0, f"{line}\n{run.stderr}"
