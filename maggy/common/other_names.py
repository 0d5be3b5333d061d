"""Advice for names that users bring along from other libraries. It knows none of our names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["OtherNames"]

ENDINGS: Final = (
    "ablation",
    "ablator",
    "algorithm",
    "cv",
    "optimisation",
    "optimization",
    "optimizer",
    "policy",
    "pruner",
    "rule",
    "sampler",
    "scheduler",
    "search",
    "searcher",
    "stopping",
    "suggest",
    "tuner",
)
"""Ends of names that say nothing but its kind: ``TPESampler`` is ``tpe``."""


@dataclass(frozen=True)
class OtherNames:
    """Say what to write here instead of a name that another library has.

    Two names count as equal if their letters and digits are equal in lower case, also without an
    ending such as ``Search`` or ``Sampler``.

    Example:
        >>> names = OtherNames({"tpe": "a sampler", "gp": "another one"}, {"bo bayes": "tpe gp"})
        >>> names.advice("Bayes-Search")
        " Write 'tpe', a sampler, or 'gp', another one."
        >>> names.advice("TPESampler")
        " Write 'tpe', a sampler."
        >>> names.advice("magic")
        ''

    Attributes:
        meanings: What each name of ours is, as a noun phrase.
        names: The names of ours that come closest, by the names of others. Several names stand in
            one text, with a space between them; those of ours have the best first.
        sentences: What to write where a name of ours is not enough, by the names of others.
    """

    meanings: Mapping[str, str]
    names: Mapping[str, str]
    sentences: Mapping[str, str] = field(default_factory=dict)

    def advice(self, name: str) -> str:
        """Return the advice with a space before it, or no text if there is none."""
        for key in _keys(name):
            for own in self.meanings:
                if key == _squeeze(own):
                    return self._write(own)
            for words, own_names in self.names.items():
                if key in words.split():
                    return self._write(own_names)
            for words, sentence in self.sentences.items():
                if key in words.split():
                    return f" {sentence}"
        return ""

    def _write(self, own_names: str) -> str:
        names = (f"'{name}', {self.meanings[name]}" for name in own_names.split())
        return f" Write {', or '.join(names)}."


def _keys(name: str) -> Iterator[str]:
    """Yield the name without its punctuation, and then without one ending after the other."""
    key = _squeeze(name)
    yield key
    while ending := next((end for end in ENDINGS if key.endswith(end) and key != end), None):
        key = key.removesuffix(ending)
        yield key


def _squeeze(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
