"""What is no Carnatic music, or no music: a voice that talks, songs with a band, tones, silence.

Rendered so that the model learns to say "speech", "other" or nothing sure of what its concerts
never hold. They are made of plain signals on purpose: what matters is what they are not.
"""

import numpy as np

from core.synthesis.melody import RATE, Contour, Note
from core.synthesis.players import singer

KINDS = ("speech", "band", "tone", "noise", "silence", "chords")

_SPEECH = (
    "ta", "ka", "pa", "di", "bi", "ga", "ma", "na", "sa", "ra", "la", "va", "ya", "ti", "ke", "po",
    "mu", "no", "se", "ri",
)  # fmt: skip
_SEMITONE = 2 ** (1 / 12)


def negative(kind: str, duration_s: float, sr: int, rng: np.random.Generator) -> np.ndarray:
    """Sound of one of `KINDS`, (n_samples,) float32."""
    n = round(duration_s * sr)
    made = {
        "speech": _speech, "band": _band, "chords": _chords, "tone": _tone, "noise": _noise,
        "silence": lambda n, sr, rng: 1e-5 * rng.standard_normal(n),
    }[kind](n, sr, rng)  # fmt: skip
    return np.asarray(made, np.float32)[:n]


def _speech(n: int, sr: int, rng: np.random.Generator) -> np.ndarray:
    """Sentences of falling pitch, four to six syllables a second, with pauses."""
    base_hz = float(rng.uniform(90, 230))
    speaker = singer(base_hz, sr, rng)
    total_s = n / sr
    points = round(total_s * RATE)
    cents, gain, notes = np.zeros(points), np.zeros(points), []
    now = 0.2
    while now < total_s - 1.5:
        length_s = float(rng.uniform(1.0, 3.5))
        end = min(now + length_s, total_s - 0.2)
        first = now
        while now < end:
            held = float(rng.uniform(0.12, 0.26))
            notes.append(Note(now, held, 0, syllable=str(rng.choice(_SPEECH))))
            now += held
        a, b = round(first * RATE), min(round(now * RATE), points)
        fall = np.linspace(350, -350, b - a) + 150 * np.cumsum(rng.normal(0, 0.06, b - a))
        cents[a:b] = fall + 250 * np.sin(np.linspace(0, rng.uniform(4, 12), b - a))
        gain[a:b] = np.hanning(b - a + 2)[1:-1] ** 0.2 * (0.7 + 0.3 * np.sin(8 * np.arange(b - a)))
        now += float(rng.uniform(0.15, 0.9))
    y, _ = speaker.perform(Contour(cents, gain), base_hz * 2 ** (cents / 1200), notes, rng)
    return _of_length(y, n) + 1e-4 * rng.standard_normal(n)


def _of_length(y: np.ndarray, n: int) -> np.ndarray:
    return np.pad(y, (0, max(0, n - len(y))))[:n]


def _chords(n: int, sr: int, rng: np.random.Generator) -> np.ndarray:
    """A pad of triads, a new one every bar."""
    root = float(rng.uniform(80, 160))
    bar_s = float(rng.uniform(1.2, 3.0))
    t = np.arange(n) / sr
    bar = (t / bar_s).astype(int)
    degrees = rng.choice([0, 2, 4, 5, 7, 9], bar.max() + 1)
    y = np.zeros(n)
    for tone in (0, 4, 7, 12, 16):
        hz = root * _SEMITONE ** (degrees[bar] + tone)
        phase = 2 * np.pi * np.cumsum(hz) / sr
        y += sum(np.sin(k * phase + rng.uniform(0, 6)) / k**1.3 for k in range(1, 7))
    swell = 0.6 + 0.4 * np.sin(np.pi * (t / bar_s % 1))
    return 0.05 * y * swell


def _band(n: int, sr: int, rng: np.random.Generator) -> np.ndarray:
    """Film music as a caricature: chords, a bass on the beat, a kit with a backbeat, a tune."""
    y = _chords(n, sr, rng)
    beat_s = float(rng.uniform(0.35, 0.7))
    t = np.arange(n) / sr
    root = float(rng.uniform(40, 70))
    within = t % beat_s
    y += 0.25 * np.exp(-6 * within) * np.sin(2 * np.pi * root * within * (1 + np.exp(-30 * within)))
    hat = t % (beat_s / 2)
    hiss = np.diff(rng.standard_normal(n + 1))
    y += 0.04 * hiss * np.exp(-60 * hat)
    back = (t + beat_s) % (2 * beat_s)
    y += 0.12 * rng.standard_normal(n) * np.exp(-14 * back)
    if rng.random() < 0.7:
        y += _tune(n, sr, beat_s, rng)
    return y


def _tune(n: int, sr: int, beat_s: float, rng: np.random.Generator) -> np.ndarray:
    """A voice or a synthesiser on a tempered scale, straight onto its notes."""
    total_s = n / sr
    points = round(total_s * RATE)
    scale = np.array([0, 200, 400, 500, 700, 900, 1100, 1200])
    steps = np.clip(np.cumsum(rng.integers(-2, 3, int(total_s / (beat_s / 2)) + 2)), -4, 10)
    at = (np.arange(points) / RATE / (beat_s / 2)).astype(int)
    cents = (scale[steps % 8] + 1200 * (steps // 8))[at].astype(float)
    base = float(rng.uniform(150, 300))
    words = [str(w) for w in rng.choice(_SPEECH, len(steps))]
    notes = [Note(i * beat_s / 2, beat_s / 2, 0, syllable=w) for i, w in enumerate(words)]
    gain = (rng.random(len(steps)) < 0.8)[at] * 1.0
    player = singer(base, sr, rng)
    y, _ = player.perform(Contour(cents, gain), base * 2 ** (cents / 1200), notes, rng)
    return _of_length(y, n)


def _tone(n: int, sr: int, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(n) / sr
    hz = float(np.exp(rng.uniform(np.log(80), np.log(2000))))
    harmonics = int(rng.integers(1, 8))
    y = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, harmonics + 1))
    return 0.2 * y + 1e-4 * rng.standard_normal(n)


def _noise(n: int, sr: int, rng: np.random.Generator) -> np.ndarray:
    """White, or the rumble of a wind."""
    rumbles = rng.random() < 0.3
    level = 10 ** rng.uniform(-3, -1)
    white = rng.standard_normal(n)
    return level * (np.cumsum(white) / 30 if rumbles else white)
