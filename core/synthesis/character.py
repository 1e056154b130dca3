"""What a raga asks of a melody: the order of its svaras, where it rests, what it shakes.

Pitches are whole cents above the tonic over the whole compass: 0 is the middle Sa, 1200 the upper.
`up` and `down` are the arohana and the avarohana laid out over all octaves in playing order, so a
melody that steps along them obeys a vakra (zigzag) scale by itself.

Scales come from `core.theory`; resting notes and gamakas follow the common practice of a few
ragas named here and, for all others, a rule on the svara and its neighbours that gives one raga the
same character in every concert.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from core.theory import SVARAS, Raga, raga

COMPASS = (-700, 1900)  # from the lower Ma or Pa to the upper Pa

# svara: cents below and above it that the shake reaches, and how many of its long notes shake
_SHAKES = {
    "R1": (-30, 50, 0.5),
    "R2": (-70, 50, 0.4),
    "R3": (-30, 30, 0.3),
    "G1": (-40, 30, 0.3),
    "G2": (-70, 90, 0.75),
    "G3": (-20, 60, 0.25),
    "M1": (-60, 80, 0.6),
    "M2": (-50, 60, 0.5),
    "D1": (-20, 80, 0.65),
    "D2": (-60, 70, 0.4),
    "D3": (-30, 30, 0.3),
    "N1": (-40, 30, 0.3),
    "N2": (-70, 90, 0.65),
    "N3": (-30, 60, 0.45),
}

# raga: svaras to rest on, svaras that are always shaken, svaras that are always held plain
_KNOWN = {
    "Todi": ("S G2 M1 P D1", "R1 G2 D1 N2", ""),
    "Kalyani": ("S R2 G3 P N3", "R2 M2 D2 N3", "G3"),
    "Shankarabharanam": ("S G3 P D2", "R2 M1 N3", "G3"),
    "Kharaharapriya": ("S R2 P D2", "G2 N2", "R2 D2"),
    "Mayamalavagaula": ("S G3 P D1", "R1 D1", "G3 N3"),
    "Mohanam": ("S G3 P D2", "R2", "G3 D2"),
    "Hamsadhvani": ("S R2 G3 P N3", "R2", "G3 N3"),
    "Hindolam": ("S G2 M1 D1", "G2 N2", "M1"),
    "Abhogi": ("S R2 M1 D2", "G2", "M1 D2"),
    "Kambhoji": ("S G3 P D2", "M1 D2", "G3"),
    "Bhairavi": ("S R2 M1 P N2", "G2 N2 D1", "P"),
    "Saveri": ("S M1 P D1", "R1 D1 G3", "M1"),
    "Anandabhairavi": ("S R2 M1 P", "G2 N2", "M1"),
    "Arabhi": ("S R2 M1 P D2", "R2", "D2 M1"),
    "Sahana": ("S R2 P D2", "G3 R2", "D2"),
    "Shanmukhapriya": ("S G2 M2 P D1", "G2 N2 D1", "M2"),
    "Suddha Saveri": ("S R2 M1 P D2", "R2", "M1 D2"),
    "Madhyamavati": ("S R2 M1 P", "R2 N2", "M1"),
    "Sriranjani": ("S R2 M1 D2", "G2 N2", "M1 D2"),
    "Revati": ("S R1 M1 P N2", "N2", "R1 M1"),
    "Purvikalyani": ("S G3 P D2", "R1 M2", "G3"),
    "Bilahari": ("S G3 P D2", "R2", "G3 D2"),
    "Charukesi": ("S G3 M1 P D1", "D1 N2", "G3"),
    "Harikambhoji": ("S G3 P D2", "M1 N2", "G3"),
}


@dataclass(frozen=True)
class Shake:
    """A kampita: cents below and above the svara, and how many of its long notes take it."""

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Character:
    """One raga, ready to be walked along."""

    raga: str
    up: tuple[int, ...]
    down: tuple[int, ...]
    rests: frozenset[int]  # pitch classes a phrase may end on
    shakes: Mapping[int, Shake]  # by pitch class; a svara not in here is held plain
    motifs: tuple[tuple[int, ...], ...]  # turns of phrase this raga keeps coming back to
    drone: int  # what the first string of the tanpura sounds: 700 Pa, 500 Ma, 0 Sa

    @property
    def pool(self) -> tuple[int, ...]:
        """Every pitch of the compass, ascending."""
        return tuple(sorted({*self.up, *self.down}))

    def line(self, direction: int) -> tuple[int, ...]:
        """`up` for +1, `down` for -1."""
        return self.up if direction > 0 else self.down

    def is_rest(self, cents: int) -> bool:
        """Whether a phrase may end here."""
        return cents % 1200 in self.rests

    def neighbour(self, cents: int, step: int) -> int:
        """The raga's next svara above (+1) or below (-1), whatever the order of its scale."""
        pool = self.pool
        place = pool.index(cents) + step
        return pool[min(max(place, 0), len(pool) - 1)]


@lru_cache(maxsize=1024)
def character(of: Raga) -> Character:
    """The same character for the same raga in every concert."""
    rng = np.random.default_rng(zlib.crc32(of.name.encode()))
    rests, shaken, plain = _habits(of, rng)
    shakes = {}
    for name in of.svaras:
        low, high, share = _SHAKES.get(name, (0, 0, 0.0))
        width, share = rng.uniform(0.75, 1.15), min(1.0, share * rng.uniform(0.6, 1.3))
        share = 0.9 if name in shaken else 0.0 if name in plain else share
        if share:
            shakes[SVARAS[name]] = Shake(low * width, high * width, share)
    up, down = _lines(of)
    motifs = _motifs(up, down, rng)
    drone = next((c for c in (700, 500) if c in of.cents), 0)
    return Character(of.name, up, down, frozenset(rests), shakes, motifs, drone)


def _motifs(
    up: tuple[int, ...], down: tuple[int, ...], rng: np.random.Generator
) -> tuple[tuple[int, ...], ...]:
    """Six turns of phrase: some steps along one scale and back along the other."""
    motifs = []
    for there, back in 3 * ((up, down), (down, up)):
        tops = [i for i in range(1, len(there)) if there[i] in back[:-1]]
        if not tops:
            continue
        top = int(rng.choice(tops))
        returns = [i for i in range(len(back) - 1) if back[i] == there[top]]
        turn = int(rng.choice(returns))
        rise, fall = rng.integers(1, 4), rng.integers(1, 4)
        motifs.append((*there[max(0, top - rise) : top], *back[turn : turn + 1 + fall]))
    return tuple(motifs)


@cache
def _known_habits() -> dict[str, tuple[str, str, str]]:
    return {raga(name).name: habits for name, habits in _KNOWN.items()}


def _habits(of: Raga, rng: np.random.Generator) -> tuple[set[int], set[str], set[str]]:
    if of.name in _known_habits():
        rests, shaken, plain = (set(text.split()) for text in _known_habits()[of.name])
        return {SVARAS[svara] for svara in rests & set(of.svaras)}, shaken, plain
    common = set(of.arohana_cents) & set(of.avarohana_cents)
    inner = sorted({c % 1200 for c in common} - {0, 700})
    chosen = rng.permutation(inner)[: max(1, len(inner) // 2)].tolist() if inner else []
    return {c for c in (0, 700) if c in of.cents} | set(chosen), set(), set()


def _lines(of: Raga) -> tuple[tuple[int, ...], tuple[int, ...]]:
    up = _laid_out(of.arohana_cents, (-1200, 0, 1200))
    down = _laid_out(of.avarohana_cents, (1200, 0, -1200))
    if len(up) > len(of.arohana):  # laid out over octaves: end where the other line can take over
        while up[-1] not in down[:-1]:
            up = up[:-1]
    if len(down) > len(of.avarohana):
        while down[-1] not in up[:-1]:
            down = down[:-1]
    return up, down


def _laid_out(once: tuple[int, ...], octaves: tuple[int, ...]) -> tuple[int, ...]:
    """One scale over the whole compass, in playing order.

    A scale that does not run from Sa to Sa (Punnagavarali, Navroj ...) is not repeated in other
    octaves: its compass is part of what it is.
    """
    if {once[0], once[-1]} != {0, 1200}:
        return once
    chained = [once[0] + octaves[0]]
    for octave in octaves:
        chained += [cents + octave for cents in once[1:]]
    low, high = COMPASS
    inside = [low <= cents <= high for cents in chained]
    first, last = inside.index(True), len(inside) - inside[::-1].index(True)
    return tuple(chained[first:last])
