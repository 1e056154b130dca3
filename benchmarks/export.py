"""How fast recordings become a dataset, in how much memory, and what more workers bring.

    python benchmarks/export.py speed              clips per second beside Riffusion's chain
    python benchmarks/export.py memory --hours 100 peak memory of a library that long
    python benchmarks/export.py workers            one dask worker process against two

Riffusion's chain is its `audio_to_images_batch` restated (riffusion/cli.py and its two spectrogram
converters): a pool of threads; for each clip decode, transform of 400 ms with a 100 ms window each
10 ms, 512 mel rows, scale to the loudest point, PNG with EXIF. It is given its clips cut already,
as WAV, and no captions to write. Processor time is told beside the clock, for a busy machine.
"""

import logging
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import soundfile
from tyro.conf import Positional

from core.command import run
from core.export import ExportConfig, export
from core.library import Library
from core.records import Recording, Segment
from core.synthesis import SampleConcert, render
from core.workspace import PROJECT, Workspace

log = logging.getLogger(__name__)

RIFFUSION_SR, CLIP_S = 44_100, 5.12
LONG_H = 2.0  # of a recording whose memory is measured
SPARSE_S = 60.0  # from one of its clips to the next: all of the sound is read, a sixth drawn


def main(
    what: Positional[Literal["speed", "memory", "workers"]],
    recordings: int = 6,
    minutes: float = 6.0,
    hours: float = 4.0,
    cores: int = 2,
) -> None:
    """Measure the export.

    Args:
        what: speed beside Riffusion's chain, peak memory, or the gain of a second worker.
        recordings: how many recordings to export.
        minutes: how long each of them is.
        hours: how much sound is in the library whose memory is measured (recordings of two hours).
        cores: how many cores both sides may use.
    """
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(Path(folder))
        if what == "memory":
            _fill(workspace, max(1, round(hours / LONG_H)), min(hours, LONG_H) * 60)
            _memory(workspace, hours)
            return
        _fill(workspace, recordings, minutes)
        if what == "workers":
            _workers(workspace)
        else:
            _speed(workspace, recordings * minutes * 60, cores)


def _fill(workspace: Workspace, n: int, minutes: float) -> None:
    """Recordings of one rendered concert, over and over, as FLAC at 44.1 kHz."""
    concert = render(1, 3.0)
    library = Library.of(workspace)
    for number in range(n):
        recording_id = f"sample-{number}"
        path = workspace.audio_target(recording_id, ".flac")
        if number:  # the same sound under another name: hours of it take no disk
            os.link(workspace.audio_target("sample-0", ".flac"), path)
        else:
            _write(path, concert, round(minutes * 60 * concert.sr))
        library.add(
            Recording(recording_id, "t", minutes * 60, "own", "synthesised", tonic_hz=146.8)
        )
        for index in range(max(1, int(minutes // 5))):  # segments of five minutes, as in concerts
            end_s = min((index + 1) * 300.0, minutes * 60)
            library.save(
                Segment(recording_id, index * 300.0, end_s, "kriti", "Todi", status="approved")
            )


def _write(path: Path, concert: SampleConcert, n_samples: int) -> None:
    """The concert over and over."""
    with soundfile.SoundFile(path, "w", concert.sr, 1, format="FLAC") as sound:
        for start in range(0, n_samples, len(concert.y)):
            sound.write(concert.y[: n_samples - start])


def _speed(workspace: Workspace, audio_s: float, cores: int) -> None:
    library = Library.of(workspace)
    config = ExportConfig("warm", workers=cores, find_duplicates=False, max_per_recording=12)
    export(config, workspace, library)
    with _clocks() as ours:
        config = ExportConfig("speed", workers=cores, find_duplicates=False)
        folder = export(config, workspace, library)
    n_ours = len(list(folder.rglob("*.png")))
    n_theirs, theirs = _riffusion(workspace, cores)
    for name, n, clocks in (("this export", n_ours, ours), ("Riffusion's", n_theirs, theirs)):
        wall, cpu = (n / each for each in clocks)
        log.info("%s: %d clips, %.1f a second, %.1f a processor second", name, n, wall, cpu)
    for index, what in enumerate(("clock", "processor")):
        ratio = (n_ours / ours[index]) / (n_theirs / theirs[index])
        log.info("times as many clips by the %s: %.1f", what, ratio)
    log.info("seconds of sound drawn each second: %.0f", audio_s / ours[0])


@contextmanager
def _clocks():
    """Yields a list that holds the seconds by the clock and those of all processors afterwards."""
    taken: list[float] = []
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    yield taken
    taken += [time.perf_counter() - wall, sum(os.times()[:4]) - cpu]


def _riffusion(workspace: Workspace, cores: int, n_clips: int = 48) -> tuple[int, list[float]]:
    """Riffusion's own chain over clips of its own length."""
    import librosa
    import torch
    from PIL import Image

    torch.set_num_threads(1)
    shape = {"sr": RIFFUSION_SR, "n_fft": 17_640, "n_mels": 512, "fmin": 0, "fmax": 10_000}
    mel = torch.from_numpy(librosa.filters.mel(**shape, norm=None, htk=True))
    window = torch.hann_window(4410)
    y = render(1, 3.0).y
    clips = []
    for index in range(n_clips):
        path = workspace.root / f"clip-{index}.wav"
        soundfile.write(path, np.roll(y, index * 999)[: round(CLIP_S * RIFFUSION_SR)], RIFFUSION_SR)
        clips.append(path)

    def draw(path: Path) -> None:
        samples, _ = soundfile.read(path, dtype="int16")
        wave = torch.from_numpy(samples.astype(np.float32))[None]
        spectrum = torch.stft(wave, 17_640, 441, 4410, window, return_complex=True).abs()
        rows = (mel @ spectrum).numpy()[0]
        image = (255 - np.power(rows / rows.max(), 0.25) * 255).astype(np.uint8)[::-1]
        picture = Image.fromarray(np.stack([image] * 3, axis=-1))
        picture.save(path.with_suffix(".png"), exif=picture.getexif(), format="PNG")

    draw(clips[0])
    with _clocks() as taken, ThreadPool(cores) as pool:
        pool.map(draw, clips)
    return n_clips, taken


def _memory(workspace: Workspace, hours: float) -> None:
    """Peak memory of this process, which draws every clip itself."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    config = ExportConfig("memory", workers=1, hop_s=SPARSE_S, find_duplicates=False)
    folder = export(config, workspace, Library.of(workspace))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    n_clips = len(list(folder.rglob("*.png")))
    log.info(
        "%g hours, %d clips: peak %.0f MB (%.0f before)", hours, n_clips, peak / 1e3, before / 1e3
    )


def _workers(workspace: Workspace) -> None:
    took = {}
    for n_workers in (1, 2):
        with _cluster(n_workers) as address:
            config = ExportConfig(f"warm{n_workers}", scheduler=address, find_duplicates=False)
            export(config, workspace, Library.of(workspace))  # workers have loaded everything
            start = time.perf_counter()
            config = ExportConfig(f"with{n_workers}", scheduler=address, find_duplicates=False)
            export(config, workspace, Library.of(workspace))
            took[n_workers] = time.perf_counter() - start
            log.info("%d worker processes: %.1f s", n_workers, took[n_workers])
    log.info("two against one: %.2f", took[1] / took[2])


@contextmanager
def _cluster(n_workers: int):
    """A scheduler and worker processes of one thread each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", address.rsplit(":", 1)[1]]
    worker = ["dask_worker", address, "--nthreads", "1", "--no-nanny"]
    started = []
    try:
        for command in (scheduler, *[worker] * n_workers):
            arguments = [sys.executable, "-m", f"distributed.cli.{command[0]}", *command[1:]]
            started.append(
                subprocess.Popen(
                    [*arguments, "--no-dashboard"],
                    cwd=PROJECT,
                    env={**os.environ, "PYTHONPATH": str(PROJECT)},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        yield address
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    run(main)
