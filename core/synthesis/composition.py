"""A composed song: lines of an avartana each, the same notes whenever the song is sung."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.synthesis.character import Character
from core.synthesis.melody import Note
from core.synthesis.phrases import Register, lyric, walk
from core.synthesis.rhythm import Metre

Verse = str  # "pallavi", "anupallavi" or "charanam"
_REGISTERS = {"pallavi": 450.0, "anupallavi": 1000.0, "charanam": 600.0}
_BREATH = 0.88  # the share of a line's last note that is sung; the rest is breath


@dataclass(frozen=True)
class Cell:
    """One note of a line: where it falls and how long it is, in pulses."""

    pulse: int
    pulses: int
    cents: int
    syllable: str


Line = list[Cell]


@dataclass(frozen=True)
class Composition:
    """The lines of a song. Repeating a line goes through its sangatis, ever richer."""

    name: str
    words: tuple[str, ...]
    verses: dict[Verse, tuple[Line, ...]]  # each line with its sangatis

    @classmethod
    def named(
        cls, name: str, character: Character, metre: Metre, n_words: int = 8
    ) -> "Composition":
        """The song of that name: the same in every concert, at any tempo; words to each line."""
        key = f"{name}|{character.raga}|{metre.tala.name}|{metre.pulses}"
        rng = np.random.default_rng(zlib.crc32(key.encode()))
        words = tuple(lyric(rng, n_words))
        verses = {
            verse: _with_sangatis(rng, character, (Register(centre), metre.avartana), words)
            for verse, centre in _REGISTERS.items()
        }
        return cls(name, words, verses)

    @property
    def pallavi(self) -> Line:
        """The line everything comes back to."""
        return self.verses["pallavi"][0]

    def sangati(self, verse: Verse, repeat: int) -> Line:
        """How a line is sung the `repeat`-th time."""
        sangatis = self.verses[verse]
        return sangatis[min(repeat, len(sangatis) - 1)]

    def sequence(self, n: int) -> list[tuple[Verse, int]]:
        """Which line is sung in each of `n` avartanas, and for which time."""
        whole = [("pallavi", 0.35), ("anupallavi", 0.25), ("charanam", 0.3), ("pallavi", 0.1)]
        order: list[tuple[Verse, int]] = []
        total = 0.0
        for verse, share in whole:
            total += share
            order += [(verse, i // 2) for i in range(max(1, round(total * n)) - len(order))]
        return order


def _with_sangatis(rng, character: Character, span, words: Sequence[str]) -> tuple[Line, ...]:
    register, pulses = span
    first = line(rng, character, (register, pulses, 0.3), words)
    half = [cell for cell in first if cell.pulse < pulses // 2]
    sangatis = [first]
    for density in (0.4, 0.55):
        anew = line(rng, character, (register, pulses, density), words)
        sangatis.append(half + [cell for cell in anew if cell.pulse >= pulses // 2])
    return tuple(sangatis)


def line(
    rng: np.random.Generator,
    character: Character,
    span: tuple[Register, int, float],
    words: Sequence[str],
) -> Line:
    """Two half lines of svaras, `density` notes a pulse, each coming to rest."""
    register, pulses, density = span
    half = pulses // 2
    cells: Line = []
    for start, size in ((0, half), (half, pulses - half)):
        n = max(2, round(density * size))
        pitches = walk(rng, character, register, n)[: max(2, size)]
        lengths = portions(rng, size, len(pitches))
        at = start
        for cents, length in zip(pitches, lengths, strict=False):
            cells.append(Cell(at, length, cents, ""))
            at += length
    return _worded(cells, words, pulses)


def portions(rng: np.random.Generator, total: int, n: int) -> list[int]:
    """`total` pulses shared among at most `n` notes, mostly in twos; the last is the longest.

    >>> parts = portions(np.random.default_rng(0), 16, 5)
    >>> sum(parts), len(parts)
    (16, 5)
    """
    n = min(n, total)
    step = 2 if total >= 2 * n else 1
    lengths = np.full(n, step)
    left = total - step * n
    while left > 0:
        more = min(2, left)
        lengths[-1 if rng.random() < 0.3 else rng.integers(n)] += more
        left -= more
    return lengths.tolist()


def _worded(cells: Line, words: Sequence[str], pulses: int) -> Line:
    """Put each word on the note nearest its own beat; the notes between carry its vowel."""
    beats = [round(i * pulses / len(words)) for i in range(len(words))]
    nearest = {}
    for word, beat in zip(words, beats, strict=True):
        nearest.setdefault(min(range(len(cells)), key=lambda i: abs(cells[i].pulse - beat)), word)
    nearest.setdefault(0, words[0])
    return [Cell(c.pulse, c.pulses, c.cents, nearest.get(i, "")) for i, c in enumerate(cells)]


def laid(cells: Sequence[Cell], metre: Metre, start: int) -> list[Note]:
    """A line as notes, beginning at pulse `start` of the section."""
    notes = []
    for place, cell in enumerate(cells):
        last = place == len(cells) - 1
        held = cell.pulses * metre.pulse_s * (_BREATH if last or _rests(cells, place, metre) else 1)
        when = (start + cell.pulse) * metre.pulse_s
        notes.append(Note(when, held, cell.cents, syllable=cell.syllable))
    return notes


def _rests(cells: Sequence[Cell], place: int, metre: Metre) -> bool:
    """Whether the next note opens the second half line."""
    return cells[place + 1].pulse == metre.avartana // 2
