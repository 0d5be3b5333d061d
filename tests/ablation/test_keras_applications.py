"""Removals from two families of keras.applications; `tox -e applications` tries eight."""

import pytest
from helpers.keras_applications import check_family

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("family", ["MobileNetV2", "ResNet50"])
def test_every_accepted_removal_gives_the_graph_that_is_computed_independently(family):
    check_family(family, count=3)
