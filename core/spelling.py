"""One value by any of its spellings: Carnatic names have no single romanisation.

A name is looked up in three steps, each only if the one before found nothing:

1. as written in the table, name or alias, but for case, diacritics, spaces and signs (`plain`);
2. the same without words that say only what it is ("raag", "talam");
3. by `fold`, which undoes the habits of romanisation ("Reethigowlai" and "Ritigaula" meet).

Nothing is ever guessed: what is merely similar is offered in the error.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile
from typing import Generic, TypeVar

Value = TypeVar("Value")

_VOCALIC_R = re.compile("r[\u0323\u0325]")  # r with a dot (IAST) or a ring (ISO 15919) below
_NOT_A_LETTER = re.compile("[^a-z]+")

# In this order: "ow" must be seen before w becomes v, and h be gone before letters are doubled.
_ROMANISATIONS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        ("(?<=[bcdgjkpstz])h+", ""),  # aspirates, Tamil th and dh, ch against IAST c, sh against s
        ("o[uw]", "au"),
        ("w", "v"),
        ("z", "j"),
        ("aa", "a"),
        ("ee|ii", "i"),
        ("oo|uu", "u"),
        ("([^n])\\1+", "\\1"),  # Kannada is not Kanada, any other doubling is taste
        ("n(?=[bp])", "m"),
        ("m(?=[cdgjkst])", "n"),
        ("y$", "i"),
        ("(?<=.a)[im]$", ""),  # Nattai is Nata, Mohanam is Mohana
    )
)

_ENOUGH_ALIKE = 0.84  # Kalyana Vasantam may be meant by "Kalyni", Kalanidhi is not
_SUGGESTIONS = 3
_LONGEST = 60  # letters; what is longer is a paragraph, and comparing it would take seconds


def plain(name: str) -> str:
    """`name` in the letters a-z alone.

    >>> plain("Rītigauḷa"), plain("Amṛtavarṣiṇi"), plain("mishra-jaati ēka")
    ('ritigaula', 'amritavarsini', 'mishrajaatieka')
    """
    return "".join(_words(name))


def fold(name: str) -> str:
    """What all common romanisations of `name` share, word by word.

    >>> fold("Reethigowlai"), fold("Rītigauḷa"), fold("Kānaḍa"), fold("Kannada")
    ('ritigaula', 'ritigaula', 'kanada', 'kannada')
    """
    return "".join(map(_folded_word, _words(name)))


def _words(name: str) -> list[str]:
    letters = _VOCALIC_R.sub("ri", unicodedata.normalize("NFKD", name.casefold()))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _NOT_A_LETTER.sub(" ", bare).split()


@lru_cache(maxsize=8192)
def _folded_word(word: str) -> str:
    for pattern, replacement in _ROMANISATIONS:
        word = pattern.sub(replacement, word)
    return word


@dataclass(frozen=True)
class Named(Generic[Value]):
    """A value, the name it is shown by and the spellings that fold alone would miss."""

    name: str
    value: Value
    aliases: tuple[str, ...] = ()


class Spellings(Generic[Value]):
    """An index of values by spelling; `kind_words`, folded, say only what all of them are."""

    def __init__(self, entries: Iterable[Named[Value]], kind_words: frozenset[str] = frozenset()):
        entries = tuple(entries)
        self._kind_words = kind_words
        self.names = tuple(entry.name for entry in entries)
        self._by_plain: dict[str, Named[Value]] = {}
        self._by_fold: dict[str, Named[Value] | None] = {}
        for entry in entries:
            self._by_plain.setdefault(plain(entry.name), entry)
            self._by_fold.setdefault(fold(entry.name), entry)
        names = frozenset(self._by_fold)
        for entry in entries:
            for alias in entry.aliases:
                self._by_plain.setdefault(plain(alias), entry)
                self._add_folded(fold(alias), entry, names)

    def _add_folded(self, key: str, entry: Named[Value], names: frozenset[str]) -> None:
        """A name owns its fold; aliases of two values that fold together are nobody's."""
        if key not in names and self._by_fold.setdefault(key, entry) is not entry:
            self._by_fold[key] = None

    def find(self, name: str) -> Value | None:
        """The value of that name in any spelling, or None."""
        bare = self._without_kind_words(name)
        for entry in (
            self._by_plain.get(plain(name)),
            self._by_plain.get(plain(bare)),
            self._by_fold.get(fold(name)),
            self._by_fold.get(fold(bare)),
        ):
            if entry is not None:
                return entry.value
        return None

    def similar(self, name: str) -> list[str]:
        """Up to three names that `name` may stand for, likeliest first, else in order of entry."""
        wanted = fold(self._without_kind_words(name)) or fold(name)
        if len(wanted) > _LONGEST:
            return []
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)
        scores: dict[str, float] = {}
        for key, entry in self._by_fold.items():
            if entry is not None:
                score = _likeness(matcher, key, len(wanted))
                scores[entry.name] = max(score, scores.get(entry.name, 0.0))
        ranked = sorted(scores, key=scores.__getitem__, reverse=True)
        return [name for name in ranked if scores[name] >= _ENOUGH_ALIKE][:_SUGGESTIONS]

    def _without_kind_words(self, name: str) -> str:
        return " ".join(word for word in _words(name) if fold(word) not in self._kind_words)


def _likeness(matcher: SequenceMatcher, key: str, length: int) -> float:
    """How alike `key` is, 0..1; the beginning counts most, and may be all that was typed."""
    matcher.set_seq1(key)
    score = matcher.ratio()
    if len(key) > length + 1:
        matcher.set_seq1(key[: length + 1])
        score = max(score, 0.99 * matcher.ratio())
    pairs = zip(key[:4], matcher.b[:4], strict=False)
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return score + 0.1 * shared * (1 - score)  # as Winkler (1990) favours names that begin alike
