"""Which of a file's marks are meant: of which tiers and recording, from when to when."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby

from core import theory
from core.edits import clock
from core.errors import AnnotationError, TheoryError
from core.exchange.marks import Faults, Mark
from core.exchange.reading import Found
from core.records import Recording, SectionName


@dataclass(frozen=True)
class Wishes:
    """How a file is to be taken."""

    answers: Mapping[str, str] = field(default_factory=dict)  # label -> section, "" to leave out
    tiers: tuple[str, ...] = ()  # only these; if empty, those that name sections
    replace: bool = False  # what this annotator had here gives way
    annotator: str | None = None  # whose the regions are where the file does not say
    points: bool = False  # points are where sections begin; each lasts until the next


@cache
def known_section(label: str) -> SectionName | None:
    """The section that a label names in any spelling, if it names one."""
    try:
        return theory.section(label)
    except TheoryError:
        return None


def wanted(found: Found, recording: Recording, wishes: Wishes, notes: list[str]) -> list[Mark]:
    """The marks that are meant, each with a start and an end; what is left out is noted.

    Raises
    ------
    AnnotationError
        If the file has no such tiers, is about other recordings, or has impossible times.
    """
    groups = {tier: list(marks) for tier, marks in _grouped(found.marks)}
    if wishes.tiers:
        missing = [name for name in wishes.tiers if name not in groups]
        if missing:
            raise AnnotationError(
                f"The file has no tier {missing[0]!r}. It has: {', '.join(map(repr, groups))}."
            )
        groups = {tier: groups[tier] for tier in wishes.tiers}
    else:
        groups = _about(recording, found, groups, notes)
        groups = _regions(groups, wishes, notes)
        groups = _naming(groups, wishes, notes)
    chosen = set(groups)
    marks = [mark for mark in found.marks if mark.tier in chosen]
    if wishes.points:
        marks = _lasting(marks, recording)
    _check_times(marks)
    return marks


def has_points(found: Found) -> bool:
    """Whether the file marks points of time too, which may be where sections begin."""
    return any(mark.start_s == mark.end_s for mark in found.marks)


Groups = dict[str, list[Mark]]


def _grouped(marks: Iterable[Mark]):
    tiers = {mark.tier: n for n, mark in reversed(list(enumerate(marks)))}
    return groupby(sorted(marks, key=lambda mark: tiers[mark.tier]), key=lambda mark: mark.tier)


def _about(recording: Recording, found: Found, groups: Groups, notes: list[str]) -> Groups:
    """Of a file about several recordings, what is about this one."""
    names = {tier.partition(": ")[0] for tier in groups}
    if not found.format.is_by_recording or len(names) < 2:
        return groups
    ours = names & _names_of(recording)
    if not ours:
        raise AnnotationError(
            f"This file is about {len(names)} recordings ({', '.join(sorted(names)[:5])} ...), "
            "none of them called like this one. Choose the tiers that are about it."
        )
    kept = {tier: marks for tier, marks in groups.items() if tier.partition(": ")[0] in ours}
    left = sum(map(len, groups.values())) - sum(map(len, kept.values()))
    notes.append(f"What is about other recordings is left out (regions: {left}).")
    return kept


def _names_of(recording: Recording) -> set[str]:
    source = recording.source.replace("\\", "/").rpartition("/")[2]
    return {recording.id, recording.title, source, source.rpartition(".")[0]} - {""}


def _regions(groups: Groups, wishes: Wishes, notes: list[str]) -> Groups:
    """Without tiers of points (beats, tones), if there are others."""
    regions = {
        tier: marks
        for tier, marks in groups.items()
        if wishes.points or any(mark.end_s > mark.start_s for mark in marks)
    }
    return _without(groups, regions, "has no regions", notes)


def _naming(groups: Groups, wishes: Wishes, notes: list[str]) -> Groups:
    """Without tiers in which nothing is called like a section (words, phones), if there are others.

    Choosing such a tier asks what its labels mean.
    """
    naming = {
        tier: marks
        for tier, marks in groups.items()
        if any(known_section(mark.label) or mark.label in wishes.answers for mark in marks)
    }
    return _without(groups, naming, "names no section", notes)


def _without(groups: Groups, kept: Groups, why: str, notes: list[str]) -> Groups:
    if not kept:
        return groups
    for tier in groups.keys() - kept.keys():
        notes.append(f"Tier {tier!r} ({len(groups[tier])}) {why} and is left out.")
    return kept


def _lasting(marks: list[Mark], recording: Recording) -> list[Mark]:
    """Each point until the next mark of its tier, the last until the end of the recording."""
    lasting = []
    for _, tier in _grouped(marks):
        row = sorted(tier, key=lambda mark: mark.start_s)
        ends = [*(mark.start_s for mark in row[1:]), recording.duration_s]
        lasting += [
            replace(mark, end_s=end) if mark.end_s == mark.start_s else mark
            for mark, end in zip(row, ends, strict=True)
        ]
    return lasting


def _check_times(marks: list[Mark]) -> None:
    faults = Faults("Some regions cannot be.")
    for mark in marks:
        start, end = mark.start_s, mark.end_s
        if not (math.isfinite(start) and math.isfinite(end)):
            faults.add(mark.where, f"it runs from {start} s to {end} s. Give times in seconds.")
        elif start < 0:
            faults.add(mark.where, f"it starts at {start:g} s, before the sound does.")
        elif end == start:
            faults.add(mark.where, f"it is a point at {clock(start)}, without an end.")
            faults.advice = "If points are where sections begin, say so (--points)."
        elif end < start:
            faults.add(mark.where, f"it ends ({clock(end)}) before it starts ({clock(start)}).")
    faults.settle()
