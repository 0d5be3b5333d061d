"""The optional packages, and how messages say to install them."""

import re
from pathlib import Path

import pytest

from maggy.common.extras import install_command

PACKAGE = Path(__file__).parents[2] / "maggy"


def test_the_command_names_the_packages_with_their_oldest_versions():
    assert install_command("plots") == "pip install 'matplotlib>=3.7' 'pandas>=2.0'"
    assert install_command("stats", upgrade=True) == "pip install --upgrade 'scipy>=1.11'"
    with pytest.raises(KeyError):
        install_command("plot")


def test_no_message_installs_maggy_from_the_package_index():
    # That is the original Maggy.
    pattern = re.compile(r"pip install [^\n]*maggy")
    for path in PACKAGE.rglob("*.py"):
        assert not pattern.search(path.read_text(encoding="utf-8")), path
