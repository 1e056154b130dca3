"""Segments on tiers, as Praat and ELAN have them: no two intervals of a tier overlap.

Sections and violin passages have a tier each. What lies over another segment of its lane (someone
else's mark, a proposal) goes to a second tier, "sections 2", and so on. What is said of the
segments of a tier stands on tiers beside it, "sections: raga", in intervals of the same edges.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from core.exchange.marks import FIELDS, Mark, field_named, fields_of
from core.records import Segment

_BESIDE = re.compile(r"(?P<tier>.*): (?P<field>[^:]+)")


@dataclass(frozen=True, order=True)
class Interval:
    """A labelled stretch of a tier, in seconds."""

    start_s: float
    end_s: float
    text: str
    where: str = ""


@dataclass(frozen=True)
class Tier:
    """A named row of intervals."""

    name: str
    intervals: tuple[Interval, ...]


def tiers_of(segments: Iterable[Segment]) -> list[Tier]:
    """The tiers that hold these segments; times are rounded to milliseconds, as ELAN has them."""
    tiers = []
    for name, row in _rows(segments).items():
        tiers.append(Tier(name, tuple(_interval(each, each.section) for each in row)))
        said = [(each, fields_of(each)) for each in row]  # a draft is what says nothing
        for beside in FIELDS:
            texts = [
                _interval(each, has[beside])
                for each, has in said
                if beside in has and (beside, has[beside]) != ("status", "draft")
            ]
            if texts:
                tiers.append(Tier(f"{name}: {beside}", tuple(texts)))
    return tiers


def marks_of(tiers: Iterable[Tier]) -> list[Mark]:
    """What the tiers mark.

    A tier that is named like a field says it of the marks whose middle it covers: of those of the
    tier it stands beside, or else of all.
    """
    said, marked = [], []
    for tier in tiers:
        beside = _BESIDE.fullmatch(tier.name)
        name = field_named(beside["field"] if beside else tier.name)
        if name is None:
            marked.append(tier)
        else:
            said.append((beside["tier"] if beside else None, name, tier))
    return [
        Mark(each.start_s, each.end_s, each.text, each.where, fields, tier.name)
        for tier in marked
        for each, fields in _with_fields(tier, said)
    ]


def _with_fields(tier: Tier, said: list[tuple[str | None, str, Tier]]):
    beside = []
    for owner, name, other in said:
        if owner in (None, tier.name):
            row = sorted(each for each in other.intervals if each.start_s < each.end_s)
            beside.append((name, row, [each.start_s for each in row]))
    for each in tier.intervals:
        middle = (each.start_s + each.end_s) / 2
        fields = {}
        for name, intervals, starts in beside:
            i = bisect_right(starts, middle) - 1
            if i >= 0 and middle < intervals[i].end_s:
                fields[name] = intervals[i].text
        yield each, fields


def _rows(segments: Iterable[Segment]) -> dict[str, list[Segment]]:
    rows: dict[str, list[Segment]] = {}
    ends: dict[str, list[int]] = {}
    for segment in sorted(segments, key=lambda each: (each.start_s, each.end_s)):
        lane = ends.setdefault(segment.lane, [])
        start = _milliseconds(segment.start_s)
        k = next((k for k, end in enumerate(lane) if end <= start), len(lane))
        if k == len(lane):
            lane.append(0)
        lane[k] = _end(segment)
        rows.setdefault(segment.lane if k == 0 else f"{segment.lane} {k + 1}", []).append(segment)
    return rows


def _interval(segment: Segment, text: str) -> Interval:
    return Interval(_milliseconds(segment.start_s) / 1000, _end(segment) / 1000, text)


def _end(segment: Segment) -> int:
    """At least a millisecond after the start, since no interval may be empty."""
    return max(_milliseconds(segment.end_s), _milliseconds(segment.start_s) + 1)


def _milliseconds(time_s: float) -> int:
    return round(1000 * time_s)
