"""Train the shipped model from sample concerts: rows, networks, temperature, trust.

python -m core.segmentation bootstrap --cache DIR      renders what the cache lacks, then fits
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.segmentation import mridangam
from core.segmentation.context import GROUPS, columns_of, features, near
from core.segmentation.fitting import Rows, calibrated, fit
from core.segmentation.frames import FRAMES_PER_S
from core.segmentation.listening import NAMES, Heard
from core.segmentation.model import FREE, Model, in_order
from core.segmentation.network import Network
from core.segmentation.repetition import NAMES as REPETITION
from core.segmentation.repetition import SHORTEST_S
from core.segmentation.schooling import CHECK, LEADS, TRAIN, Lesson, lessons
from core.segmentation.seconds import PULSE, pulse

_EVERY_S = 3  # of neighbouring rows one says what the others say
_EDGE_S = 2  # seconds about a boundary belong to neither
_CROPS = 3  # excerpts of each lesson, 6 to 60 s, heard as if they were all there is
KEPT_ROWS = 2600


def from_scratch(cache: Path, concerts: int, tell: Callable[[str], None]) -> Model:
    """Render and hear what `cache` lacks, fit on it, calibrate on a fifth as many other lessons."""
    taught = lessons(range(TRAIN, TRAIN + concerts), cache, tell=tell)
    check = lessons(range(CHECK, CHECK + concerts // 5), cache, tell=tell)
    model = train(taught, check)
    about = {"lessons": len(taught), "hours": round(sum(map(_hours, taught)), 2)}
    return replace(model, about=about)


def _hours(lesson: Lesson) -> float:
    return lesson.heard.duration_s / 3600


def lead_rows(lessons: Sequence[Lesson]) -> Rows:
    """Who leads, for the lead classifier."""
    parts = []
    for number, lesson in enumerate(lessons):
        said = np.isin(lesson.leads, LEADS)
        said &= ~_changes(lesson.leads)
        said[np.arange(len(said)) % 2 == 1] = False
        parts.append(_rows(near(lesson.heard), lesson.leads, said, number))
    return _together(parts)


def section_rows(lessons: Sequence[Lesson], lead: Network, crops: int = _CROPS) -> Rows:
    """Which section, for the section classifier; excerpts included."""
    parts = []
    for number, lesson in enumerate(lessons):
        rng = np.random.default_rng(number)
        for heard, sections in [(lesson.heard, lesson.sections), *_crops(lesson, crops, rng)]:
            leads = in_order(lead.probabilities(near(heard)), lead.classes, LEADS)
            said = (sections != "") & ~_changes(sections)
            said[(np.arange(len(said)) + number) % _EVERY_S != 0] = False
            taught = np.where(sections == "violin", FREE, sections)
            parts.append(_rows(features(heard, leads), taught, said, number))
    return _together(parts)


def _crops(lesson: Lesson, n: int, rng: np.random.Generator):
    for _ in range(n):
        length = int(np.exp(rng.uniform(np.log(6), np.log(60))))
        start = int(rng.integers(max(1, len(lesson.heard) - length)))
        part = slice(start, start + length)
        yield cropped(lesson.heard, part), lesson.sections[part]


def cropped(heard: Heard, part: slice) -> Heard:
    """A stretch as if it were the whole recording."""
    rows = heard.rows[part].copy()
    onset = heard.onset[int(part.start * FRAMES_PER_S) : int(part.stop * FRAMES_PER_S)]
    rows[:, [NAMES.index(name) for name in PULSE]] = pulse(onset, len(rows))
    if len(rows) < SHORTEST_S:
        rows[:, [NAMES.index(name) for name in REPETITION]] = 0
    return Heard(rows, onset, float(len(rows)))


def _rows(x: np.ndarray, y: np.ndarray, said: np.ndarray, number: int) -> Rows:
    n = int(said.sum())
    return Rows(x[said], y[said], np.full(n, number), np.ones(n))


def _together(parts: list[Rows]) -> Rows:
    return Rows(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.of for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _changes(labels: np.ndarray) -> np.ndarray:
    """Seconds next to a boundary."""
    near_one = np.zeros(len(labels), bool)
    for at in np.flatnonzero(labels[1:] != labels[:-1]) + 1:
        near_one[max(0, at - _EDGE_S) : at + _EDGE_S] = True
    return near_one


def groups() -> list[np.ndarray]:
    """Features that are hidden together now and then."""
    return [columns_of(name) for name in GROUPS]


def train(lessons: Sequence[Lesson], check: Sequence[Lesson], alpha: float = 0.3) -> Model:
    """The model of these lessons, calibrated on `check`."""
    lead = calibrated(fit(lead_rows(lessons), [], alpha=alpha), lead_rows(check))
    rows = section_rows(lessons, lead)
    section = calibrated(fit(rows, groups(), alpha=alpha), section_rows(check, lead))
    drum = mridangam.fit([(lesson.heard, lesson.segments) for lesson in lessons])
    model = Model(lead, section, drum, (0.0, 1.0, 0.0), sampled(rows, KEPT_ROWS))
    return replace(model, trust=trusted(model, check))


def sampled(rows: Rows, n: int, seed: int = 0) -> Rows:
    """At most `n` rows, every section alike as far as there are so many."""
    rng = np.random.default_rng(seed)
    names = np.unique(rows.y)
    chosen = []
    for name in names:
        places = np.flatnonzero(rows.y == name)
        chosen.append(rng.permutation(places)[: max(1, n // len(names))])
    return rows[np.sort(np.concatenate(chosen))]


def trusted(model: Model, check: Sequence[Lesson]) -> tuple[float, float, float]:
    """How far a segment's mean probability is to be believed (logistic, on whole suggestions)."""
    from core.segmentation.suggesting import trust_of

    return trust_of(model, check)
