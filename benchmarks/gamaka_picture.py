"""The README's picture of one gamaka before the codec and after it, with the contour of both.

python benchmarks/gamaka_picture.py     writes assets/gamaka-round-trip.png
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.codec_measures import GAMAKA_HZ, contour, gamaka
from core.command import run
from core.spectrogram import svara
from core.workspace import ASSETS, replacing

SA_HZ, SHOWN_S = 220.0, (1.0, 2.6)  # the shaken tone is its Pa


def main(out: Path = ASSETS / "gamaka-round-trip.png") -> str:
    """Draw it, and say how far the two contours lie apart."""
    codec = svara(SA_HZ)
    y, cents = gamaka(codec.sr)
    image = codec.encode(y)
    back = codec.decode(image)
    times_s, heard = contour(back, codec.sr)
    truth = np.interp(times_s, np.arange(len(cents)) / codec.sr, cents)
    _draw(out, codec, image, codec.encode(back), (times_s, truth, heard))
    inside = (times_s > SHOWN_S[0]) & (times_s < SHOWN_S[1])
    error = np.abs(heard - truth)[inside]
    apart = np.percentile(error, [50, 90])
    return f"median {apart[0]:.1f} cents apart, nine tenths within {apart[1]:.1f}"


def _draw(out: Path, codec, before: np.ndarray, after: np.ndarray, heard: tuple) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(11, 3.4), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    columns = [round(s * codec.sr / codec.hop_length) for s in SHOWN_S]
    rows = slice(60, 210)
    low, high = codec.row_cents[rows][-1], codec.row_cents[rows][0]
    panels = figure.subplots(1, 3)
    for axes, image, title in zip(panels, (before, after), ("drawn", "drawn again"), strict=False):
        shown = image[rows, slice(*columns)]
        axes.imshow(shown, aspect="auto", cmap="magma", extent=(*SHOWN_S, low, high))
        axes.set_title(f"{title}: cents above Sa")
        axes.set_xlabel("seconds")
    times_s, truth, found = heard
    panels[2].plot(times_s, truth, color="0.6", lw=4, label="before")
    panels[2].plot(times_s, found, color="tab:red", lw=1.2, label="after")
    panels[2].set_xlim(*SHOWN_S)
    panels[2].set_title(f"cents above {GAMAKA_HZ:g} Hz")
    panels[2].set_xlabel("seconds")
    panels[2].legend(loc="upper right")
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with replacing(out) as part:
        drawn.quantize(64).save(part, "PNG", optimize=True)


if __name__ == "__main__":
    run(main)
