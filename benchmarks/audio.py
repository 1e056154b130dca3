"""How fast sound is read and prepared, and in how much memory.

    python benchmarks/audio.py                     a stereo file of 20 minutes in three formats
    python benchmarks/audio.py --minutes 120       the concert of two hours
    python benchmarks/audio.py --source tape.mp3   a recording of one's own

Each line is measured in a process of its own. Real time over wall time is what a user waits for on
this machine as busy as it is; real time over processor time is the work, whatever else runs. (Two
processes that share a core slow each other's processor time too, up to about twice.)
"""

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from core import audio
from core.command import run
from core.workspace import PROJECT

log = logging.getLogger(__name__)

SR = 44_100
CODECS = {"mp3": "libmp3lame", "flac": "flac", "m4a": "aac"}


def main(minutes: float = 20.0, source: Path | None = None, task: str = "") -> None:
    """Measure reading, preparing and seeking.

    Args:
        minutes: how long the made files are.
        source: a file to measure instead.
        task: one measurement, by name; used by the processes this command starts.
    """
    if task:
        sys.stdout.write(json.dumps(TASKS[task](source)))
        return
    with tempfile.TemporaryDirectory() as folder:
        files = [source] if source else made(Path(folder), minutes)
        log.info("load %.1f on %d processors", os.getloadavg()[0], os.cpu_count())
        log.info("%-8s %-28s %10s %10s %8s", "format", "task", "x wall", "x cpu", "MB")
        for path in files:
            for name in TASKS:
                log.info("%-8s %s", path.suffix[1:], measured(path, name))


def measured(path: Path, name: str) -> str:
    """One line of the table."""
    command = [sys.executable, __file__, "--source", str(path), "--task", name]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    wall_s, cpu_s, sound_s, peak_mb = json.loads(result.stdout)
    if not sound_s:
        return f"{name:<28} {1000 * wall_s:7.1f} ms {1000 * cpu_s:7.1f} ms {peak_mb:8.0f}"
    return f"{name:<28} {sound_s / wall_s:10.0f} {sound_s / cpu_s:10.0f} {peak_mb:8.0f}"


def prepared(path: Path) -> tuple[float, float, float, float]:
    """One pass to the playback copy and the peaks."""
    with tempfile.TemporaryDirectory() as folder:
        began = started()
        info = audio.prepare(path, Path(folder) / "a.webm", Path(folder) / "a.u8")
        return *spent(began), info.duration_s, peak_mb()


def streamed(path: Path, sr: int | None = None) -> tuple[float, float, float, float]:
    """Every block once, mono."""
    began = started()
    n_samples = sum(len(block) for block in audio.stream(path, sr=sr))
    return *spent(began), n_samples / (sr or audio.info(path).sr), peak_mb()


def sought(path: Path) -> tuple[float, float, float, float]:
    """Ten seconds from near the end; the middle of five."""
    length_s = audio.info(path).duration_s
    times = []
    for k in range(5):
        began = started()
        audio.load(path, sr=24_000, start_s=length_s - 30 - k, end_s=length_s - 20 - k)
        times.append(spent(began))
    wall_s, cpu_s = np.median(times, axis=0)
    return wall_s, cpu_s, 0.0, peak_mb()


TASKS = {
    "prepare": prepared,
    "stream": streamed,
    "stream at 24 kHz": lambda path: streamed(path, 24_000),
    "10 s from near the end": sought,
}


def started() -> tuple[float, float]:
    """Wall and processor time now."""
    return time.perf_counter(), time.process_time()


def spent(began: tuple[float, float]) -> tuple[float, float]:
    """Wall and processor seconds since."""
    return time.perf_counter() - began[0], time.process_time() - began[1]


def peak_mb() -> float:
    """The most memory this process has held, with Python and its packages."""
    status = Path("/proc/self/status").read_text()  # getrusage counts the starting process too
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def made(folder: Path, minutes: float) -> list[Path]:
    """The same half minute again and again, in every format."""
    y = half_minute()
    return [encoded(folder / f"made.{suffix}", y, minutes) for suffix in CODECS]


def half_minute() -> np.ndarray:
    """A drone, a gliding voice and strokes in stereo, half a minute [shape=(2, n), float32]."""
    rng = np.random.default_rng(0)
    t = np.arange(30 * SR) / SR
    glide = 2 * np.pi * np.cumsum(220 * 2 ** (0.5 * np.sin(2 * np.pi * 0.31 * t))) / SR
    voice = sum(np.sin(k * glide) / k for k in range(1, 9))
    drone = sum(np.sin(2 * np.pi * f * t) for f in (110, 165, 220, 220.4, 330))
    strokes = np.exp(-40 * (t % 0.3)) * rng.standard_normal(len(t))
    y = 0.05 * voice + 0.03 * drone
    return np.stack([y + 0.05 * strokes, y + 0.05 * np.roll(strokes, 40)]).astype(np.float32)


def encoded(path: Path, y: np.ndarray, minutes: float) -> Path:
    """`y` again and again for some minutes, in the format of the suffix."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[path.suffix[1:]], rate=SR, layout="stereo")
        stream.bit_rate = 192_000
        for k in range(round(2 * minutes)):
            frame = av.AudioFrame.from_ndarray(y, "fltp", "stereo")
            frame.sample_rate = SR
            frame.pts = k * y.shape[1]
            frame.time_base = Fraction(1, SR)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    run(main)
