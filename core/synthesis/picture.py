"""Listen by looking: a stretch of a sample concert as a spectrogram and a pitch contour."""

from pathlib import Path

import numpy as np

from core import theory
from core.command import run
from core.synthesis.concert import SampleConcert, render
from core.synthesis.plan import Item, Plan
from core.workspace import ASSETS, replacing

_HIGHEST_HZ = 5000
_FLOOR_DB = -75
_N_FFT, _HOP = 2048, 240


def draw(concert: SampleConcert, path: Path, start_s: float, end_s: float) -> Path:
    """Draw `start_s` to `end_s`: above the spectrogram, below the melody over its svara lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(11, 6.2), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    _spectrogram(above, concert, start_s, end_s)
    _melody(below, concert, start_s, end_s)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with replacing(path) as part:  # a palette makes the file a third as large
        drawn.quantize(128).save(part, "PNG", optimize=True)
    return path


def _spectrogram(axes, concert: SampleConcert, start_s: float, end_s: float) -> None:
    y = concert.y[int(start_s * concert.sr) : int(end_s * concert.sr)]
    frames = np.lib.stride_tricks.sliding_window_view(y, _N_FFT)[::_HOP] * np.hanning(_N_FFT)
    magnitude = np.abs(np.fft.rfft(frames, axis=1)).T
    shown = magnitude[: _HIGHEST_HZ * _N_FFT // concert.sr]
    db = 20 * np.log10(shown / shown.max() + 1e-6)
    extent = (start_s, end_s, 0, _HIGHEST_HZ / 1000)
    axes.imshow(db, origin="lower", aspect="auto", cmap="magma", vmin=_FLOOR_DB, extent=extent)
    axes.set_ylabel("kHz")
    segment = _segment_at(concert, start_s)
    axes.set_title(f"Sample concert: {segment.section} in raga {_raga(concert, start_s).name}")


def _melody(axes, concert: SampleConcert, start_s: float, end_s: float) -> None:
    shown = (concert.f0_times >= start_s) & (concert.f0_times < end_s)
    hz = np.where(concert.f0_hz > 0, concert.f0_hz, np.nan)[shown]
    cents = 1200 * np.log2(hz / concert.recording.tonic_hz)
    raga = _raga(concert, start_s)
    low, high = np.nanmin(cents) - 120, np.nanmax(cents) + 120
    named = {octave + theory.SVARAS[s]: s for octave in (-1200, 0, 1200) for s in raga.svaras}
    lines = {at: name for at, name in sorted(named.items()) if low < at < high}
    for at, name in lines.items():
        axes.axhline(at, color="tab:red" if name == "S" else "0.8", lw=0.8, zorder=0)
    axes.plot(concert.f0_times[shown], cents, color="tab:blue", lw=1.6)
    axes.set_yticks(list(lines), list(lines.values()))
    axes.set_ylim(low, high)
    axes.set_xlim(start_s, end_s)
    axes.set_xlabel("seconds")


def _segment_at(concert: SampleConcert, time_s: float):
    return next(s for s in concert.segments if s.start_s <= time_s < s.end_s)


def _raga(concert: SampleConcert, time_s: float) -> theory.Raga:
    return theory.raga(_segment_at(concert, time_s).raga or concert.recording.raga)


def main(
    out: Path = ASSETS / "sample-alapanai.png",
    seed: int = 12,
    raga: str = "Todi",
    start_s: float = 18.0,
    end_s: float = 32.0,
) -> None:
    """Draw the README's picture of a sample alapanai."""
    chosen = Plan((Item(raga, "Adi", ("alapanai",)),), lead="voice")
    draw(render(seed, 1.0, chosen), out, start_s, end_s)


if __name__ == "__main__":
    run(main)
