"""Notes to a pitch contour: every gamaka is a few anchor points joined by half cosines.

The contour is the truth: a voice sings exactly this many cents above the tonic, 200 times a second.

Gamakas: kampita (shake), jaru (long slide in), spurita (a quick touch of the svara below),
pratyahata (of the svara above), odukkal (starts on the svara below and is pushed up), nokku
(pressed from above), orikkai (a flick upwards at the end).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.synthesis.character import Character, Shake

RATE = 200  # contour points a second

PLAIN, KAMPITA, JARU = "plain", "kampita", "jaru"
_BREAK_S = 0.02  # a gap longer than this ends the breath or the bow
_SHORTEST_ORNAMENTED_S = 0.15


@dataclass(frozen=True)
class Note:
    """One svara. `syllable` "" carries the vowel on; times are seconds from the section's start."""

    start_s: float
    duration_s: float
    cents: int
    gamaka: str = PLAIN
    syllable: str = ""
    level: float = 1.0

    @property
    def end_s(self) -> float:
        """When the next note may begin."""
        return self.start_s + self.duration_s


@dataclass(frozen=True)
class _Place:
    """A note's inner part, free of the movement from and to its neighbours."""

    note: Note
    a: float
    b: float
    above: int
    below: int
    shake: Shake
    rng: np.random.Generator

    @property
    def cents(self) -> int:
        return self.note.cents

    @property
    def length(self) -> float:
        return self.b - self.a


Anchors = list[tuple[float, float]]


def _plain(at: _Place) -> Anchors:
    return [(at.a, at.cents), (at.b, at.cents)]


def _kampita(at: _Place) -> Anchors:
    rate = at.rng.uniform(4.4, 6.2)  # Hz; the violin of the reference recordings shakes at 4-6
    hold = at.a + (at.rng.uniform(0.0, 0.35) * at.length if at.length > 0.7 else 0.0)
    n = max(2, round(2 * rate * (at.b - hold)))
    times = np.linspace(hold, at.b, n + 1)
    size = at.rng.uniform(0.85, 1.1, n + 1)
    side = np.where(np.arange(n + 1) % 2 == 1, at.shake.high, at.shake.low)
    pitches = at.cents + size * side
    pitches[[0, -1]] = at.cents
    start = [(at.a, at.cents)] if hold > at.a else []
    return start + list(zip(times.tolist(), pitches.tolist(), strict=True))


def _jaru(at: _Place) -> Anchors:
    arrival = at.a + min(0.45 * at.length, 0.35)
    return [(arrival, at.cents), (at.b, at.cents)]


def _touch(at: _Place, other: int) -> Anchors:
    middle = at.a + 0.5 * at.length
    side = min(0.045, 0.3 * at.length)
    c = at.cents
    return [(at.a, c), (middle - side, c), (middle, other), (middle + side, c), (at.b, c)]


def _odukkal(at: _Place) -> Anchors:
    start, end = at.a + 0.3 * at.length, at.a + 0.55 * at.length
    return [(at.a, at.below), (start, at.below), (end, at.cents), (at.b, at.cents)]


def _nokku(at: _Place) -> Anchors:
    down = at.a + min(0.07, 0.4 * at.length)
    return [(at.a, at.above), (down, at.cents), (at.b, at.cents)]


def _orikkai(at: _Place) -> Anchors:
    flick = min(0.07, 0.2 * at.length)
    peak, back = at.b - 1.3 * flick, at.b - 0.3 * flick
    return [(at.a, at.cents), (peak - flick, at.cents), (peak, at.above), (back, at.cents)]


GAMAKAS: dict[str, Callable[[_Place], Anchors]] = {
    PLAIN: _plain,
    KAMPITA: _kampita,
    JARU: _jaru,
    "spurita": lambda at: _touch(at, at.below),
    "pratyahata": lambda at: _touch(at, at.above),
    "odukkal": _odukkal,
    "nokku": _nokku,
    "orikkai": _orikkai,
}


def ornament(
    notes: Sequence[Note], character: Character, rng: np.random.Generator, plainness: float = 0.45
) -> list[Note]:
    """Give each plain note the gamaka its raga, its length and its neighbours call for."""
    dressed = []
    for before, note in zip([None, *notes], notes, strict=False):
        joined = before is not None and note.start_s - before.end_s < _BREAK_S
        gamaka = _gamaka(note, before if joined else None, character, rng)
        keep = rng.random() < plainness and gamaka != KAMPITA
        dressed.append(note if keep else replace(note, gamaka=gamaka))
    return dressed


def _gamaka(note: Note, before: Note | None, character: Character, rng) -> str:
    if note.duration_s < _SHORTEST_ORNAMENTED_S:
        return PLAIN
    shake = character.shakes.get(note.cents % 1200)
    if shake and rng.random() < shake.share:
        return KAMPITA
    if before is None:
        return rng.choice([PLAIN, JARU, "nokku"], p=[0.6, 0.3, 0.1]).item()
    if before.cents == note.cents:
        return rng.choice(["spurita", "pratyahata"]).item()
    if note.cents > before.cents:
        return rng.choice([JARU, "odukkal", PLAIN], p=[0.45, 0.2, 0.35]).item()
    return rng.choice([JARU, "nokku", "orikkai", PLAIN], p=[0.4, 0.15, 0.15, 0.3]).item()


@dataclass(frozen=True)
class Contour:
    """Pitch and gain `RATE` times a second.

    cents : np.ndarray [shape=(n_points,)], held through silences
    gain : np.ndarray [shape=(n_points,), 0..1], 0 where nobody sounds
    """

    cents: np.ndarray
    gain: np.ndarray

    @property
    def sounds(self) -> np.ndarray:
        """Where a pitch can be heard."""
        return self.gain > 0.03


def contour(
    notes: Sequence[Note], duration_s: float, character: Character, rng: np.random.Generator
) -> Contour:
    """Draw the notes of one section."""
    n = round(duration_s * RATE)
    times = np.arange(n) / RATE
    gain = np.zeros(n)
    anchors: Anchors = []
    for breath in _breaths(notes):
        anchors += _anchors(breath, character, rng)
        _swell(gain, times, breath, rng)
    if not anchors:
        return Contour(np.zeros(n), gain)
    return Contour(_joined(anchors, times) + _unsteadiness(n, rng), gain)


def _breaths(notes: Sequence[Note]) -> list[list[Note]]:
    breaths: list[list[Note]] = []
    for note in notes:
        if breaths and note.start_s - breaths[-1][-1].end_s < _BREAK_S:
            breaths[-1].append(note)
        else:
            breaths.append([note])
    return breaths


def _anchors(breath: list[Note], character: Character, rng: np.random.Generator) -> Anchors:
    anchors: Anchors = []
    for place, note in enumerate(breath):
        before = breath[place - 1] if place else None
        after = breath[place + 1] if place + 1 < len(breath) else None
        a = note.start_s + (_travel(before, note) / 2 if before else 0.0)
        b = note.end_s - (_travel(note, after) / 2 if after else 0.0)
        above, below = character.neighbour(note.cents, +1), character.neighbour(note.cents, -1)
        shake = character.shakes.get(note.cents % 1200, Shake(-25, 25, 0.0))
        if note.gamaka == JARU and before is None:  # slide in from the svara below
            anchors.append((a, float(below)))
        anchors += GAMAKAS[note.gamaka](_Place(note, a, b, above, below, shake, rng))
    return anchors


def _travel(one: Note, other: Note) -> float:
    """Seconds to move from one note to the next: wider takes longer, a fast run leaves less."""
    wide = 0.035 + 0.00008 * abs(other.cents - one.cents)
    return min(wide, 0.45 * min(one.duration_s, other.duration_s))


def _joined(anchors: Anchors, times: np.ndarray) -> np.ndarray:
    at, cents = np.array(anchors).T
    at = np.maximum.accumulate(at)
    place = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
    span = np.maximum(at[place + 1] - at[place], 1e-6)
    u = np.clip((times - at[place]) / span, 0, 1)
    return cents[place] + (cents[place + 1] - cents[place]) * (0.5 - 0.5 * np.cos(np.pi * u))


def _unsteadiness(n: int, rng: np.random.Generator) -> np.ndarray:
    """A hand or throat is never quite still: it drifts by 2 or 3 cents and wavers by as many."""
    points = np.arange(n)
    coarse = rng.normal(0, 2.5, n // (RATE // 4) + 3)
    drift = np.interp(points, np.arange(len(coarse)) * (RATE // 4), coarse)
    rate, depth = rng.uniform(4.5, 6.0), rng.uniform(0, 4.0)
    waxing = np.interp(points, np.arange(len(coarse)) * (RATE // 4), rng.random(len(coarse)))
    return drift + depth * waxing * np.sin(2 * np.pi * rate / RATE * points)


def _swell(gain: np.ndarray, times: np.ndarray, breath: list[Note], rng) -> None:
    start, end = breath[0].start_s, breath[-1].end_s
    first, last = np.searchsorted(times, (start, end))
    t = times[first:last]
    attack, release = rng.uniform(0.03, 0.08), min(rng.uniform(0.08, 0.2), 0.4 * (end - start))
    edge = np.minimum(np.clip((t - start) / attack, 0, 1), np.clip((end - t) / release, 0, 1))
    levels = np.interp(t, [n.start_s for n in breath], [n.level for n in breath])
    arc = 0.85 + 0.15 * np.sin(np.pi * (t - start) / (end - start))
    gain[first:last] = (0.5 - 0.5 * np.cos(np.pi * edge)) * levels * arc
