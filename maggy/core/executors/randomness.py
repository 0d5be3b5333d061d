"""Give new entropy to the random generators that all callers share, after they were seeded."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import sys
from types import ModuleType
from typing import Protocol

__all__ = ["Randomness"]

STATE_BYTES = 32
"""How much of numpy's state to compare."""


class Randomness:
    """Renew the shared generators of Python and of the libraries that are loaded.

    The libraries are numpy, TensorFlow and PyTorch. The generators get new entropy when this is
    made, since a fork copies numpy's, and in :meth:`renew` if they were seeded. Keras' own seed
    disappears with its session.
    """

    def __init__(self) -> None:
        self._python = _Python()
        self._others: dict[str, _Generator] = {}
        self.renew()

    def renew(self) -> None:
        """Give new entropy to the generators that may have been seeded since the last time."""
        self._python.renew()
        for name, kind in _KINDS.items():
            if name not in sys.modules:
                continue
            # A library whose import has failed is loaded in part, and has no generator yet.
            with contextlib.suppress(AttributeError, ImportError, KeyError):
                if name not in self._others:
                    self._others[name] = kind(sys.modules[name])
                self._others[name].renew()


class _Generator(Protocol):
    """A generator of a library."""

    def renew(self) -> None: ...


class _PythonGenerator(Protocol):
    """What this module uses of :class:`random.Random`."""

    gauss_next: float | None

    def seed(self) -> None: ...

    def gauss(self, mu: float, sigma: float) -> float: ...


class _Python:
    def __init__(self) -> None:
        # The module's functions are methods of one generator, which has no public name.
        self._generator: _PythonGenerator = random.seed.__self__  # type: ignore[attr-defined]
        self._mark: float | None = None

    def renew(self) -> None:
        # A draw of gauss() leaves a second number for the next one; seed() and setstate() replace
        # that number. So while the number of last time is there, nobody has seeded the generator.
        # To seed it costs 16 microseconds.
        generator = self._generator
        if self._mark is None or generator.gauss_next is not self._mark:
            generator.seed()
        generator.gauss_next = None
        generator.gauss(0.0, 1.0)
        self._mark = generator.gauss_next


class _Numpy:
    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._state: ctypes.Array[ctypes.c_char] | None = None
        self._state_after_seed = b""
        # No other bit generator can be seeded.
        if not isinstance(module.get_bit_generator(), module.MT19937):
            module.set_bit_generator(module.MT19937())
        self._bit_generator = module.get_bit_generator()

    def renew(self) -> None:
        module = self._module
        if module.get_bit_generator() is not self._bit_generator:
            module.set_bit_generator(self._bit_generator)
        # Not seeded, and hardly used. To look costs less than a twentieth of seeding.
        if self._state is not None and bytes(self._state) == self._state_after_seed:
            return
        module.seed([int.from_bytes(os.urandom(4), "little") for _ in range(4)])
        # The first draw makes the state from which the next hundreds are drawn.
        module.random_sample()
        address = self._bit_generator.ctypes.state_address
        self._state = (ctypes.c_char * STATE_BYTES).from_address(address)
        self._state_after_seed = bytes(self._state)


class _TensorFlow:
    def __init__(self, module: ModuleType) -> None:
        self._set_seed = module.random.set_seed
        self._seed = sys.modules["tensorflow.python.eager.context"].global_seed

    def renew(self) -> None:
        if self._seed() is not None:
            self._set_seed(None)


class _Torch:
    def __init__(self, module: ModuleType) -> None:
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
