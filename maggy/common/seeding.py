"""Seed the random generators that all code of a process shares, also those of libraries.

The libraries are numpy, Keras, TensorFlow and PyTorch. A library that is not loaded yet is seeded
when it is imported. No library is imported for it.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Protocol, TypeVar

from maggy.common.import_hooks import ImportHook

__all__ = ["TrainingSeed", "derive_seed", "unchanged_generators"]

Function = TypeVar("Function", bound=Callable[..., object])

MAX_SEED = 2**31
"""Seeds are below it, because every library takes such a seed."""


def derive_seed(seed: int, number: int) -> int:
    """Return the seed with this number that follows from another seed.

    Example:
        >>> derive_seed(7, 0) == derive_seed(7, 0), derive_seed(7, 0) == derive_seed(7, 1)
        (True, False)

    Args:
        seed: A whole number of at least 0.
        number: A whole number of at least 0.
    """
    # A hash, so that seeds that differ little give trainings that have nothing in common.
    digest = hashlib.sha256(f"maggy {seed} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % MAX_SEED


@contextmanager
def unchanged_generators() -> Iterator[None]:
    """Restore the shared generators of all libraries that are loaded now after the block.

    Example:
        >>> import random
        >>> random.seed(7)
        >>> with unchanged_generators():
        ...     number = random.random()
        >>> random.random() == number
        True
    """
    states = {name: library.state() for name, library in _loaded_libraries().items()}
    try:
        yield
    finally:
        for name, library in _loaded_libraries().items():
            if name in states:
                library.restore(states[name])


class TrainingSeed:
    """The seed of one training: it fixes what the shared generators of the process draw.

    Example:
        >>> import random
        >>> seed = TrainingSeed(7)
        >>> with seed.training():
        ...     first = random.random()
        ...     build = seed.apart(lambda: [random.random() for _ in range(5)])
        ...     model, second = build(), random.random()
        >>> with seed.training():
        ...     [random.random(), random.random()] == [first, second]
        True

    Args:
        seed: A whole number from 0 to 2**31 - 1.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._importing: set[str] = set()

    @contextmanager
    def training(self) -> Iterator[None]:
        """Seed all generators at the beginning of the block, or when they are imported in it."""
        for library in self._loaded().values():
            library.seed(self._seed)
        hook = ImportHook(_LIBRARIES, self._seed_after_import)
        sys.meta_path.insert(0, hook)
        try:
            yield
        finally:
            if hook in sys.meta_path:
                sys.meta_path.remove(hook)

    def apart(self, function: Function) -> Function:
        """Return a function that does the same, but draws from freshly seeded generators.

        After each call the generators are as they were before it. So the function returns the same
        each time, and what it draws changes nothing for its caller. The same holds for functions
        that are attributes of the function.
        """

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 (as the function takes)
            with self._unchanged():
                for library in self._loaded().values():
                    library.seed(self._seed)
                return function(*args, **kwargs)

        for name, attribute in list(vars(call).items()):
            # functools has copied the attributes; its own begin with "__".
            if callable(attribute) and not name.startswith("__"):
                setattr(call, name, self.apart(attribute))
        return call  # type: ignore[return-value]

    @contextmanager
    def _seed_after_import(self, name: str) -> Iterator[None]:
        # Some libraries draw while they are imported, and only one trial of a worker imports them.
        self._importing.add(name)
        with self._unchanged():
            try:
                yield
            finally:
                self._importing.discard(name)

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Restore all generators after the block; seed those that the block has imported."""
        states = {name: library.state() for name, library in self._loaded().items()}
        try:
            yield
        finally:
            for name, library in self._loaded().items():
                if name in states:
                    library.restore(states[name])
                else:
                    library.seed(self._seed)

    def _loaded(self) -> dict[str, _Library]:
        """Return the libraries whose import has ended."""
        return _loaded_libraries(self._importing)


def _loaded_libraries(importing: Collection[str] = ()) -> dict[str, _Library]:
    """Return the libraries that are loaded, without those that are being imported."""
    libraries: dict[str, _Library] = {}
    for name, library in _LIBRARIES.items():
        if name in sys.modules and name not in importing:
            # A library whose import has failed is loaded in part, and has no generator.
            with suppress(AttributeError, ImportError, KeyError):
                libraries[name] = library(sys.modules[name])
    return libraries


class _Library(Protocol):
    """The shared generators of a library."""

    def seed(self, seed: int) -> None:
        """Seed them."""

    def state(self) -> object:
        """Return their state."""

    def restore(self, state: object) -> None:
        """Set their state."""


class _Python:
    def __init__(self, module: ModuleType) -> None:
        self.seed: Callable[[int], None] = module.seed
        self.state: Callable[[], object] = module.getstate
        self.restore: Callable[[object], None] = module.setstate


class _Numpy:
    def __init__(self, module: ModuleType) -> None:
        self.seed = module.seed
        self.state = module.get_state
        self.restore = module.set_state


class _TensorFlow:
    """The seed of TensorFlow, and the generator from which operations without a seed get theirs."""

    def __init__(self, module: ModuleType) -> None:
        self.seed = module.random.set_seed
        self._context = sys.modules["tensorflow.python.eager.context"].context()

    def state(self) -> tuple[object, object]:
        # TensorFlow makes the generator together with its first seed.
        generator = getattr(self._context, "_rng", None)
        return self._context._seed, generator and generator.getstate()

    def restore(self, state: Any) -> None:  # noqa: ANN401 (its own state)
        seed, position = state
        # This also forgets the operations of the block, which would continue with their numbers.
        self.seed(seed)
        if position is not None:
            self._context._rng.setstate(position)


class _Torch:
    def __init__(self, module: ModuleType) -> None:
        self.seed = module.manual_seed
        self._module = module

    def state(self) -> tuple[object, object]:
        cuda = self._module.cuda
        return (
            self._module.get_rng_state(),
            cuda.get_rng_state_all() if cuda.is_initialized() else None,
        )

    def restore(self, state: Any) -> None:  # noqa: ANN401 (its own state)
        self._module.set_rng_state(state[0])
        if state[1] is not None:
            self._module.cuda.set_rng_state_all(state[1])


class _Keras:
    """Keras' seed, and the generator of layers and functions that have no seed of their own.

    ``keras.utils.set_random_seed`` does the same, but would also import TensorFlow for any backend.
    """

    _SEED = "global_random_seed"
    _GENERATOR = "global_seed_generator"

    def __init__(self, module: ModuleType) -> None:
        from keras.src.backend.common import global_state

        self._get: Callable[[str], Any] = global_state.get_global_attribute
        self._set: Callable[[str, object], None] = global_state.set_global_attribute

    def seed(self, seed: int) -> None:
        self._set(self._SEED, seed)
        self._set(self._GENERATOR, None)  # Keras makes a new one from the seed.

    def state(self) -> tuple[object, object, object]:
        generator = self._get(self._GENERATOR)
        position = None if generator is None else generator.state.numpy()
        return self._get(self._SEED), generator, position

    def restore(self, state: Any) -> None:  # noqa: ANN401 (its own state)
        seed, generator, position = state
        self._set(self._SEED, seed)
        self._set(self._GENERATOR, generator)
        if generator is not None:
            generator.state.assign(position)


_LIBRARIES: dict[str, Callable[[ModuleType], _Library]] = {
    "random": _Python,
    "numpy.random": _Numpy,
    "keras": _Keras,
    "tensorflow": _TensorFlow,
    "torch": _Torch,
}
