"""A clip as one looks at it: waveform, spectrogram, melody on svara lines, verdict, and downloads.

Everything is drawn as SVG over the clip's own picture, in seconds and cents, so that it is sharp on
any screen and the playhead is one line. The pictures are served, the lines are in the page.
"""

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from core import audio, theory
from core.fields import tonic_name
from core.pitch import FRAME_S
from core.workspace import Workspace
from studio.editor.views import svara_text
from training.clips import SavedClip, clip
from training.ear import Ear, in_words, listened
from training.handing import FORMATS
from training.wish import GenerateConfig

CLIPS = "/gradio_api/studio/clips"
DRONE = "/gradio_api/studio/drone"
ZIP = "/gradio_api/studio/clips-as-zip"
PLAYER = (Path(__file__).parent / "player.js").read_text()

LOW_CENTS, HIGH_CENTS = -700, 2500  # of the melody's panel; voices and violins lie within
WAVE_BINS = 400
NAMES = ("S", "R1", "R2", "G2", "G3", "M1", "M2", "P", "D1", "D2", "N2", "N3")
_KEPT = 64


@dataclass(frozen=True)
class Seen:
    """What the page needs to know of a clip's sound."""

    ear: Ear
    peaks: np.ndarray  # [shape=(WAVE_BINS,), 0..1]


@lru_cache(maxsize=_KEPT)
def _seen(path: Path, config: GenerateConfig) -> Seen:
    y, sr = audio.load(path)
    edges = np.linspace(0, len(y), WAVE_BINS + 1).astype(int)
    peaks = np.array([np.abs(y[a:b]).max(initial=0) for a, b in pairwise(edges)])
    return Seen(listened(y, sr, config), peaks)


def clip_html(workspace: Workspace, clip_id: str | None) -> str:
    """The panel of a clip; a word of what to do where there is none."""
    if not clip_id:
        return '<p class="notice">Choose a raga and press Generate; the music plays here.</p>'
    saved = clip(workspace, clip_id)
    return panel(saved)


def panel(saved: SavedClip) -> str:
    """The panel of a saved clip."""
    seen, config, name = _seen(saved.audio, saved.config), saved.config, escape(saved.id)
    title = " · ".join(filter(None, (config.raga, config.tala, config.section)))
    notes = "".join(f'<p class="hint">{escape(note)}</p>' for note in saved.notes)
    return (
        f'<section class="clip" data-clip="{name}">'
        f"<header><h3>{escape(title)}</h3><p>{escape(saved.prompt)}</p></header>"
        f'<div class="stage" data-seconds="{saved.duration_s:.3f}" tabindex="0" role="slider" '
        f'aria-label="Place in the clip" aria-valuemin="0" aria-valuemax="{saved.duration_s:.0f}">'
        f"{_wave(seen.peaks)}{_melody(saved, seen.ear)}"
        '<i class="head" aria-hidden="true"></i></div>'
        f'<audio controls preload="auto" src="{CLIPS}/{name}/sound"></audio>'
        f"{_drone(saved)}{_verdict(saved, seen.ear)}{notes}{_actions(saved)}</section>"
    )


def _wave(peaks: np.ndarray) -> str:
    scaled = peaks / max(float(peaks.max(initial=0)), 1e-6)
    upper = " ".join(f"{x},{-p:.2f}" for x, p in enumerate(scaled))
    lower = " ".join(f"{x},{p:.2f}" for x, p in reversed(list(enumerate(scaled))))
    return (
        f'<svg class="wave" viewBox="0 -1.05 {len(peaks) - 1} 2.1" preserveAspectRatio="none" '
        f'role="img" aria-label="Waveform"><polygon points="{upper} {lower}"/></svg>'
    )


def _melody(saved: SavedClip, ear: Ear) -> str:
    span = HIGH_CENTS - LOW_CENTS
    lines, labels = [], []
    for name, cents in _lines(ear):
        lines.append(f'<line x1="0" x2="{saved.duration_s:.2f}" y1="{-cents}" y2="{-cents}"/>')
        top = 100 * (HIGH_CENTS - cents) / span
        labels.append(f'<li style="top:{top:.2f}%">{escape(svara_text(name))}</li>')
    return (
        f'<div class="melody"><img alt="Spectrogram" loading="lazy" '
        f'src="{CLIPS}/{escape(saved.id)}/melody">'
        f'<svg viewBox="0 {-HIGH_CENTS} {saved.duration_s:.3f} {span}" preserveAspectRatio="none" '
        f'role="img" aria-label="The melody on svara lines">{"".join(lines)}{_contour(ear)}</svg>'
        f'<ol aria-hidden="true">{"".join(labels)}</ol></div>'
    )


def _lines(ear: Ear):
    """The svaras to draw lines for, with their cents, over all octaves of the panel."""
    names = ear.raga.svaras if ear.raga else ("S", "P")
    for octave, mark in ((-1200, "_"), (0, ""), (1200, "^"), (2400, "^")):
        for name in names:
            cents = theory.SVARAS[name] + octave
            if LOW_CENTS < cents < HIGH_CENTS:
                yield f"{name}{mark}", cents


def _contour(ear: Ear) -> str:
    """One path; it is lifted where there is no melody, or where it leaps."""
    cents = np.where((ear.cents > LOW_CENTS) & (ear.cents < HIGH_CENTS), ear.cents, np.nan)
    steps, last = [], np.nan
    for n, here in enumerate(cents):
        if not np.isnan(here):
            pen = "L" if abs(here - last) < 400 else "M"  # NaN compares false
            steps.append(f"{pen}{n * FRAME_S:.3f} {-here:.0f}")
        last = here
    return f'<path d="{"".join(steps)}"/>' if steps else ""


def _drone(saved: SavedClip) -> str:
    hz = saved.config.tonic_hz
    raga = f"&raga={escape(saved.config.raga)}" if saved.config.raga else ""
    return (
        '<p class="drone"><label><input type="checkbox" data-drone '
        f'data-src="{DRONE}?tonic={hz:.2f}{raga}"> Tanpura at {tonic_name(hz)} ({hz:.1f} Hz)'
        '</label><input type="range" data-drone-level min="0" max="1" step="0.05" value="0.5" '
        'aria-label="Loudness of the tanpura"></p>'
    )


def _verdict(saved: SavedClip, ear: Ear) -> str:
    scores, raga = ear.scores, saved.config.raga
    if not ear.raga:
        return ""
    said = f"<p>{escape(in_words(scores, raga))}</p>"
    meter = ""
    if "adherence" in scores:
        meter = (
            f'<meter min="0" max="100" low="60" high="90" optimum="100" '
            f'value="{scores["adherence"]:.0f}">{scores["adherence"]:.0f} of 100</meter>'
        )
    return f'<div class="verdict">{meter}{said}</div>{_histogram(ear)}'


def _histogram(ear: Ear) -> str:
    """How long it rests on each svara; the raga's own stand out from the rest."""
    seconds = ear.seconds[:12]
    most = max(float(seconds.max(initial=0)), 1e-6)
    own = {theory.SVARAS[svara] // 100: svara for svara in ear.raga.svaras}
    bars = "".join(
        f'<li class="{"own" if place in own else "foreign"}" '
        f'title="{own.get(place, name)}: {seconds[place]:.1f} s">'
        f'<i style="height:{100 * seconds[place] / most:.0f}%"></i>{own.get(place, name)}</li>'
        for place, name in enumerate(NAMES)
    )
    return f'<ol class="svaras" aria-label="Seconds of rest on each svara">{bars}</ol>'


def _actions(saved: SavedClip) -> str:
    name = escape(saved.id)
    links = "".join(
        f'<a href="{CLIPS}/{name}/as/{each}" download="{name}.{each}">{each.upper()}</a>'
        for each in FORMATS
    )
    return (
        f'<footer><span>Download {links}<a href="{CLIPS}/{name}/settings" '
        f'download="{name}.json">Settings</a></span>'
        f"<small>seed {saved.config.seed} · {name}</small>"
        f'<button type="button" data-again="{name}">Use these settings</button>'
        f'<button type="button" data-vary="{name}">Vary</button>'
        f'<button type="button" data-extend="{name}">Continue</button></footer>'
    )
