"""Who makes the melody: a singer with vowels and consonants, a violinist with a bow, and others."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.synthesis.melody import RATE, Contour, Note
from core.synthesis.voices import (
    FRAME_RATE,
    Colour,
    coloured,
    filter_hz,
    minimum_phase,
    resonances,
    source,
    wave_tables,
)

# Formants in Hz of a tall singer; a shorter throat scales them up.
_VOWELS = {
    "a": (730, 1150, 2500, 3200, 4100),
    "i": (310, 2150, 2800, 3400, 4300),
    "u": (350, 800, 2350, 3200, 4100),
    "e": (480, 1850, 2550, 3300, 4200),
    "o": (500, 880, 2450, 3200, 4100),
}
_FORMANT_WIDTHS = (80, 100, 140, 190, 260)
_ROWS = (*_VOWELS, "m", "s", "t")  # "m" hums, "s" hisses, "t" is a burst of the tongue
_LOUDNESS = 0.1  # root mean square of a steady tone


@dataclass(frozen=True)
class _Consonant:
    """`voiced` is the gain of the tone, `noise` of the breath, while `row` colours them."""

    length_s: float
    voiced: float
    noise: float
    row: str


_STOP = _Consonant(0.05, 0.0, 0.0, "t")
_SOFT_STOP = _Consonant(0.045, 0.25, 0.0, "m")
_NASAL = _Consonant(0.06, 0.6, 0.0, "m")
_CONSONANTS = {
    **dict.fromkeys("tkp", _STOP),
    **dict.fromkeys("dgbj", _SOFT_STOP),
    **dict.fromkeys("nm", _NASAL),
    "s": _Consonant(0.08, 0.0, 0.16, "s"),
    "r": _Consonant(0.03, 0.35, 0.0, "e"),
    "l": _Consonant(0.045, 0.5, 0.0, "e"),
    "v": _Consonant(0.045, 0.45, 0.0, "u"),
    "y": _Consonant(0.05, 0.7, 0.0, "i"),
}
_BURST_S, _BURST_NOISE = 0.012, 0.2
_PLUCKED_EVERY_S = 0.7


@dataclass(frozen=True)
class Player:
    """One musician: a wave, its colours and how much breath or bow noise is in it."""

    instrument: str  # "voice", "violin", "flute", "nagaswaram" or "veena"
    sr: int
    tables: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    noise: float
    gain: float = 1.0

    def perform(
        self, contour: Contour, hz: np.ndarray, notes: Sequence[Note], rng: np.random.Generator
    ) -> tuple[np.ndarray, Contour]:
        """The sound of a contour played at `hz`, and the contour with its real gains."""
        shape = _Articulation.flat(contour)
        if self.instrument == "voice":
            _pronounce(shape, notes)
        elif self.instrument == "veena":
            _pluck(shape, notes, rng)
        else:
            _bow(shape, notes, contour, rng)
        sounded = replace(contour, gain=contour.gain * shape.voiced)
        x = source(self.tables, hz, sounded.gain, self.sr)
        x += self._breath(contour.gain * shape.noise + self.noise * sounded.gain, rng)
        colour = Colour(self.rows, shape.a, shape.b, shape.mix)
        return np.float32(self.gain) * coloured(x, colour, self.sr), sounded

    def _breath(self, gain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        per_point = self.sr // RATE
        hiss = rng.standard_normal(len(gain) * per_point, np.float32)
        return hiss * np.repeat(gain, per_point).astype(np.float32)


@dataclass
class _Articulation:
    """Gains `RATE` times a second, filter rows `FRAME_RATE` times a second."""

    voiced: np.ndarray
    noise: np.ndarray
    a: np.ndarray
    b: np.ndarray
    mix: np.ndarray

    @classmethod
    def flat(cls, contour: Contour) -> "_Articulation":
        n = len(contour.gain)
        n_frames = -(-n * FRAME_RATE // RATE) + 1
        rows = np.zeros(n_frames, np.int64)
        return cls(np.ones(n), np.zeros(n), rows, rows.copy(), np.zeros(n_frames))


def singer(tonic_hz: float, sr: int, rng: np.random.Generator) -> Player:
    """A voice fit for the tonic: the higher it is, the shorter the throat."""
    throat = np.interp(tonic_hz, (120, 220), (0.98, 1.16)) * rng.uniform(0.95, 1.05)
    tilt = float(rng.uniform(0.8, 1.15))
    hz = filter_hz(sr)
    rows = [_throat(hz, np.array(f) * throat * rng.normal(1, 0.02, 5)) for f in _VOWELS.values()]
    weights = (np.maximum(hz, 80) / 80) ** -tilt
    rows = [row / np.sqrt(np.sum((row * weights) ** 2)) for row in rows]
    hum = _throat(hz, np.array((270, 1050, 2200, 3100, 4000)) * throat)
    rows.append(0.6 * hum / (1 + (hz / 700) ** 2) / np.sqrt(np.sum((hum * weights) ** 2)))
    level = rows[0].max()
    rows.append(0.3 * level / (1 + (4200 / np.maximum(hz, 1)) ** 6))
    rows.append(0.3 * level / (1 + (1800 / np.maximum(hz, 1)) ** 4) / (1 + (hz / 5000) ** 4))
    noise = float(rng.uniform(0.004, 0.015))
    player = Player("voice", sr, wave_tables(sr, tilt, rng), minimum_phase(np.stack(rows)), noise)
    return _calibrated(player, 1.4 * tonic_hz)


def _throat(hz: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """Formants in cascade (Fant 1960)."""
    magnitude = np.ones_like(hz)
    for centre, width in zip(formants, _FORMANT_WIDTHS, strict=True):
        magnitude *= centre**2 / np.hypot(centre**2 - hz**2, width * hz)
    return magnitude * (1 + (hz / 4500) ** 2)  # the formants above the fifth


def violinist(tonic_hz: float, sr: int, rng: np.random.Generator) -> Player:
    """A violin with a body of its own, bowed near the bridge or over the fingerboard."""
    hz = filter_hz(sr)
    body = 0.25 + np.zeros_like(hz)
    for centre, width, strength in (
        (275, 60, 1.0),
        (460, 70, 1.2),
        (540, 70, 1.1),
        (750, 120, 0.6),
        (1050, 200, 0.6),
        (1500, 300, 0.5),
        (2500, 1300, 0.9),
    ):
        centre *= rng.uniform(0.93, 1.07)
        strength *= rng.uniform(0.7, 1.3)
        body += strength / np.hypot(1, (hz - centre) / (width / 2))
    body /= 1 + (150 / np.maximum(hz, 1)) ** 4
    soft = body / np.hypot(1, (hz / rng.uniform(1800, 2600)) ** 2)
    hard = body / np.hypot(1, (hz / rng.uniform(4000, 6500)) ** 2)
    noise = float(rng.uniform(0.01, 0.03))
    rows = minimum_phase(np.stack([soft, hard]))
    player = Player("violin", sr, wave_tables(sr, float(rng.uniform(0.95, 1.1)), rng), rows, noise)
    return _calibrated(player, 1.8 * tonic_hz)


def flutist(tonic_hz: float, sr: int, rng: np.random.Generator) -> Player:
    """A bamboo flute: few harmonics, much breath; blown harder it is brighter."""
    hz = filter_hz(sr)
    edges = rng.uniform(1200, 1800), rng.uniform(2500, 4000)
    rows = _soft_and_hard(hz, np.ones_like(hz), edges)
    noise = float(rng.uniform(0.03, 0.08))
    tables = wave_tables(sr, float(rng.uniform(1.8, 2.6)), rng)
    return _calibrated(Player("flute", sr, tables, rows, noise), 2.8 * tonic_hz)


def nagaswaram_player(tonic_hz: float, sr: int, rng: np.random.Generator) -> Player:
    """A double reed with a wide bell: all harmonics, strongest where the bell resounds."""
    hz = filter_hz(sr)
    peaks = ((1050, 500, 1.0), (2100, 900, 0.8), (3400, 1200, 0.5))
    bell = 0.3 + resonances(
        hz, [(c * rng.uniform(0.8, 1.25), w, s * rng.uniform(0.5, 1.5)) for c, w, s in peaks]
    )
    rows = _soft_and_hard(hz, bell, (rng.uniform(2000, 3000), rng.uniform(4500, 8000)))
    noise = float(rng.uniform(0.002, 0.02))
    tables = wave_tables(sr, float(rng.uniform(0.4, 1.2)), rng)
    return _calibrated(Player("nagaswaram", sr, tables, rows, noise), 2.8 * tonic_hz)


def vainika(tonic_hz: float, sr: int, rng: np.random.Generator) -> Player:
    """A veena: plucked bright, ringing on duller and softer under the gliding finger."""
    hz = filter_hz(sr)
    peaks = ((220, 120, 0.8), (420, 200, 1.0), (900, 400, 0.7))
    body = 0.4 + resonances(hz, [(c * rng.uniform(0.85, 1.15), w, s) for c, w, s in peaks])
    rows = _soft_and_hard(hz, body, (rng.uniform(900, 1600), rng.uniform(3000, 6000)))
    tables = wave_tables(sr, float(rng.uniform(0.8, 1.4)), rng)
    noise = float(rng.uniform(0.001, 0.006))
    return _calibrated(Player("veena", sr, tables, rows, noise), 1.4 * tonic_hz)


def _soft_and_hard(hz: np.ndarray, body: np.ndarray, edges: tuple[float, float]) -> np.ndarray:
    """Two filter rows of a body: played softly, and hard, with the treble up to a higher edge."""
    return minimum_phase(np.stack([body / np.hypot(1, (hz / edge) ** 2) for edge in edges]))


def _calibrated(player: Player, hz: float) -> Player:
    """Scale the player so that a steady tone has the house loudness."""
    n = RATE
    steady = Contour(np.zeros(n), np.ones(n))
    notes = [Note(0.0, 1.0, 0, syllable="a")]
    y, _ = player.perform(steady, np.full(n, hz), notes, np.random.default_rng(0))
    return replace(player, gain=_LOUDNESS / float(np.sqrt(np.mean(y**2)) + 1e-9))


def _pronounce(shape: _Articulation, notes: Sequence[Note]) -> None:
    """Write the syllables of the notes into the articulation."""
    vowel = 0
    for note in notes:
        if not note.syllable:
            continue
        onset, coda = _letters(note.syllable)
        after = _ROWS.index(next((c for c in note.syllable if c in _VOWELS), "a"))
        start = note.start_s
        if onset:
            start += _consonant(shape, note, _CONSONANTS[onset])
        _move(shape, vowel, after, start)
        vowel = after
        if coda and note.duration_s > 0.15:
            _close(shape, note)
            vowel = _ROWS.index("m")


def _letters(syllable: str) -> tuple[str, bool]:
    """The consonant a syllable opens with, if any, and whether it closes on a nasal."""
    return (syllable[0] if syllable[0] in _CONSONANTS else ""), syllable[-1] == "m"


def _consonant(shape: _Articulation, note: Note, consonant: _Consonant) -> float:
    length = min(consonant.length_s, 0.35 * note.duration_s)
    first, last = _points(note.start_s, note.start_s + length, RATE, len(shape.voiced))
    shape.voiced[first:last] = consonant.voiced
    shape.noise[first:last] = consonant.noise
    _soften(shape.voiced, first, last)
    row = _ROWS.index(consonant.row)
    f0, f1 = _points(note.start_s, note.start_s + length, FRAME_RATE, len(shape.a))
    shape.a[f0:f1], shape.b[f0:f1], shape.mix[f0:f1] = row, row, 0
    if consonant is _STOP:
        burst = max(first, last - round(_BURST_S * RATE))
        shape.noise[burst:last] = _BURST_NOISE
    return length


def _soften(gain: np.ndarray, first: int, last: int) -> None:
    """Ramp over three points at both edges, so that no edge clicks."""
    for step in (1, 2, 3):
        share = step / 4
        if first - step >= 0:
            gain[first - step] = min(gain[first - step], share + (1 - share) * gain[first])
        if last - 1 + step < len(gain) and last > first:
            gain[last - 1 + step] = min(gain[last - 1 + step], share + (1 - share) * gain[last - 1])


def _move(shape: _Articulation, before: int, after: int, start_s: float) -> None:
    """Glide from one vowel to the next within 60 ms and stay there."""
    n_frames = len(shape.a)
    first, end = _points(start_s, start_s + 0.06, FRAME_RATE, n_frames)
    shape.a[first:], shape.b[first:], shape.mix[first:] = after, after, 0
    shape.a[first:end] = before
    shape.mix[first:end] = np.linspace(0, 1, end - first + 1)[1:]


def _close(shape: _Articulation, note: Note) -> None:
    row = _ROWS.index("m")
    start_s = note.end_s - 0.35 * note.duration_s
    _move(
        shape,
        int(shape.b[_points(start_s, start_s, FRAME_RATE, len(shape.a))[0] - 1]),
        row,
        start_s,
    )


def _bow(shape: _Articulation, notes: Sequence[Note], contour: Contour, rng) -> None:
    """Turn the bow at every syllable and press harder for louder notes."""
    for note in notes:
        if note.syllable:
            first, last = _points(note.start_s, note.start_s + 0.025, RATE, len(shape.voiced))
            shape.voiced[first:last] = 0.45
            shape.noise[first:last] = 0.03
            _soften(shape.voiced, first, last)
    n_frames = len(shape.a)
    coarse = rng.uniform(0.1, 0.75, n_frames // 60 + 3)
    press = np.interp(np.arange(n_frames), np.arange(len(coarse)) * 60, coarse)
    gain = np.interp(
        np.arange(n_frames) * (RATE / FRAME_RATE), np.arange(len(contour.gain)), contour.gain
    )
    shape.b[:] = 1
    shape.mix[:] = np.clip(press * (0.4 + 0.8 * gain), 0, 1)


def _pluck(shape: _Articulation, notes: Sequence[Note], rng: np.random.Generator) -> None:
    """Pluck at every syllable, and anew before the string falls silent."""
    plucks = [0.0]
    for note in notes:
        if note.syllable or note.start_s - plucks[-1] > _PLUCKED_EVERY_S:
            plucks.append(note.start_s)
    ring_s = float(rng.uniform(0.8, 2.5))
    since = _since(np.array(plucks), len(shape.voiced), RATE)
    shape.voiced[:] = (0.04 + 0.96 * np.exp(-since / ring_s)) * np.minimum(1, since / 0.004 + 0.1)
    shape.noise[:] = 0.03 * (since < 0.012)
    shape.b[:] = 1
    shape.mix[:] = np.exp(-_since(np.array(plucks), len(shape.mix), FRAME_RATE) / (0.3 * ring_s))


def _since(times_s: np.ndarray, n: int, rate: int) -> np.ndarray:
    """Seconds since the last of these times, at each of `n` points."""
    now = np.arange(n) / rate
    last = np.searchsorted(times_s, now, side="right") - 1
    return np.maximum(0, now - times_s[np.maximum(last, 0)])


def _points(start_s: float, end_s: float, rate: int, n: int) -> tuple[int, int]:
    return min(max(round(start_s * rate), 0), n - 1), min(max(round(end_s * rate), 0), n)
