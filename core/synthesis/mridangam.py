"""The sound of a mridangam: modal strokes tuned to the tonic, a few takes of each.

The loaded right head (valanthalai) rings in nearly whole multiples of its lowest mode (Raman 1934),
which makes it a pitched drum: its second mode is the Sa. The left head (thoppi), heavy with
paste, is a bass of falling, or with the wrist rising (gumki), pitch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

_N_NOISE = 3072  # samples of a slap
N_TAKES = 3  # a hand never strikes twice alike


@dataclass(frozen=True)
class Stroke:
    """One stroke; `level` 0..1; `sama` if it opens an avartana."""

    time_s: float
    name: str
    level: float = 0.7
    sama: bool = False


@dataclass(frozen=True)
class _Head:
    """Right-hand sound: strength and decay time of modes 1.. and of the slap of the finger."""

    modes: tuple[float, ...] = ()
    decay_s: float = 0.0
    slap: float = 0.0
    slap_hz: tuple[float, float] = (800.0, 5000.0)
    bass: float = 0.0
    bass_decay_s: float = 0.3
    glide: float = -0.12  # octaves the bass moves


STROKES: dict[str, _Head] = {
    "tha": _Head((0.15, 0.2, 0.1), 0.03, slap=0.9, slap_hz=(600, 4500)),
    "ki": _Head((0.1, 0.15, 0.1), 0.025, slap=0.6, slap_hz=(400, 3000)),
    "dhi": _Head((0.3, 0.5, 0.3, 0.1), 0.11, slap=0.5),
    "nam": _Head((0.02, 0.9, 0.55, 0.25, 0.12), 0.28, slap=0.45, slap_hz=(1500, 8000)),
    "dhin": _Head((0.55, 0.7, 0.2, 0.08), 0.42, slap=0.3),
    "chapu": _Head((0.05, 0.8, 0.75, 0.5, 0.35, 0.2), 0.2, slap=0.4, slap_hz=(2000, 9000)),
    "thom": _Head(slap=0.15, slap_hz=(100, 900), bass=1.0, bass_decay_s=0.35, glide=-0.15),
    "gumki": _Head(slap=0.1, slap_hz=(100, 900), bass=0.9, bass_decay_s=0.4, glide=0.35),
    "ka": _Head(slap=0.7, slap_hz=(150, 1600), bass=0.25, bass_decay_s=0.04),
    "tham": _Head((0.3, 0.9, 0.5, 0.2), 0.32, 0.5, (1200, 8000), bass=0.9, bass_decay_s=0.4),
    "dhom": _Head((0.5, 0.7, 0.2), 0.35, 0.3, bass=0.9, bass_decay_s=0.35, glide=-0.1),
}


@dataclass(frozen=True)
class Mridangam:
    """One drum, tuned and struck in advance: `takes[name]` is N_TAKES sounds."""

    sr: int
    takes: dict[str, list[np.ndarray]] = field(repr=False)

    @classmethod
    def tuned(
        cls, tonic_hz: float, sr: int, rng: np.random.Generator, kind: str = "mridangam"
    ) -> "Mridangam":
        """A drum whose right head sounds the Sa.

        A "close" one has its microphones at the heads: dry, slapped more than rung, little bass. A
        "ghatam", the clay pot, rings an octave higher, shorter and brighter. A "kanjira" is a small
        frame drum and a "thavil" a loud barrel; neither is tuned, nor are their modes multiples.
        """
        drum = _Drum(
            mode_hz=tonic_hz * 2 ** (rng.normal(0, 4) / 1200),
            bass_hz=float(rng.uniform(62, 95)),
            ring=float(rng.uniform(0.6, 1.1)),
            bright=float(rng.uniform(-0.4, 0.3)),
        )
        if kind == "close":
            bass, slap = rng.uniform(0.05, 0.5), rng.uniform(1.2, 3.0)
            drum = replace(drum, ring=drum.ring * rng.uniform(0.3, 0.8), bass=bass, slap=slap)
        elif kind == "ghatam":
            drum = _Drum(3.1 * drum.mode_hz, 1.6 * drum.bass_hz, 0.4 * drum.ring, 0.6, 0.6, 1.5)
        elif kind in _UNTUNED:
            drum = _Drum(**{part: float(rng.uniform(*of)) for part, of in _UNTUNED[kind].items()})
        takes = {
            name: [_struck(head, drum, sr, rng) for _ in range(N_TAKES)]
            for name, head in STROKES.items()
        }
        return cls(sr, takes)

    def play(
        self, strokes: Iterable[Stroke], n_samples: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Sound the strokes: float32 (n_samples,)."""
        y = np.zeros(n_samples, np.float32)
        for stroke in strokes:
            take = self.takes[stroke.name][rng.integers(N_TAKES)]
            start = round(stroke.time_s * self.sr)
            end = min(start + len(take), n_samples)
            if 0 <= start < end:
                y[start:end] += np.float32(stroke.level) * take[: end - start]
        return y


@dataclass(frozen=True)
class _Drum:
    mode_hz: float
    bass_hz: float
    ring: float
    bright: float
    bass: float = 1.0
    slap: float = 1.0
    stretch: float = 1.0  # mode k sounds at mode_hz * k ** stretch


_UNTUNED = {
    "kanjira": {
        "mode_hz": (170, 300), "bass_hz": (75, 130), "ring": (0.2, 0.5), "bright": (-0.2, 0.5),
        "bass": (0.6, 1.3), "slap": (1.0, 2.2), "stretch": (0.65, 0.8),
    },
    "thavil": {
        "mode_hz": (220, 420), "bass_hz": (90, 150), "ring": (0.35, 0.8), "bright": (0.0, 0.6),
        "bass": (0.3, 1.0), "slap": (1.5, 3.5), "stretch": (0.65, 0.85),
    },
}  # fmt: skip


def _struck(head: _Head, drum: _Drum, sr: int, rng: np.random.Generator) -> np.ndarray:
    longest = max(2.2 * head.decay_s, 2 * head.bass_decay_s if head.bass else 0, 0.1)
    t = np.arange(int(min(1.0, 1.6 * longest * max(1, drum.ring)) * sr)) / sr
    y = _right(head, drum, t, rng) + drum.bass * _left(head, drum, t, rng)
    y += drum.slap * _slap(head, t, sr, rng)
    fade = np.minimum(1, (t[-1] - t) / (0.4 * t[-1]))
    return (0.5 * y * fade * np.minimum(1, t / 0.0008)).astype(np.float32)


def _right(head: _Head, drum: _Drum, t: np.ndarray, rng) -> np.ndarray:
    y = np.zeros_like(t)
    for mode, strength in enumerate(head.modes, start=1):
        hz = drum.mode_hz * mode**drum.stretch * (1 + rng.normal(0, 0.0012))
        strength *= mode**drum.bright * rng.uniform(0.8, 1.2)
        decay = head.decay_s * drum.ring * rng.uniform(0.85, 1.15) / mode**0.35
        y += strength * np.exp(-t / decay) * np.sin(2 * np.pi * hz * t + rng.uniform(0, 0.6))
    return y


def _left(head: _Head, drum: _Drum, t: np.ndarray, rng) -> np.ndarray:
    if not head.bass:
        return np.zeros_like(t)
    glide = head.glide * rng.uniform(0.6, 1.4)
    octaves = glide * (1 - np.exp(-t / 0.12)) + 0.25 * np.exp(-t / 0.012)  # tight when struck
    phase = 2 * np.pi * np.cumsum(drum.bass_hz * 2**octaves) * (t[1] - t[0])
    decay = np.exp(-t / (head.bass_decay_s * rng.uniform(0.8, 1.2)))
    return head.bass * decay * (np.sin(phase) + 0.25 * np.sin(2 * phase + 0.5))


def _slap(head: _Head, t: np.ndarray, sr: int, rng) -> np.ndarray:
    """The finger's click and, a little longer and duller, the hide under it."""
    low, high = head.slap_hz
    click = _noise(low, high, sr, rng) * np.exp(-t[:_N_NOISE] / rng.uniform(0.005, 0.009))
    hide = _noise(0.4 * low, 0.5 * high, sr, rng) * np.exp(-t[:_N_NOISE] / rng.uniform(0.02, 0.035))
    y = np.zeros_like(t)
    y[:_N_NOISE] = head.slap * (click + 0.7 * hide)
    return y


def _noise(low: float, high: float, sr: int, rng: np.random.Generator) -> np.ndarray:
    """A burst between two frequencies, peaking near 1."""
    spectrum = np.fft.rfft(rng.normal(0, 1, _N_NOISE))
    hz = np.fft.rfftfreq(_N_NOISE, 1 / sr)
    spectrum *= 1 / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 4)
    burst = np.fft.irfft(spectrum, _N_NOISE)
    return burst / (2.5 * np.std(burst) + 1e-9)
