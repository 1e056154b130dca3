"""From what the model says of each second to sections with a confidence and a reason.

    Heard --suggest--> Suggestions      the concert, cut; violin passages in a layer of their own

A confidence is the probability that most of the suggested stretch is what it is called, as counted
on sample concerts the model had not heard; what is unlike all of them is believed less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import AudioError
from core.records import SECTIONS, VIOLIN_LANE, SectionName, Segment
from core.segmentation import mridangam
from core.segmentation.boundaries import refined
from core.segmentation.decoding import Span, decode
from core.segmentation.listening import Heard
from core.segmentation.model import LIKE_LESSONS, Model, Said
from core.segmentation.reasons import reason
from core.segmentation.statistics import Statistics, measured
from core.segmentation.violin import passages

if TYPE_CHECKING:
    from core.segmentation.schooling import Lesson

WEIGHT = 0.7  # of a second's evidence: neighbouring seconds say nearly the same
_LEAST_WEIGHT = 5.0  # of all seconds together: a few seconds are one witness, not none
_COMMON = 0.2
_FLOOR = 0.004  # no second rules anything out
_SUREST = 0.97
_UNSURE = 0.3  # taken from it where the sound is unlike every lesson
_SHORT_S = 15.0  # a file of so many seconds is believed half
_MOSTLY = 0.5
_HALLS = (0.0, 0.3, 0.6, 1.0, 1.4)  # standard deviations by which everything heard is off


@dataclass(frozen=True)
class Suggestion:
    """One stretch; times in seconds, confidence and mridangam level 0..1."""

    start_s: float
    end_s: float
    section: SectionName
    confidence: float
    reason: str
    mridangam_level: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def suggest(
    heard: Heard, model: Model, statistics: Statistics | None = None, *, said: Said | None = None
) -> list[Suggestion]:
    """Cut a recording into sections.

    Raises
    ------
    AudioError
        If there is nothing to hear.
    """
    if heard.is_silent:
        raise AudioError(
            f"All {heard.duration_s:.0f} s are silent (below -80 dB), so there is nothing to "
            "suggest. Check the file, or its level."
        )
    said = said or model.say(heard)
    known = statistics or measured()
    spans = decode(evidence(said, known), known)
    spans = refined(spans, heard, said.leads)
    found = [_suggestion(span, heard, said, model) for span in spans]
    layer = passages(said.leads, [(each[0], each[1], SECTIONS[each[2]]) for each in spans])
    found += [_passage(each, heard, said, model) for each in layer]
    return sorted(found, key=lambda each: (each.start_s, each.section == VIOLIN_LANE))


def evidence(said: Said, statistics: Statistics | None = None) -> np.ndarray:
    """What each second says for each section, in nats, (n_seconds, 12).

    The classifier was taught all sections alike; part of how common each is in real concerts is
    given back (all of it would have been, were its probabilities right there).
    """
    shares = (statistics or measured()).shares
    weight = max(WEIGHT, _LEAST_WEIGHT / len(said.sections))
    weight = weight / np.sqrt(np.maximum(1, said.strangeness))  # the unheard-of says less
    return weight[:, None] * (np.log(said.sections + _FLOOR) + _COMMON * (shares - shares.max()))


def segments(found: Sequence[Suggestion], recording_id: str) -> list[Segment]:
    """Suggestions as draft segments of a recording."""
    return [
        Segment(
            recording_id,
            each.start_s,
            each.end_s,
            each.section,
            origin="suggested",
            confidence=each.confidence,
            note=each.reason,
            mridangam_level=each.mridangam_level,
        )
        for each in found
    ]


def _suggestion(span: Span, heard: Heard, said: Said, model: Model) -> Suggestion:
    first, last, section = span
    p = float(said.sections[first:last, section].mean())
    strange = float(said.strangeness[first:last].mean())
    confidence = believed(p, strange, model.trust) * _of_length(heard)
    return _told(span, confidence, heard, said, model)


def _passage(passage: tuple[int, int, float], heard: Heard, said: Said, model: Model):
    first, last, p = passage
    strange = float(said.strangeness[first:last].mean())
    confidence = believed(p, strange, model.trust) * _of_length(heard)
    return _told((first, last, SECTIONS.index(VIOLIN_LANE)), confidence, heard, said, model)


def _told(span: Span, confidence: float, heard: Heard, said: Said, model: Model) -> Suggestion:
    first, last, section = span
    end_s = heard.duration_s if last >= len(heard) else float(last)
    level = mridangam.level(model.drum, heard, first, last)
    why = reason(SECTIONS[section], heard, said.leads, (first, last, level))
    return Suggestion(float(first), end_s, SECTIONS[section], round(confidence, 3), why, level)


def _of_length(heard: Heard) -> float:
    """Of a short file too little is heard to be sure."""
    return heard.duration_s / (heard.duration_s + _SHORT_S)


def believed(p: float, strange: float, trust: tuple[float, float, float]) -> float:
    """The confidence of a stretch whose seconds are of its section with mean probability `p`."""
    offset, slope, of_strange = trust
    sure = offset + slope * _logit(p) + of_strange * _log_strange(strange)
    surest = _SUREST - _UNSURE * min(1.0, max(0.0, strange - LIKE_LESSONS))
    return float(min(surest, 1 / (1 + np.exp(-sure))))


def _logit(p: float) -> float:
    p = min(max(p, 1e-3), 1 - 1e-3)
    return float(np.log(p / (1 - p)))


def _log_strange(strange: float) -> float:
    return float(np.log(0.2 + strange))


def trust_of(model: Model, lessons: Sequence["Lesson"]) -> tuple[float, float, float]:
    """Fit `believed` to how often suggestions were right (logistic regression, two features).

    Each lesson is also heard as if in other halls, by other players: a real concert is farther from
    the lessons than they are from each other, and it is there that confidence must be right.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x, y = [], []
    for lesson in lessons:
        for far in _HALLS if not lesson.heard.is_silent else ():
            moved = rng.normal(0, far, len(model.section.mean))
            said = model.say(lesson.heard, moved=moved)
            for first, last, section in decode(evidence(said), measured()):
                truth = lesson.sections[first:last]
                p = float(said.sections[first:last, section].mean())
                strange = float(said.strangeness[first:last].mean())
                x.append((_logit(p), _log_strange(strange)))
                y.append(bool((truth == SECTIONS[section]).mean() > _MOSTLY))
    if len(set(y)) < 2:
        return 0.0, 1.0, -1.0
    fitted = LogisticRegression(C=1.0).fit(np.array(x), y)
    (slope, of_strange), (offset,) = fitted.coef_[0], fitted.intercept_
    return float(offset), max(0.2, float(slope)), min(-0.2, float(of_strange))
