"""The library's tables: what was said of a recording or a segment, by whom and when.

Nothing is ever updated or removed. A row of `segment_revisions` holds a segment as it was after one
edit; the newest row of a segment is its current state. `recordings` only names what exists: a
writer locks its row first, so the revisions of one recording are numbered in the order in which
they become visible, and whoever asks for "all after n" misses none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    Select,
    exists,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column
from sqlalchemy.types import TypeDecorator

from core.errors import AnnotationError
from core.records import Artist, Recording, Segment

Action = Literal["add", "change", "delete", "undo", "redo"]


@dataclass(frozen=True)
class Revision:
    """One edit of one segment; `segment` is what it became, `None` if it was deleted."""

    id: int  # grows with every revision of a recording
    segment_id: str
    recording_id: str
    created_at: datetime  # UTC
    annotator: str | None  # who made this edit; the segment keeps the annotator who drew it
    action: Action
    segment: Segment | None


@dataclass(frozen=True)
class RecordingRevision:
    """One change to what is said of a whole recording."""

    id: int
    created_at: datetime  # UTC
    annotator: str | None
    action: Action
    recording: Recording


class _Utc(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER keys


class Base(DeclarativeBase):
    """All tables of the library."""


class RecordingRow(Base):
    """That a recording exists; what is known of it is in its revisions."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(primary_key=True)


class RecordingRevisionRow(Base):
    """A recording as it was after one change."""

    __tablename__ = "recording_revisions"
    __table_args__ = (
        Index("ix_recording_newest", "recording_id", "revision_id"),
        {"sqlite_autoincrement": True},
    )

    revision_id: Mapped[int] = mapped_column(_Counter, primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"))
    created_at: Mapped[datetime] = mapped_column(_Utc, default=lambda: datetime.now(UTC))
    revised_by: Mapped[str | None]
    action: Mapped[str]

    title: Mapped[str]
    duration_s: Mapped[float]
    rights: Mapped[str]
    source: Mapped[str]
    artists: Mapped[list[dict[str, str | None]]] = mapped_column(JSON)
    lead_artist: Mapped[str | None]
    tonic_hz: Mapped[float | None]
    raga: Mapped[str | None]
    tala: Mapped[str | None]
    composer: Mapped[str | None]
    composition: Mapped[str | None]


class SegmentRevisionRow(Base):
    """A segment as it was after one edit; a deleted one keeps its last values.

    The rows of one transaction share `edit_id`, so that they are undone together; an undo or a redo
    names in `reverts` the edit it takes back or repeats.
    """

    __tablename__ = "segment_revisions"
    __table_args__ = (
        Index("ix_segment_newest", "segment_id", "revision_id"),
        Index("ix_segment_changes", "recording_id", "revision_id"),
        {"sqlite_autoincrement": True},
    )

    revision_id: Mapped[int] = mapped_column(_Counter, primary_key=True)
    segment_id: Mapped[str]
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"))
    created_at: Mapped[datetime] = mapped_column(_Utc, default=lambda: datetime.now(UTC))
    revised_by: Mapped[str | None]
    action: Mapped[str]
    edit_id: Mapped[str]
    reverts: Mapped[str | None]
    is_deleted: Mapped[bool]

    start_s: Mapped[float]
    end_s: Mapped[float]
    section: Mapped[str]
    raga: Mapped[str | None]
    tala: Mapped[str | None]
    composer: Mapped[str | None]
    composition: Mapped[str | None]
    artist: Mapped[str | None]
    origin: Mapped[str]
    confidence: Mapped[float | None]
    status: Mapped[str]
    annotator: Mapped[str | None]
    note: Mapped[str | None]
    mridangam_level: Mapped[float | None]


SEGMENT_FIELDS = tuple(field.name for field in fields(Segment) if field.name != "id")
RECORDING_FIELDS = tuple(field.name for field in fields(Recording) if field.name != "id")

# In the order of the values' own fields, which makes reading 50,000 of them quick.
_segment_columns = (
    *(getattr(SegmentRevisionRow, name) for name in SEGMENT_FIELDS),
    SegmentRevisionRow.segment_id,
)
_revision_columns = (
    SegmentRevisionRow.revision_id,
    SegmentRevisionRow.created_at,
    SegmentRevisionRow.revised_by,
    SegmentRevisionRow.action,
    SegmentRevisionRow.is_deleted,
)


def select_segments() -> Select:
    """The columns `as_segment` reads."""
    return select(*_segment_columns)


def select_revisions() -> Select:
    """The columns `as_revision` reads."""
    return select(*_revision_columns, *_segment_columns)


def is_current():
    """The condition that no newer revision of the same segment exists."""
    newer = aliased(SegmentRevisionRow)
    return ~exists().where(
        newer.segment_id == SegmentRevisionRow.segment_id,
        newer.revision_id > SegmentRevisionRow.revision_id,
    )


def as_segment(row: Sequence[Any]) -> Segment:
    """The segment in a row of `select_segments`."""
    return Segment(*row)


def as_revision(row: Sequence[Any]) -> Revision:
    """The revision in a row of `select_revisions`."""
    revision_id, created_at, revised_by, action, is_deleted, *values = row
    return Revision(
        id=revision_id,
        segment_id=values[-1],
        recording_id=values[0],
        created_at=created_at,
        annotator=revised_by,
        action=action,
        segment=None if is_deleted else Segment(*values),
    )


def as_recording(row: RecordingRevisionRow) -> Recording:
    """The recording as this revision left it."""
    values = {name: getattr(row, name) for name in RECORDING_FIELDS}
    values["artists"] = tuple(Artist(**artist) for artist in values["artists"])
    return Recording(id=row.recording_id, **values)


def as_recording_revision(row: RecordingRevisionRow) -> RecordingRevision:
    """The change in a row."""
    return RecordingRevision(
        row.revision_id, row.created_at, row.revised_by, row.action, as_recording(row)
    )


def segment_values(segment: Segment) -> dict[str, Any]:
    """The columns that hold a segment."""
    values = {name: getattr(segment, name) for name in SEGMENT_FIELDS}
    for name in ("start_s", "end_s", "confidence", "mridangam_level"):
        values[name] = None if values[name] is None else float(values[name])  # of numpy's types
    return {"segment_id": segment.id, **_storable(values, f"Segment {segment.id!r}")}


def recording_values(recording: Recording) -> dict[str, Any]:
    """The columns that hold a recording."""
    values = {name: getattr(recording, name) for name in RECORDING_FIELDS}
    values["artists"] = [
        _storable({"name": artist.name, "instrument": artist.instrument}, "An artist")
        for artist in recording.artists
    ]
    for name in ("duration_s", "tonic_hz"):
        values[name] = None if values[name] is None else float(values[name])  # of numpy's types
    return {"recording_id": recording.id, **_storable(values, f"Recording {recording.id!r}")}


def _storable(values: dict[str, Any], what: str) -> dict[str, Any]:
    """`values` if every database can hold them: text without NUL and without half characters."""
    for name, value in values.items():
        if isinstance(value, str) and ("\0" in value or _HALF_CHARACTER.search(value)):
            raise AnnotationError(
                f"{what} has a {name} with unreadable characters: {value!r}. Type it again."
            )
    return values
