"""Seeding the generators that all code of a process shares."""

import random
import subprocess
import sys

import numpy as np
import pytest

from maggy.common.seeding import TrainingSeed, derive_seed, unchanged_generators


def draws():
    return random.random(), float(np.random.rand())


def test_a_training_with_the_same_seed_draws_the_same():
    seed = TrainingSeed(5)
    with seed.training():
        first = draws()
    random.seed(99)
    with seed.training():
        assert draws() == first
    with TrainingSeed(6).training():
        assert draws() != first


def test_what_a_function_apart_draws_changes_nothing_for_its_caller():
    seed = TrainingSeed(5)

    def greedy(count):
        return [draws() for _ in range(count)]

    with seed.training():
        expected = [draws(), draws()]
    apart = seed.apart(greedy)
    with seed.training():
        first = draws()
        models = apart(3), apart(3)
        assert [first, draws()] == expected
    assert models[0] == models[1]


def test_functions_that_are_attributes_of_a_function_apart_draw_apart_too():
    def draw():
        return random.random()

    def build():
        return draw()

    build.draw = draw
    build.width = 3
    apart = TrainingSeed(5).apart(build)
    random.seed(1)
    expected = random.random()
    random.seed(1)
    assert apart.draw() == apart.draw() == apart() != expected
    assert random.random() == expected
    assert (apart.width, build.draw) == (3, draw)


def test_the_callers_own_seed_survives_a_function_apart():
    seed = TrainingSeed(5)
    apart = seed.apart(draws)
    with seed.training():
        random.seed(7)
        np.random.seed(7)
        expected = draws()
        random.seed(7)
        np.random.seed(7)
        apart()
        assert draws() == expected


def test_a_function_apart_that_raises_leaves_the_generators_as_they_were():
    seed = TrainingSeed(5)

    def fail():
        draws()
        raise ValueError("no model")

    with seed.training():
        expected = [draws(), draws()]
    with seed.training():
        first = draws()
        with pytest.raises(ValueError, match="no model"):
            seed.apart(fail)()
        assert [first, draws()] == expected


def test_generators_are_as_before_a_block_that_must_not_change_them():
    random.seed(7)
    np.random.seed(7)
    expected = draws()
    random.seed(7)
    np.random.seed(7)
    with unchanged_generators():
        draws()
        random.seed(8)
    assert draws() == expected


def test_the_import_system_is_as_before_a_training():
    before = list(sys.meta_path)
    with TrainingSeed(1).training():
        assert len(sys.meta_path) == len(before) + 1
    assert sys.meta_path == before


def test_seeds_of_repeats_differ_and_are_the_same_on_every_machine():
    assert [derive_seed(3, repeat) for repeat in range(3)] == [90655660, 201580516, 1141009289]
    assert len({derive_seed(seed, repeat) for seed in range(20) for repeat in range(20)}) == 400


@pytest.mark.slow
def test_rows_are_shuffled_alike_whatever_a_model_draws():
    import keras
    import tensorflow as tf

    def orders():
        numbers = list(range(20))
        random.shuffle(numbers)
        return [
            numbers,
            np.random.permutation(20).tolist(),
            tf.random.shuffle(range(20)).numpy().tolist(),
            keras.random.shuffle(np.arange(20)).numpy().tolist(),
            [int(row) for row in tf.data.Dataset.range(20).shuffle(20)],
        ]

    def greedy(count):
        return [keras.layers.Dense(2).build((3, 3)) for _ in range(count)], orders()

    seed = TrainingSeed(5)
    results = []
    for count in (0, 3):
        with seed.training():
            seed.apart(greedy)(count)
            results.append(orders())
    assert results[0] == results[1]
    assert all(order != list(range(20)) for order in results[0])


@pytest.mark.slow
@pytest.mark.parametrize("library", ["tensorflow", "keras"])
def test_a_library_is_seeded_where_it_is_imported(library):
    code = f"""
import random, sys
from maggy.common.seeding import TrainingSeed

def draw():
    if {library!r} == "keras":
        import keras
        return keras.random.uniform((3,)).numpy().tolist()
    import tensorflow
    return tensorflow.random.uniform((3,)).numpy().tolist()

seed = TrainingSeed(5)
assert {library!r} not in sys.modules
with seed.training():
    first = draw(), random.random()
with seed.training():
    second = draw(), random.random()
assert first == second, (first, second)
with seed.training():
    model = seed.apart(draw)
    assert model() == model() == first[0]
    assert (draw(), random.random()) == first
"""
    subprocess.run([sys.executable, "-c", code], check=True)
