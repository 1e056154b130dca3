"""How a concert may reach us: another hall, another microphone, a tape, a codec.

The shipped model is trained on sample concerts only, so each is heard through a chain of its own;
what the model learns must hold through all of them. Nothing here moves anything in time.
"""

import io
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import scipy.signal

MP3_RATE = 24_000


@dataclass(frozen=True)
class Chain:
    """What happens to the sound on its way; `None` leaves a link out."""

    decay_s: float | None = None  # of the hall, to -60 dB
    wet_db: float = -12.0
    eq_db: float = 0.0  # standard deviation of a random curve over the octaves
    tilt_db: float = 0.0  # an octave
    low_hz: float | None = None  # nothing below
    high_hz: float | None = None  # nothing above
    noise_db: float | None = None  # under the sound
    hum_hz: float | None = None
    compressed: float = 0.0  # 0 not at all, 1 always equally loud
    gain_db: float = 0.0
    mp3_kbps: int | None = None


def any_chain(rng: np.random.Generator) -> Chain:
    """A chain as home recordings, radio tapes and uploads have it."""
    plain = rng.random() < 0.2
    if plain:
        return Chain(gain_db=float(rng.uniform(-18, 0)))
    return Chain(
        decay_s=_maybe(rng, 0.6, 0.3, 3.0),
        wet_db=float(rng.uniform(-20, -3)),
        eq_db=float(rng.uniform(0, 5)),
        tilt_db=float(rng.normal(0, 1.5)),
        low_hz=_maybe(rng, 0.6, 60, 350),
        high_hz=_maybe(rng, 0.4, 3000, 7500),
        noise_db=_maybe(rng, 0.6, -50, -18),
        hum_hz=50.0 if rng.random() < 0.15 else None,
        compressed=float(rng.choice([0.0, 0.3, 0.6])),
        gain_db=float(rng.uniform(-24, 0)),
        mp3_kbps=int(rng.choice([32, 48, 64, 96])) if rng.random() < 0.3 else None,
    )


def far_back(chain: Chain, rng: np.random.Generator) -> Chain:
    """The same chain from the back of a large hall, where there is as much hall as music."""
    return replace(chain, decay_s=float(rng.uniform(1.2, 3.0)), wet_db=float(rng.uniform(-8, 0)))


UNSEEN = Chain(
    decay_s=2.2, wet_db=-4.0, eq_db=3.0, tilt_db=-1.5, high_hz=6500.0, noise_db=-35.0,
    compressed=0.3, gain_db=-9.0, mp3_kbps=64,
)  # fmt: skip


def _maybe(rng, share: float, low: float, high: float) -> float | None:
    octaves = rng.uniform(np.log(low), np.log(high)) if low > 0 else None
    value = float(rng.uniform(low, high) if octaves is None else np.exp(octaves))
    return value if rng.random() < share else None


def through(y: np.ndarray, sr: int, chain: Chain, rng: np.random.Generator) -> np.ndarray:
    """The sound at the end of the chain, same length, float32."""
    y = y.astype(np.float32)
    if chain.decay_s:
        y = _in_hall(y, sr, chain, rng)
    y = _coloured(y, sr, chain, rng)
    if chain.compressed:
        y = _evened(y, sr, chain.compressed)
    if chain.noise_db is not None:
        y = y + _hiss(len(y), rng) * np.float32(_rms(y) * 10 ** (chain.noise_db / 20))
    if chain.hum_hz:
        t = np.arange(len(y)) / sr
        hum = sum(np.sin(2 * np.pi * chain.hum_hz * k * t) / k for k in (1, 2, 3, 5))
        y = y + np.float32(0.01 * _rms(y)) * hum.astype(np.float32)
    y = y * np.float32(10 ** (chain.gain_db / 20) / max(1e-6, np.abs(y).max()))
    return mp3(y, sr, chain.mp3_kbps) if chain.mp3_kbps else y


def _rms(y: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(y))) + 1e-9)


def _in_hall(y: np.ndarray, sr: int, chain: Chain, rng: np.random.Generator) -> np.ndarray:
    n = int(1.2 * chain.decay_s * sr)
    t = np.arange(n) / sr
    tail = rng.normal(0, 1, n) * 10 ** (-3 * t / chain.decay_s) * (1 - np.exp(-t / 0.02))
    tail = scipy.signal.lfilter([0.5], [1, -0.5], tail)  # air swallows the treble
    tail *= 10 ** (chain.wet_db / 20) / np.sqrt(np.sum(tail**2))
    return y + scipy.signal.oaconvolve(y, tail.astype(np.float32))[: len(y)]


def _coloured(y: np.ndarray, sr: int, chain: Chain, rng: np.random.Generator) -> np.ndarray:
    hz = np.fft.rfftfreq(2048, 1 / sr)
    octave = np.log2(np.maximum(hz, 30) / 1000)
    bends = rng.normal(0, chain.eq_db, 10)
    gain_db = np.interp(octave, np.linspace(-5, 4, 10), bends) + chain.tilt_db * octave
    gain = 10 ** (np.clip(gain_db, -24, 18) / 20)
    if chain.low_hz:
        gain /= np.sqrt(1 + (chain.low_hz / np.maximum(hz, 1)) ** 4)
    if chain.high_hz:
        gain /= np.sqrt(1 + (hz / chain.high_hz) ** 12)
    taps = np.roll(np.fft.irfft(gain), 1024)[512:1536] * np.hanning(1024)
    return scipy.signal.oaconvolve(y, taps.astype(np.float32))[512 : 512 + len(y)]


def _evened(y: np.ndarray, sr: int, share: float) -> np.ndarray:
    """Automatic gain: the level over half a second is raised to the power of 1 - share."""
    window = max(1, sr // 2)
    level = np.sqrt(np.convolve(np.square(y[:: sr // 100]), np.ones(50) / 50, "same")) + 1e-4
    gain = (level / level.max()) ** -share
    at = np.arange(len(y)) / (sr // 100)
    smooth = np.convolve(gain, np.ones(window // 160 + 1) / (window // 160 + 1), "same")
    return y * np.interp(at, np.arange(len(smooth)), smooth).astype(np.float32)


def _hiss(n: int, rng: np.random.Generator) -> np.ndarray:
    """Noise between white and pink, at 1 rms."""
    slope = rng.uniform(0, 0.5)
    block = 1 << 18
    hz = np.arange(block // 2 + 1) + 1.0
    spectrum = scipy.fft.rfft(rng.standard_normal(block, np.float32)) * hz**-slope
    noise = scipy.fft.irfft(spectrum).astype(np.float32)
    return np.resize(noise / _rms(noise), n)


def mp3(y: np.ndarray, sr: int, kbps: int) -> np.ndarray:
    """Through an mp3 encoder and back, same length."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        options = {"compression_level": "9"}  # fast; it is the bit rate that is heard
        stream = out.add_stream("libmp3lame", rate=sr, layout="mono", options=options)
        stream.bit_rate = 1000 * kbps
        for start in range(0, len(y), 30 * sr):
            samples = np.ascontiguousarray(y[None, start : start + 30 * sr])
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate = sr
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as coded:
        back = np.concatenate([frame.to_ndarray()[0] for frame in coded.decode(audio=0)])
    return np.pad(back, (0, max(0, len(y) - len(back))))[: len(y)].astype(np.float32)
