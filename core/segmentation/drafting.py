"""Suggestions into the library: drafts a person accepts, corrects or rejects.

What people drew, imported or approved is left alone: a suggestion keeps only what lies between.
Suggesting again replaces the drafts of the last time, never what became of them in other hands.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from core.edits import is_firm
from core.library import Library
from core.records import Recording, Segment
from core.segmentation.suggesting import Suggestion, segments

SURE = 0.8
_SHORTEST_S = 4.0  # what is left of a suggestion between firm segments
_BY = "suggested"  # so that a person's undo takes back a person's edits only


def draft(recording_id: str, found: Sequence[Suggestion], library: Library) -> list[Segment]:
    """Save suggestions as drafts in place of earlier ones, as one edit; what was saved."""
    present = library.segments(recording_id)
    old = [each.id for each in present if _is_open(each)]
    firm = [each for each in present if is_firm(each)]
    duration_s = library.recording(recording_id).duration_s
    new = [
        piece
        for each in segments(found, recording_id)
        for piece in _between(replace(each, end_s=min(each.end_s, duration_s)), firm)
    ]
    library.edit(new, old, _BY)
    return new


def told(drafts: Sequence[Segment], sure: float = SURE) -> str:
    """What was suggested, in a sentence."""
    if not drafts:
        return "Nothing to suggest: people have marked all of it."
    n_sure = sum((each.confidence or 0) >= sure for each in drafts)
    kind = "section" if len(drafts) == 1 else "sections"
    return (
        f"{len(drafts)} {kind} suggested, {n_sure} of them at least {sure:.2f} sure. They are "
        "dashed until someone approves them."
    )


def least_sure(library: Library) -> tuple[Recording, float] | None:
    """The recording whose open suggestions are least sure, with nothing approved yet; or none.

    The number is their mean confidence by duration, 0..1.
    """
    by_recording: dict[str, list[Segment]] = {}
    for segment in library.segments():
        by_recording.setdefault(segment.recording_id, []).append(segment)
    unsure = {
        recording_id: _mean_confidence([each for each in found if _is_open(each)])
        for recording_id, found in by_recording.items()
        if any(map(_is_open, found)) and not any(each.status == "approved" for each in found)
    }
    if not unsure:
        return None
    least = min(unsure, key=unsure.__getitem__)
    return library.recording(least), unsure[least]


def _mean_confidence(found: Sequence[Segment]) -> float:
    total_s = sum(each.duration_s for each in found)
    return sum((each.confidence or 0.0) * each.duration_s for each in found) / total_s


def _is_open(segment: Segment) -> bool:
    return segment.origin == "suggested" and segment.status == "draft"


def _between(segment: Segment, firm: Sequence[Segment]) -> list[Segment]:
    """What of a segment no firm one of its lane covers."""
    pieces = [(segment.start_s, segment.end_s)]
    for other in (each for each in firm if each.lane == segment.lane):
        pieces = [
            part
            for start, end in pieces
            for part in ((start, min(end, other.start_s)), (max(start, other.end_s), end))
            if part[1] - part[0] >= _SHORTEST_S
        ]
    return [replace(segment, start_s=a, end_s=b, id=uuid.uuid4().hex) for a, b in pieces]
