"""Figures need no display, and are closed after each test."""

import pytest


@pytest.fixture(autouse=True)
def _no_display():
    import matplotlib

    before = matplotlib.rcParams["backend"]
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")
    matplotlib.use(before)
