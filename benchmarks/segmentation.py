"""Suggested sections: how right, on what, with what left out, how fast, how they learn.

    python benchmarks/segmentation.py --cache lessons             the whole table
    python benchmarks/segmentation.py --cache lessons --parts speed real

Held-out concerts are sample concerts of seeds that no model was trained or calibrated on; "unseen"
ones besides have a flute or a ghatam, which no lesson had, in one large hall, as 64 kbit/s mp3.
Lessons are rendered into --cache once. Real recordings are read from $STUDIO_MATERIAL or
../shared/data.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from core import audio
from core.command import run
from core.records import SECTIONS
from core.segmentation import learning
from core.segmentation.boundaries import refined
from core.segmentation.context import GROUPS, columns_of
from core.segmentation.decoding import decode
from core.segmentation.evaluation import (
    SCORED,
    boundary_f,
    by_second,
    f1,
    macro,
    reliability,
    truth_of,
)
from core.segmentation.listening import SR, Heard, listen, listen_to
from core.segmentation.model import SHIPPED, Model, Said
from core.segmentation.schooling import HELD_OUT, UNSEEN, Lesson, lessons
from core.segmentation.statistics import measured
from core.segmentation.suggesting import evidence, suggest
from core.workspace import PROJECT

PARTS = ("held-out", "left-out", "real", "speed", "curve")
Told = list[tuple[float, float, str]]  # start, end, section

SAY = "{:34} {:>8} {:>10}  {}"


def main(
    cache: Path = Path("lessons"),
    concerts: int = 12,
    parts: tuple[str, ...] = PARTS,
    model: Path = SHIPPED,
) -> None:
    """Print the figures.

    Parameters
    ----------
    cache
        Where lessons are kept.
    concerts
        Seeds of each kind; every seventh is no concert and counts against false certainty.
    parts
        Any of held-out, left-out, real, speed, curve.
    model
        The model to measure.
    """
    found = Model.load(model)
    print(f"model {model.name}, {model.stat().st_size / 1e6:.2f} MB, {found.about}\n")
    asked = {"held-out", "curve"} & {*parts}
    far = lessons(range(UNSEEN, UNSEEN + concerts), cache) if asked else []
    if "held-out" in parts or "left-out" in parts:
        held = lessons(range(HELD_OUT, HELD_OUT + concerts), cache)
        print(SAY.format("", "macro-F1", "boundary F", "F1 of " + ", ".join(SCORED)))
        if "held-out" in parts:
            _held_out(found, held, far)
        if "left-out" in parts:
            _left_out(found, held)
    if "real" in parts:
        _real(found)
    if "speed" in parts:
        _speed()
    if "curve" in parts:
        _curve(found, far)


def _held_out(model: Model, held: list[Lesson], far: list[Lesson]) -> None:
    _row("held-out sample concerts", held, lambda each: _suggested(each, model))
    _row("unseen instruments, hall, mp3", far, lambda each: _suggested(each, model))
    _row(
        "  beside, on the held-out: all kriti", held, lambda e: [(0.0, e.heard.duration_s, "kriti")]
    )
    _row("  durations and transitions alone", held, lambda each: _by_statistics(each))
    _row("  rules by hand", held, lambda each: _by_rules(each.heard))
    _row("  each second by itself", held, lambda each: _undecoded(each, model))
    for name, some in (("held-out", held), ("unseen", far)):
        confidences, right = _confidences(some, model)
        sure = confidences >= 0.8
        print(
            f"{name}: expected calibration error {reliability(confidences, right):.3f}; of "
            f"{len(right)} suggestions {sure.mean():.0%} are at least 0.8 sure, "
            f"and {right[sure].mean():.0%} of those right"
        )


def _left_out(model: Model, held: list[Lesson]) -> None:
    print("without one group of features (hidden from the model as it is)")
    for group in GROUPS:
        hidden = columns_of(group)
        _row(f"  without {group}", held, lambda e, h=hidden: _of_said(e, model.say(e.heard, h)))


def _row(name: str, some: list[Lesson], tell: Callable[[Lesson], Told]) -> None:
    concerts = [each for each in some if each.name.startswith("sample")]
    told = [[_Span(*span) for span in tell(each)] for each in concerts]
    truths = [truth_of(each.segments, len(each.heard)) for each in concerts]
    estimates = [by_second(t, len(e.heard)) for t, e in zip(told, concerts, strict=True)]
    scores = f1(truths, estimates)
    edges = [
        boundary_f(each.segments, spans, each.heard.duration_s)
        for each, spans in zip(concerts, told, strict=True)
    ]
    by_section = " ".join(f"{scores.get(name, np.nan):.2f}" for name in SCORED)
    print(SAY.format(name, f"{macro(scores):.3f}", f"{np.mean(edges):.3f}", by_section))


class _Span:
    def __init__(self, start_s: float, end_s: float, section: str):
        self.start_s, self.end_s, self.section = start_s, end_s, section


def _suggested(lesson: Lesson, model: Model) -> Told:
    return [(each.start_s, each.end_s, each.section) for each in suggest(lesson.heard, model)]


def _of_said(lesson: Lesson, said: Said) -> Told:
    spans = refined(decode(evidence(said), measured()), lesson.heard, said.leads)
    return [(float(a), float(b), SECTIONS[k]) for a, b, k in spans]


def _by_statistics(lesson: Lesson) -> Told:
    blind = np.zeros((len(lesson.heard), len(SECTIONS)))
    return [(float(a), float(b), SECTIONS[k]) for a, b, k in decode(blind, measured())]


def _undecoded(lesson: Lesson, model: Model) -> Told:
    best = model.say(lesson.heard).sections.argmax(axis=1)
    return _runs([SECTIONS[k] for k in best])


def _by_rules(heard: Heard) -> Told:
    """What one would write in an afternoon: percussion, pulse and voicing, smoothed."""

    def smooth(name: str) -> np.ndarray:
        return np.convolve(heard.column(name), np.ones(15) / 15, "same")

    clapping = smooth("flatness") > 0.4
    free = (smooth("pulse kept") < 0.65) | (smooth("beat") < 0.2)
    drums = (smooth("tone") < 0.35) | (smooth("onset") > 1.3)
    names = np.where(free, "alapanai", "kriti")
    names = np.where(~free & drums, "tani avartanam", names)
    return _runs(np.where(clapping, "applause", names).tolist())


def _runs(names: list[str]) -> Told:
    edges = [0, *(i for i in range(1, len(names)) if names[i] != names[i - 1]), len(names)]
    return [(float(a), float(b), names[a]) for a, b in pairwise(edges)]


def _confidences(some: list[Lesson], model: Model) -> tuple[np.ndarray, np.ndarray]:
    confidences, right = [], []
    for lesson in (each for each in some if not each.heard.is_silent):
        for each in suggest(lesson.heard, model):
            truth = lesson.sections[
                int(each.start_s) : max(round(each.end_s), int(each.start_s) + 1)
            ]
            confidences.append(each.confidence)
            right.append(float((truth == each.section).mean() > 0.5))
    return np.array(confidences), np.array(right)


def _real(model: Model) -> None:
    folder = Path(os.environ.get("STUDIO_MATERIAL") or PROJECT.parent / "shared" / "data") / "audio"
    if not folder.is_dir():
        print(f"\nno real recordings in {folder}: set STUDIO_MATERIAL")
        return
    print("\nreal recordings: share of seconds called tani avartanam, mean confidence, sections")
    right = total = 0.0
    for name in ("mridangam", "aavu-v2", "mixtures", "karadifilms"):
        seconds = np.zeros(len(SECTIONS))
        sure = 0.0
        for heard in _heard_in(folder / name, end_to_end=name == "aavu-v2"):
            for each in suggest(heard, model):
                if each.section != "violin" or not seconds.any():
                    seconds[SECTIONS.index(each.section)] += each.duration_s
                    sure += each.confidence * each.duration_s
        tani = seconds[SECTIONS.index("tani avartanam")]
        right += tani if name == "mridangam" else seconds.sum() - tani
        total += seconds.sum()
        kinds = {SECTIONS[i]: round(float(s)) for i, s in enumerate(seconds) if s}
        print(f"  {name:12} {tani / seconds.sum():.2f}  {sure / seconds.sum():.2f}  {kinds}")
    print(f"  percussion alone against melody: {right / total:.3f} of {total:.0f} s right")


def _heard_in(folder: Path, end_to_end: bool) -> list[Heard]:
    files = sorted(path for path in folder.iterdir() if path.suffix in (".wav", ".m4a", ".mp3"))
    if not end_to_end:
        return [listen(path) for path in files]
    return [listen_to(np.concatenate([audio.load(path, sr=SR)[0] for path in files]), SR)]


def _speed() -> None:
    """Three hours of a sample concert as mp3, cut by the command in a process of its own."""
    from core.synthesis import render

    with tempfile.TemporaryDirectory() as folder:
        path, table = Path(folder) / "three-hours.mp3", Path(folder) / "sections.csv"
        concert = render(1, 10.0)
        audio.write(path, concert.y, concert.sr)
        n_times = round(3 * 3600 * concert.sr / len(concert.y))
        path.write_bytes(path.read_bytes() * n_times)  # mp3s end to end are an mp3
        length_s = n_times * len(concert.y) / concert.sr
        command = [sys.executable, "-m", "core.segmentation", "suggest", str(path)]
        start = time.perf_counter()
        subprocess.run([*command, "--out", str(table)], check=True, cwd=PROJECT)
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        last_s = float(table.read_text().splitlines()[-1].split(",")[1])
        print(
            f"\n{length_s / 3600:.2f} hours of mp3 ({last_s / 3600:.2f} heard): "
            f"{length_s / wall:.0f} times real time ({length_s / used.ru_utime:.0f} by processor "
            f"time of one core), peak memory {used.ru_maxrss / 1024:.0f} MB",
            flush=True,
        )


def _curve(model: Model, far: list[Lesson]) -> None:
    """Half of the unseen concerts are approved one after another, the other half ask."""
    concerts = [each for each in far if each.name.startswith("sample")]
    asked, taught = concerts[: len(concerts) // 2], concerts[len(concerts) // 2 :]
    truths = [truth_of(each.segments, len(each.heard)) for each in asked]
    print(f"\nlearning curve: macro-F1 on {len(asked)} unseen concerts")
    for n in (n for n in (0, 2, 5, 10) if n <= len(taught) or n == 5):
        found = learning.learned(model, taught[:n]) if n else model
        told = [by_second(suggest(each.heard, found), len(each.heard)) for each in asked]
        n_taught = min(n, len(taught))
        print(
            f"  after {n_taught:2} approved concerts of their style  {macro(f1(truths, told)):.3f}"
        )


if __name__ == "__main__":
    run(main)
