"""Sound files of every kind, made for the tests."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def encode(path: Path, y: np.ndarray, sr: int, codec: str, **options: str) -> Path:
    """Write `y` (n_samples,) or (n_channels, n_samples) with one of FFmpeg's encoders."""
    y = np.atleast_2d(y).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(y)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=sr, layout=layout, options=options)
        stream.bit_rate = 96_000 * len(y)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y), "fltp", layout)
        frame.sample_rate = sr
        frame.pts = 0
        frame.time_base = Fraction(1, sr)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def headless_mp3(path: Path, y: np.ndarray, sr: int) -> Path:
    """Mono as an mp3 of varying bit rate that nowhere says so: players misjudge its times."""
    with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        quality = {"flags": "+qscale", "global_quality": str(4 * 118)}  # lame's -V 4
        stream = container.add_stream("libmp3lame", rate=sr, layout="mono", options=quality)
        frame = av.AudioFrame.from_ndarray(y[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = sr
        frame.pts = 0
        frame.time_base = Fraction(1, sr)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def melody(seconds: float, sr: int, n_channels: int = 1, seed: int = 0) -> np.ndarray:
    """A gliding tone with overtones, unlike itself at every other moment; (n_channels, n)."""
    t = np.arange(round(seconds * sr)) / sr
    phase = 2 * np.pi * (220 * t + 30 * t**1.5 + 15 * np.sin(2 * np.pi * 0.7 * t + seed))
    tone = sum(np.sin(k * phase) / k for k in (1, 2, 3))
    levels = 0.2 + 0.1 * np.sin(2 * np.pi * np.outer(1 + np.arange(n_channels), t) / 5)
    return (levels * tone).astype(np.float32)


def clicks(seconds: float, sr: int, every_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Short bursts in silence, and the times at which they begin."""
    times = np.arange(every_s, seconds - 0.1, every_s)
    y = np.zeros(round(seconds * sr), np.float32)
    burst = np.hanning(round(0.004 * sr)) * np.sin(
        2 * np.pi * 2000 * np.arange(round(0.004 * sr)) / sr
    )
    for k, time in enumerate(times):
        start = round(time * sr)
        y[start : start + len(burst)] = (0.9 - 0.05 * (k % 5)) * burst
    return y, times


def video_without_sound(path: Path) -> Path:
    """A film with no audio stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
