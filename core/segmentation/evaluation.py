"""How right suggestions are: by seconds, by boundaries, and by how sure they were.

Two lanes may overlap, so each section is scored by itself: F1 of its seconds over all recordings,
then the mean over sections (macro-F1, weighted by duration within each). Boundaries by mir_eval
(hits within 3 s, the ends of the file not counted).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.records import SECTIONS, SectionName, Segment

SCORED: tuple[SectionName, ...] = (
    "alapanai", "kriti", "neraval", "kalpanaswaram", "tani avartanam", "violin",
)  # fmt: skip
WINDOW_S = 3.0


@dataclass(frozen=True)
class Truth:
    """What is so in one recording, and where it is known at all.

    said : np.ndarray [shape=(n_seconds, 12), bool], by SECTIONS
    known : np.ndarray [shape=(n_seconds,), bool]
    """

    said: np.ndarray
    known: np.ndarray


def by_second(segments: Sequence[Segment], n_seconds: int) -> np.ndarray:
    """Which sections each second is in, (n_seconds, 12) bool; anything with times and a section."""
    said = np.zeros((n_seconds, len(SECTIONS)), bool)
    for each in segments:
        said[round(each.start_s) : round(each.end_s), SECTIONS.index(each.section)] = True
    return said


def truth_of(segments: Sequence[Segment], n_seconds: int) -> Truth:
    """The truth as far as these segments say it."""
    said = by_second(segments, n_seconds)
    return Truth(said, said.any(axis=1))


def f1(truths: Sequence[Truth], estimates: Sequence[np.ndarray]) -> dict[str, float]:
    """F1 of the seconds of each section that occurs in the truth or the estimates, all together."""
    hits, told, true = (np.zeros(len(SECTIONS)) for _ in range(3))
    for truth, estimate in zip(truths, estimates, strict=True):
        said, estimate = truth.said[truth.known], estimate[truth.known]
        hits += (said & estimate).sum(axis=0)
        told += estimate.sum(axis=0)
        true += said.sum(axis=0)
    return {
        name: float(2 * hits[i] / (told[i] + true[i]))
        for i, name in enumerate(SECTIONS)
        if true[i] > 0
    }


def macro(scores: Mapping[str, float], sections: Sequence[str] = SCORED) -> float:
    """The mean over those of `sections` that occur."""
    found = [scores[name] for name in sections if name in scores]
    return float(np.mean(found)) if found else 0.0


def right_seconds(truth: Truth, estimate: np.ndarray) -> float:
    """The share of known seconds whose sections are exactly those told, 0..1."""
    if not truth.known.any():
        return 0.0
    return float((truth.said == estimate)[truth.known].all(axis=1).mean())


def boundary_f(segments: Sequence[Segment], estimates: Sequence, duration_s: float) -> float:
    """F-measure of boundaries within 3 s (mir_eval), 0..1."""
    from mir_eval.segment import detection

    reference, estimated = (_intervals(each, duration_s) for each in (segments, estimates))
    if len(reference) == 1 and len(estimated) == 1:
        return 1.0
    return float(detection(reference, estimated, window=WINDOW_S, trim=True)[2])


def _intervals(segments: Sequence, duration_s: float) -> np.ndarray:
    """The recording cut at every start and end, (n, 2)."""
    edges = {0.0, duration_s}
    for each in segments:
        edges |= {float(each.start_s), min(float(each.end_s), duration_s)}
    at = np.array(sorted(edges))
    at = at[np.concatenate([[True], np.diff(at) > 1e-3])]
    return np.column_stack([at[:-1], at[1:]])


def reliability(confidences: np.ndarray, right: np.ndarray, n_bins: int = 5) -> float:
    """Expected calibration error: how far confidence and success lie apart, 0 none (Guo 2017)."""
    if not len(confidences):
        return 0.0
    place = np.minimum((confidences * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(confidences[place == i].mean() - right[place == i].mean()) * (place == i).sum()
        for i in np.unique(place)
    ]
    return float(np.sum(gaps) / len(confidences))
