"""Python's garbage collector makes short pauses during an experiment."""

import gc
import weakref
from contextlib import suppress

import pytest

from maggy.core.experiment_driver.gc_pauses import shorten_collections


class Knot:
    """An object that refers to itself, so that only the collector removes it."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def as_before():
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    yield
    gc.unfreeze()
    gc.enable()


def test_what_survives_a_full_collection_is_not_looked_at_again():
    with shorten_collections():
        survivors = [[] for _ in range(1000)]
        before = gc.get_freeze_count()
        gc.collect()
        assert gc.get_freeze_count() >= before + len(survivors)
        assert len(gc.get_objects()) < len(survivors)


def test_new_garbage_is_found():
    with shorten_collections():
        knot = Knot()
        reference = weakref.ref(knot)
        del knot
        gc.collect()
        assert reference() is None


def test_afterwards_all_is_as_before():
    callbacks = list(gc.callbacks)
    knot = Knot()
    reference = weakref.ref(knot)
    with suppress(KeyError), shorten_collections():
        gc.collect()
        del knot
        raise KeyError
    assert gc.callbacks == callbacks
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert reference() is None


def test_who_manages_the_collector_is_left_alone():
    gc.freeze()
    frozen = gc.get_freeze_count()
    with shorten_collections():
        gc.collect()
        assert gc.get_freeze_count() <= frozen
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.disable()
    with shorten_collections():
        assert gc.get_freeze_count() == 0
