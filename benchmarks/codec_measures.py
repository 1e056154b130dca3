"""Sounds with known pitch, and measures of what a codec did to them."""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.riffusion_chain import RiffusionChain
from core.codec import Codec
from core.phase import Stft, hann

CLIP_S = 5.12
GAMAKA_HZ, DRONE_HZ = 330.0, 110.0


def gamaka(sr: int) -> tuple[np.ndarray, np.ndarray]:
    """A tone shaken by 100 cents at 5.5 Hz over a drone, and its cents at each sample."""
    t = np.arange(round(CLIP_S * sr)) / sr
    cents = 100 * np.sin(2 * np.pi * 5.5 * t)
    angle = 2 * np.pi * np.cumsum(GAMAKA_HZ * 2 ** (cents / 1200)) / sr
    lead = sum(0.2 / k * np.sin(k * angle) for k in range(1, 9))
    drone = sum(0.05 / k * np.sin(2 * np.pi * DRONE_HZ * k * t + k) for k in range(1, 7))
    return (lead + drone).astype(np.float32), cents


def tone_error_cents(codec: Codec, hz: float, n_harmonics: int) -> float:
    """How far a steady tone's fundamental has moved."""
    t = np.arange(round(1.5 * codec.sr)) / codec.sr
    harmonics = [k for k in range(1, n_harmonics + 1) if k * hz < 9000]
    y = sum(0.3 / k * np.sin(2 * np.pi * k * hz * t + k) for k in harmonics).astype(np.float32)
    image, codec = codec.draw(y)
    back = codec.decode(image)[codec.sr // 4 : -codec.sr // 4].astype(float)
    spectrum = np.abs(np.fft.rfft(back * np.blackman(len(back)), 4 * len(back)))
    bin_hz = codec.sr / (4 * len(back))
    low, high = (int(hz * 2 ** (sign / 12) / bin_hz) for sign in (-1, 1))
    k = low + spectrum[low:high].argmax()
    before, at, after = np.log(spectrum[k - 1 : k + 2])
    found = (k + 0.5 * (before - after) / (before - 2 * at + after)) * bin_hz
    return 1200 * np.log2(found / hz)


def contour(y: np.ndarray, sr: int) -> tuple[np.ndarray, np.ndarray]:
    """Where six harmonics together are strongest, times in s and cents above `GAMAKA_HZ`."""
    win_length, hop_length, n_fft = 2 * round(0.025 * sr), round(0.01 * sr), 8192
    views = np.lib.stride_tricks.sliding_window_view(y, win_length)[::hop_length]
    spectrum = np.sqrt(np.abs(np.fft.rfft(views * hann(win_length), n_fft, axis=1)))
    cents = np.arange(-150.0, 150.5)
    salience = 0.0
    for k in range(1, 7):
        place = k * GAMAKA_HZ * 2 ** (cents / 1200) * n_fft / sr
        below = place.astype(int)
        share = place - below
        salience = salience + spectrum[:, below] * (1 - share) + spectrum[:, below + 1] * share
    times_s = (np.arange(len(views)) * hop_length + win_length / 2) / sr
    return times_s, cents[salience.argmax(axis=1)]


def error_db(found: np.ndarray, wanted: np.ndarray, sr: int) -> float:
    """Spectral convergence of |STFT 2048| below 10 kHz, decibels; lower is better."""
    n = min(len(found), len(wanted))
    stft = Stft(win_length=2048, hop_length=512, n_fft=2048)
    spectra = [
        np.abs(stft.analyse(x[:n].astype(np.float32), 1 + (n - 2048) // 512))[
            :, : 10_000 * 2048 // sr
        ]
        for x in (found, wanted)
    ]
    return 20 * np.log10(np.linalg.norm(spectra[0] - spectra[1]) / np.linalg.norm(spectra[1]))


def mel_error_db(chain: RiffusionChain, found: np.ndarray, wanted: np.ndarray) -> float:
    """Spectral convergence of the mel magnitudes that the picture is made of, decibels."""
    mels = [chain.mel(np.ascontiguousarray(x)).numpy() for x in (found, wanted)]
    n = min(mel.shape[1] for mel in mels)
    return 20 * np.log10(np.linalg.norm(mels[0][:, :n] - mels[1][:, :n]) / np.linalg.norm(mels[1]))


def medians(rounds: int, *ways: Callable[[], object]) -> list[float]:
    """Median processor seconds of each way, the ways taking turns."""
    for way in ways:
        way()
    seconds = [[timed(way)[0] for way in ways] for _ in range(rounds)]
    return list(np.median(seconds, axis=0))


def timed(way: Callable[[], object]) -> tuple[float, object]:
    """Processor seconds, and what came of it."""
    start = time.process_time()
    answer = way()
    return time.process_time() - start, answer
