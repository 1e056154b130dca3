"""The hall around the players: the drone, the audience, the reverberation."""

import numpy as np
import scipy.fft

_STRING_S = 6
_HIGHEST_PARTIAL_HZ = 6000
_SINE = np.sin(2 * np.pi * np.arange(2**14) / 2**14).astype(np.float32)


def tanpura(tonic_hz: float, first_cents: int, n_samples: int, sr: int, rng) -> np.ndarray:
    """A four-string tanpura, plucked round and round; its energy is 1."""
    return np.resize(tanpura_loop(tonic_hz, first_cents, sr, rng), n_samples)


def tanpura_loop(tonic_hz: float, first_cents: int, sr: int, rng) -> np.ndarray:
    """One round of the strings, seamless when repeated: first (Pa or Ma), Sa, Sa, lower Sa.

    A singer's tanpura is strung to the singer, a woman's shorter one too: its lowest string is an
    octave below the Sa, whatever the Sa is, and tells the octave of it.
    The jawari's bridge hands energy to ever other partials as a string fades; here each partial
    swells and dies at its own time, high ones first.
    """
    first, sa, low_sa = (
        _plucked(tonic_hz * 2 ** ((cents + rng.normal(0, 2)) / 1200), sr, rng)
        for cents in (first_cents - 1200 if first_cents else 0, 0, -1200)
    )
    period = rng.uniform(0.9, 1.4)
    loop = np.zeros(round(4 * period * sr), np.float32)
    for place, string in enumerate((first, sa, sa, low_sa)):
        start = round((place + (0.5 if place == 3 else 0)) * 0.92 * period * sr)
        _wrapped(loop, string, start)
    return loop / (np.sqrt(np.mean(loop**2)) + 1e-9)


def _plucked(hz: float, sr: int, rng: np.random.Generator) -> np.ndarray:
    """Six seconds of one string."""
    piece = sr // 40
    at = np.linspace(0, _STRING_S, 40 * _STRING_S + 1)
    samples = np.arange(40 * _STRING_S * piece, dtype=np.uint32)
    y = np.zeros((40 * _STRING_S, piece), np.float32)
    for k in range(1, int(_HIGHEST_PARTIAL_HZ / hz) + 1):
        peak_s = 0.05 + 1.8 * rng.uniform(0.6, 1.2) / (1 + 0.12 * k)  # the jawari sweep
        bloom = 0.3 + np.exp(-(((at - peak_s) / (0.35 + 0.3 * peak_s)) ** 2))
        envelope = bloom * np.exp(-at * (0.4 + 0.03 * k)) * (1 - np.exp(-at / 0.03))
        strength = (
            k**-0.5
            * np.exp(-k * hz / 1700)
            * (1 - k * hz / _HIGHEST_PARTIAL_HZ)
            * rng.uniform(0.4, 1.0)
        )
        turn = np.uint32(round(k * hz / sr * 2**32))  # phase wraps by itself in 32 bits
        phase = samples * turn + np.uint32(rng.integers(2**32))
        y += _faded(strength * envelope, _SINE[phase >> np.uint32(18)].reshape(y.shape))
    return y.ravel()


def _faded(envelope: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """Each row of `wave` under a straight line between two points of the envelope."""
    rise = np.linspace(0, 1, wave.shape[1], endpoint=False, dtype=np.float32)
    points = envelope.astype(np.float32)
    return (points[:-1, None] + np.diff(points)[:, None] * rise) * wave


def _wrapped(loop: np.ndarray, sound: np.ndarray, start: int) -> None:
    """Add `sound` from `start` round and round, so that the loop has no seam."""
    place = start % len(loop)
    done = 0
    while done < len(sound):
        n = min(len(loop) - place, len(sound) - done)
        loop[place : place + n] += sound[done : done + n]
        done, place = done + n, 0


def applause(n_samples: int, sr: int, rng: np.random.Generator) -> np.ndarray:
    """Hundreds of hands: claps of many colours, dense at first and then fewer."""
    clap_n = int(0.03 * sr)
    hz = np.fft.rfftfreq(1024, 1 / sr)
    claps = []
    for _ in range(24):
        centre = rng.uniform(700, 2600)
        colour = 1 / np.sqrt(1 + ((hz - centre) / (0.4 * centre)) ** 2) / (1 + (hz / 7000) ** 2)
        burst = np.fft.irfft(np.fft.rfft(rng.normal(0, 1, 1024)) * colour)[:clap_n]
        claps.append(burst * np.exp(-np.arange(clap_n) / (0.006 * sr)))
    duration_s = n_samples / sr
    n_claps = int(duration_s * rng.uniform(70, 160))
    when = np.minimum(rng.beta(1.4, 1.9, n_claps), 0.999) * max(n_samples - clap_n, 1)
    y = np.zeros(n_samples, np.float32)
    for start in when.astype(int):
        clap = claps[rng.integers(len(claps))] * rng.lognormal(-1, 0.4)
        end = min(start + clap_n, n_samples)
        y[start:end] += clap[: end - start].astype(np.float32)
    return y / (np.sqrt(np.mean(y**2)) + 1e-9)


def limited(y: np.ndarray, knee: float = 0.6, ceiling: float = 0.95) -> np.ndarray:
    """Round off what stands above the knee; a single loud stroke must not quieten a concert."""
    above = np.abs(y) > knee
    room_left = np.float32(ceiling - knee)
    rounded = knee + room_left * np.tanh((np.abs(y[above]) - knee) / room_left)
    y[above] = np.copysign(rounded, y[above])
    return y


def impulse_response(sr: int, rng: np.random.Generator) -> np.ndarray:
    """A hall's answer to one clap, without the direct sound; energy 1."""
    decay_s = rng.uniform(0.5, 1.5)  # to -60 dB
    n = int(min(decay_s, 1.2) * sr)
    t = np.arange(n) / sr
    tail = rng.normal(0, 1, n) * 10 ** (-3 * t / decay_s) * (1 - np.exp(-t / 0.03))
    for _ in range(8):
        tail[int(rng.uniform(0.008, 0.06) * sr)] += rng.normal(0, 6)
    spectrum = np.fft.rfft(tail)
    hz = np.fft.rfftfreq(n, 1 / sr)
    tail = np.fft.irfft(spectrum / (1 + (hz / rng.uniform(2500, 5000)) ** 2), n)
    return (tail / np.sqrt(np.sum(tail**2))).astype(np.float32)


def reverberated(y: np.ndarray, response: np.ndarray) -> np.ndarray:
    """`y` through the hall, same length (overlap-add with one fixed transform size)."""
    n_fft = scipy.fft.next_fast_len(4 * len(response), real=True)
    block = n_fft - len(response) + 1
    answer = scipy.fft.rfft(response, n_fft)
    out = np.zeros(len(y) + n_fft, np.float32)
    for start in range(0, len(y), block):
        spectrum = scipy.fft.rfft(y[start : start + block], n_fft)
        out[start : start + n_fft] += scipy.fft.irfft(spectrum * answer, n_fft)
    return out[: len(y)]
