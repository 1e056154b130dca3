"""One edit of the library: what it wants, what it may not do, what it appends and takes back.

Everything here happens inside a transaction that has locked the recordings it touches.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from core.errors import AnnotationError, LibraryError
from core.records import Recording, Segment
from core.revisions import (
    Action,
    Revision,
    SegmentRevisionRow,
    as_revision,
    as_segment,
    is_current,
    segment_values,
    select_revisions,
    select_segments,
)

PAST_THE_END_S = 0.05  # a player's idea of the end differs from the decoder's by some frames
TOUCHING_S = 0.001  # formats that round to milliseconds may push one edge over the other

Wanted = dict[str, Segment | None]  # segment id -> what it shall be; None: deleted


@dataclass(frozen=True)
class Edit:
    """How one transaction writes: who, which way, and which earlier edit it takes back."""

    annotator: str | None
    action: Action | None = None  # None: as each segment requires
    reverts: str | None = None


def is_firm(segment: Segment) -> bool:
    """Whether a segment claims its time for itself: someone drew, imported or approved it."""
    said = segment.origin in ("human", "import") or segment.status == "approved"
    return said and segment.status != "rejected"


def wanted_by(saved: Iterable[Segment], deleted: Iterable[str], annotator: str | None) -> Wanted:
    """What saving and deleting these asks for, each segment signed if nobody has signed it yet."""
    pairs = [(each.id, _signed(each, annotator)) for each in saved]
    pairs += [(each, None) for each in deleted]
    wanted = dict(pairs)
    if len(wanted) < len(pairs):
        raise AnnotationError("One edit names a segment twice. Save or delete each segment once.")
    return wanted


def _signed(segment: Segment, annotator: str | None) -> Segment:
    if annotator is None or segment.annotator is not None:
        return segment
    return replace(segment, annotator=annotator)


def recordings_of(session: Session, wanted: Wanted) -> set[str]:
    """The ids of the recordings that an edit touches."""
    newest = newest_of(session, [each for each, segment in wanted.items() if segment is None])
    for segment_id, segment in wanted.items():
        if segment is None and segment_id not in newest:
            raise no_segment(segment_id)
    saved = {segment.recording_id for segment in wanted.values() if segment is not None}
    return saved | {revision.recording_id for revision in newest.values()}


def append(session: Session, wanted: Wanted, edit: Edit) -> list[Revision]:
    """Write what is not so already; the newest revision of each wanted segment, in order."""
    newest = newest_of(session, wanted)
    before = states(newest, wanted)
    common = {"revised_by": edit.annotator, "edit_id": uuid.uuid4().hex, "reverts": edit.reverts}
    common |= {"created_at": datetime.now(UTC)}
    rows = []
    for segment_id, segment in wanted.items():
        if segment == before[segment_id]:
            continue
        if segment and segment_id in newest:
            _refuse_moving_house(segment, newest[segment_id].recording_id)
        action = edit.action or _action(before[segment_id], segment)
        values = segment_values(segment or before[segment_id])
        rows.append({**common, **values, "action": action, "is_deleted": segment is None})
    newest |= _insert(session, rows, wanted)
    return [newest[segment_id] for segment_id in wanted]


def _insert(session: Session, rows: list[dict], wanted: Wanted) -> dict[str, Revision]:
    if not rows:
        return {}
    session.execute(insert(SegmentRevisionRow), rows)
    numbers = {}
    for some in _batches(row["segment_id"] for row in rows):
        newest = _newest(some).add_columns(SegmentRevisionRow.segment_id)
        numbers.update((segment_id, number) for number, segment_id in session.execute(newest))
    return {
        row["segment_id"]: Revision(
            id=numbers[row["segment_id"]],
            segment_id=row["segment_id"],
            recording_id=row["recording_id"],
            created_at=row["created_at"],
            annotator=row["revised_by"],
            action=row["action"],
            segment=wanted[row["segment_id"]],
        )
        for row in rows
    }


def _refuse_moving_house(segment: Segment, recording_id: str) -> None:
    if segment.recording_id != recording_id:
        raise AnnotationError(
            f"Segment {segment.id!r} belongs to {recording_id!r}, not to "
            f"{segment.recording_id!r}. Make a new segment there."
        )


def _action(before: Segment | None, after: Segment | None) -> Action:
    if after is None:
        return "delete"
    return "add" if before is None else "change"


def newest_of(
    session: Session, segment_ids: Iterable[str], before: int | None = None
) -> dict[str, Revision]:
    """The newest revision of each of these segments, or the newest before revision `before`."""
    row = SegmentRevisionRow
    found = {}
    for some in _batches(segment_ids):
        newest = _newest(some)
        if before is not None:
            newest = newest.where(row.revision_id < before)
        query = select_revisions().where(row.revision_id.in_(newest))
        revisions = map(as_revision, session.execute(query))
        found |= {revision.segment_id: revision for revision in revisions}
    return found


def _newest(segment_ids: list[str]) -> Select:
    row = SegmentRevisionRow
    numbers = select(func.max(row.revision_id)).where(row.segment_id.in_(segment_ids))
    return numbers.group_by(row.segment_id)


def states(newest: Mapping[str, Revision], segment_ids: Iterable[str]) -> Wanted:
    """What each segment was by its newest revision; `None` if deleted or not yet drawn."""
    return {each: newest[each].segment if each in newest else None for each in segment_ids}


def stacks(session: Session, recording_id: str, annotator: str | None) -> tuple[list, list]:
    """The annotator's edits that hold and those undone, as edit ids, oldest first."""
    row = SegmentRevisionRow
    query = (
        select(row.edit_id, func.min(row.action), row.reverts)
        .where(row.recording_id == recording_id, row.revised_by.is_not_distinct_from(annotator))
        .group_by(row.edit_id, row.reverts)
        .order_by(func.min(row.revision_id))
    )
    done: dict[str, None] = {}
    undone: dict[str, None] = {}
    for edit_id, action, reverts in session.execute(query):
        if action == "undo":
            done.pop(reverts)
            undone[reverts] = None
        elif action == "redo":
            undone.pop(reverts)
            done[reverts] = None
        else:
            done[edit_id] = None
            undone.clear()
    return list(done), list(undone)


def around(session: Session, recording_id: str, edit_id: str) -> tuple[Wanted, Wanted]:
    """What the segments of an edit were before it, and what it made of them."""
    row = SegmentRevisionRow
    query = select_revisions().where(row.recording_id == recording_id, row.edit_id == edit_id)
    edit = [as_revision(each) for each in session.execute(query)]
    after = {revision.segment_id: revision.segment for revision in edit}
    newest = newest_of(session, after, before=min(revision.id for revision in edit))
    return states(newest, after), after


def check(session: Session, recordings: Mapping[str, Recording], wanted: Wanted) -> None:
    """Refuse what was just written if it leaves its recording or overlaps a firm neighbour."""
    for recording_id, recording in recordings.items():
        saved = [each for each in wanted.values() if each and each.recording_id == recording_id]
        for segment in saved:
            _refuse_past_the_end(segment, recording)
        firm = [segment for segment in saved if is_firm(segment)]
        if firm:
            _refuse_overlap(firm, _firm_between(session, firm))


def no_segment(segment_id: str) -> LibraryError:
    """That a segment is not there."""
    return LibraryError(
        f"The library holds no segment {segment_id!r}. It may have been deleted by someone else: "
        "reload the recording."
    )


def _refuse_past_the_end(segment: Segment, recording: Recording) -> None:
    if segment.end_s > recording.duration_s + PAST_THE_END_S:
        raise AnnotationError(
            f"{_named(segment)} ends after {recording.title!r}, which lasts "
            f"{clock(recording.duration_s)}. Move its end to {recording.duration_s:.2f} s or less."
        )


def _firm_between(session: Session, firm: list[Segment]) -> list[Segment]:
    """The firm segments, as they now are, of the stretch that these cover."""
    row = SegmentRevisionRow
    query = select_segments().where(
        is_current(),
        ~row.is_deleted,
        row.recording_id == firm[0].recording_id,
        row.start_s < max(segment.end_s for segment in firm),
        row.end_s > min(segment.start_s for segment in firm),
    )
    return [each for each in map(as_segment, session.execute(query)) if is_firm(each)]


def _refuse_overlap(saved: list[Segment], present: list[Segment]) -> None:
    """Sweep each annotator's lane from left to right; `present` includes what was saved."""
    ours = {segment.id for segment in saved}
    furthest: dict[tuple, Segment] = {}
    for segment in sorted(present, key=lambda each: each.start_s):
        lane = (segment.lane, segment.annotator)
        earlier = furthest.setdefault(lane, segment)
        if earlier is segment:
            continue
        if earlier.overlap_s(segment) > TOUCHING_S and ours & {earlier.id, segment.id}:
            one, other = (segment, earlier) if segment.id in ours else (earlier, segment)
            raise AnnotationError(
                f"{_named(one)} overlaps {_named(other)} by {earlier.overlap_s(segment):.2f} s. "
                f"Only a violin passage may lie over another section: move an edge, or delete one."
            )
        if segment.end_s > earlier.end_s:
            furthest[lane] = segment


def _named(segment: Segment) -> str:
    raga = f" in {segment.raga}" if segment.raga else ""
    return f"{segment.section}{raga} ({clock(segment.start_s)} to {clock(segment.end_s)})"


def clock(seconds: float) -> str:
    """Seconds as a listener reads them.

    >>> clock(3725.25)
    '1:02:05.2'
    """
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _batches(segment_ids: Iterable[str]) -> Iterator[list[str]]:
    """In pieces that every database takes as parameters of one query (SQLite: 32,766)."""
    segment_ids = list(segment_ids)
    for start in range(0, len(segment_ids), 10_000):
        yield segment_ids[start : start + 10_000]
