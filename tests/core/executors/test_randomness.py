"""A seed that a trial sets ends with it, and trials without a seed differ."""

import os
import random
import subprocess
import sys
import types

import numpy as np
import pytest

from maggy.core.executors.process_state import ProcessState, isolate
from maggy.core.executors.randomness import Randomness


def draws():
    return random.random(), random.gauss(0, 1), tuple(np.random.rand(3))


def seed():
    random.seed(0)
    np.random.seed(0)


def set_states():
    random.setstate(random.Random(0).getstate())
    np.random.set_state(np.random.RandomState(0).get_state())


def replace_generator():
    random.seed(0)
    np.random.set_bit_generator(np.random.PCG64(0))


@pytest.mark.parametrize("fix", [seed, set_states, replace_generator])
def test_a_seed_does_not_reach_the_next_trial(fix):
    results = set()
    with ProcessState() as state:
        for _ in range(3):
            with isolate(lambda line: None, state=state):
                fix()
            with isolate(lambda line: None, state=state):
                results.add(draws())
    assert len(results) == 3
    assert len({values[0] for values in results}) == 3
    assert len({values[2] for values in results}) == 3


def test_a_seed_fixes_what_is_drawn_in_its_own_trial():
    results = set()
    with ProcessState() as state:
        for _ in range(2):
            with isolate(lambda line: None, state=state):
                seed()
                results.add(draws())
    assert len(results) == 1


def test_the_seed_of_before_the_first_trial_is_forgotten():
    first = []
    for _ in range(2):
        seed()
        Randomness()
        first.append(draws())
    assert first[0] != first[1]


def test_a_fork_draws_anew():
    def child(writing):
        Randomness()
        os.write(writing, repr(np.random.rand()).encode())
        os._exit(0)

    results = set()
    for _ in range(2):
        reading, writing = os.pipe()
        if not (pid := os.fork()):
            child(writing)
        os.waitpid(pid, 0)
        results.add(os.read(reading, 100))
        os.close(reading)
        os.close(writing)
    assert len(results) == 2


def test_generators_that_nobody_has_seeded_are_left_alone():
    randomness = Randomness()
    random.random()
    np.random.rand()
    python, numpy = random.getstate()[1], np.random.get_state()[1].tolist()
    randomness.renew()
    assert np.random.get_state()[1].tolist() == numpy
    # Drawing a mark moves on in the same state; new entropy would replace all of its 624 numbers.
    assert len(set(random.getstate()[1]) & set(python)) > 500


def test_pytorch_is_seeded_anew_only_if_it_was_seeded(monkeypatch):
    seeds = iter([1, 2])
    torch = types.SimpleNamespace(value=0, calls=0)

    def renew():
        torch.calls += 1
        torch.value = next(seeds)
        return torch.value

    torch.initial_seed, torch.seed = lambda: torch.value, renew
    monkeypatch.setitem(sys.modules, "torch", torch)
    randomness = Randomness()
    randomness.renew()
    assert torch.calls == 1
    torch.value = 0  # the effect of torch.manual_seed(0)
    randomness.renew()
    assert torch.calls == 2


@pytest.mark.slow
def test_unseeded_models_differ_though_an_earlier_trial_has_seeded_everything():
    code = """
from maggy.core.executors.process_state import ProcessState, isolate

def train(seed):
    import keras, tensorflow as tf
    if seed == "keras": keras.utils.set_random_seed(0)
    if seed == "tf": tf.random.set_seed(0)
    layer = keras.layers.Dense(3)
    layer.build((None, 3))
    values = keras.random.uniform((2,)).numpy().tolist(), tf.random.uniform((2,)).numpy().tolist()
    return repr((layer.kernel.numpy().tolist(), *values))

results = []
with ProcessState() as state:
    for seed in ("keras", None, "keras", None, "tf", None, "tf", None):
        with isolate(lambda line: None, state=state):
            results.append(train(seed))
assert results[0] == results[2], "a seed of the trial's own does not hold"
assert len(set(results[1::2])) == 4
for values in zip(*map(eval, results[1::2])):
    assert len(set(map(repr, values))) == 4, values
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
