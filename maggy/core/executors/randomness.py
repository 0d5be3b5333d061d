"""New entropy for the random generators that every caller in a process shares, after somebody has seeded them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import sys
from typing import Any

__all__ = ["Randomness"]

STATE_BYTES = 32


class Randomness:
    """The shared generators of ``random``, and of numpy, TensorFlow and PyTorch where they are loaded.

    They get new entropy when this is made, since a fork copies numpy's, and in :meth:`renew` when they were seeded.
    Keras' own seed is gone with its session.
    """

    def __init__(self) -> None:
        self._python = _Python()
        self._others: dict[str, _Numpy | _TensorFlow | _Torch] = {}
        self.renew()

    def renew(self) -> None:
        """Give new entropy to the generators that somebody may have seeded since the last time."""
        self._python.renew()
        for name, kind in _KINDS.items():
            if name not in sys.modules:
                continue
            # A library that is loaded in part, since its import has failed, has no generator yet.
            with contextlib.suppress(AttributeError, ImportError, KeyError):
                if name not in self._others:
                    self._others[name] = kind(sys.modules[name])
                self._others[name].renew()


class _Python:
    def __init__(self) -> None:
        seed: Any = random.seed
        self._generator = seed.__self__
        self._mark: float | None = None

    def renew(self) -> None:
        # A draw of gauss() leaves a second number for the next one, which seed() and setstate() replace. So while the
        # number of last time is still there, nobody has seeded the generator. Seeding costs 16 microseconds.
        generator = self._generator
        if self._mark is None or generator.gauss_next is not self._mark:
            generator.seed()
        generator.gauss_next = None
        generator.gauss(0.0, 1.0)
        self._mark = generator.gauss_next


class _Numpy:
    def __init__(self, module: Any) -> None:
        self._module = module
        self._state: Any = None
        self._first: Any = None
        if not isinstance(
            module.get_bit_generator(), module.MT19937
        ):  # only this one can be seeded
            module.set_bit_generator(module.MT19937())
        self._bit_generator = module.get_bit_generator()

    def renew(self) -> None:
        module = self._module
        if module.get_bit_generator() is not self._bit_generator:
            module.set_bit_generator(self._bit_generator)
        if self._state is not None and bytes(self._state) == self._first:
            return  # not seeded, and hardly used: looking costs less than a twentieth of seeding
        module.seed([int.from_bytes(os.urandom(4), "little") for _ in range(4)])
        module.random_sample()  # has the state made of which the next hundreds are drawn
        address = self._bit_generator.ctypes.state_address
        self._state = (ctypes.c_char * STATE_BYTES).from_address(address)
        self._first = bytes(self._state)


class _TensorFlow:
    def __init__(self, module: Any) -> None:
        self._set_seed = module.random.set_seed
        self._seed = sys.modules["tensorflow.python.eager.context"].global_seed

    def renew(self) -> None:
        if self._seed() is not None:
            self._set_seed(None)


class _Torch:
    def __init__(self, module: Any) -> None:
        self._module = module
        self._seed: int | None = None

    def renew(self) -> None:
        if self._module.initial_seed() != self._seed:
            self._seed = self._module.seed()


_KINDS: dict[str, type[_Numpy] | type[_TensorFlow] | type[_Torch]] = {
    "numpy.random": _Numpy,
    "tensorflow": _TensorFlow,
    "torch": _Torch,
}
