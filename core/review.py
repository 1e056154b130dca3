"""Stage 3, review: what a person marked is approved by another, or sent back with a note.

Both are revisions like any other, signed by the reviewer. A segment counts as sent back while its
newest word is a reviewer's who left it a draft with a new note; as soon as its annotator changes
it, it waits for review again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.edits import clock, is_firm
from core.errors import AnnotationError
from core.library import Library
from core.records import Segment
from core.revisions import Revision

Stage = Literal["waiting", "sent back", "approved"]


@dataclass(frozen=True)
class Reviewed:
    """A segment that a person marked, how far its review is, and who had the last word on it."""

    segment: Segment
    stage: Stage
    reviewer: str | None = None  # who approved it or sent it back


def reviews(library: Library, recording_id: str) -> list[Reviewed]:
    """The review of each segment that someone drew, imported or approved, by start."""
    past: dict[str, list[Revision]] = {}
    for revision in library.changes_since(recording_id, 0):
        past.setdefault(revision.segment_id, []).append(revision)
    found = [_review(revisions) for revisions in past.values()]
    return sorted(filter(None, found), key=lambda each: each.segment.start_s)


def approve(library: Library, segment_ids: Iterable[str], reviewer: str | None) -> int:
    """Approve these segments as one edit; how many were not approved yet.

    Raises
    ------
    AnnotationError
        If two annotators' words on the same stretch would both be approved.
    """
    found = [library.segment(each) for each in segment_ids]
    wanted = [replace(each, status="approved") for each in found if each.status != "approved"]
    for recording_id in {each.recording_id for each in wanted}:
        ours = [each for each in wanted if each.recording_id == recording_id]
        there = library.segments(recording_id, status="approved")
        _refuse_two_words([*there, *ours])
    if wanted:
        library.edit(wanted, (), reviewer)
    return len(wanted)


def send_back(library: Library, segment_id: str, note: str, reviewer: str | None) -> Segment:
    """Make a segment a draft again, with a note for its annotator.

    Raises
    ------
    AnnotationError
        If the note is empty, or the reviewer has no name or marked the segment.
    """
    segment, note = library.segment(segment_id), note.strip()
    if not note:
        raise AnnotationError("The note is empty. Say what its annotator should look at.")
    if reviewer is None:
        raise AnnotationError(
            "You have no name yet, so nobody could answer you. Fill in 'My edits are by'."
        )
    if segment.annotator == reviewer:
        raise AnnotationError("You marked this region yourself. Change it, or ask someone else.")
    if (segment.status, segment.note) == ("draft", note):
        raise AnnotationError("It was sent back with this note already.")
    sent = replace(segment, status="draft", note=note)
    library.save(sent, reviewer)
    return sent


def _refuse_two_words(approved: list[Segment]) -> None:
    """Both would be exported, and a model would learn the stretch twice, by two names.

    Edges on which two annotators differ a little do no harm: half of the shorter must be shared.
    """
    last: dict[str, Segment] = {}
    for each in sorted(approved, key=lambda segment: segment.start_s):
        before = last.get(each.lane)
        if before and before.overlap_s(each) > 0.5 * min(before.duration_s, each.duration_s):
            raise AnnotationError(
                f"{_named(each)} and {_named(before)} speak of the same stretch. Approve one of "
                "them; send the other back."
            )
        if before is None or each.end_s > before.end_s:
            last[each.lane] = each


def _named(segment: Segment) -> str:
    span = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
    return f"{segment.section} by {segment.annotator or 'no name'} ({span})"


def _review(revisions: Sequence[Revision]) -> Reviewed | None:
    newest = revisions[-1]
    segment = newest.segment
    if segment is None or not is_firm(segment):
        return None
    if segment.status == "approved":
        return Reviewed(segment, "approved", _approver(revisions))
    before = revisions[-2].segment if len(revisions) > 1 else None
    by_another = newest.annotator is not None and newest.annotator != segment.annotator
    if before and by_another and segment.note and segment.note != before.note:
        return Reviewed(segment, "sent back", newest.annotator)
    return Reviewed(segment, "waiting")


def _approver(revisions: Sequence[Revision]) -> str | None:
    """Who made it approved, the last time that it became so."""
    by = None
    is_approved = False
    for revision in revisions:
        was, is_approved = is_approved, _is_approved(revision)
        if is_approved and not was:
            by = revision.annotator
    return by


def _is_approved(revision: Revision) -> bool:
    return revision.segment is not None and revision.segment.status == "approved"
