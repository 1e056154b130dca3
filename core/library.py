"""Stage 3, the library: every recording and segment, with all that was ever said of them.

SQLite beside the audio by default, PostgreSQL through $DATABASE_URL. Every edit appends a revision
(`core.revisions`), so undo, redo, "who said so" and "what changed since" are questions to the past.

Conventions: an annotator of `None` is whoever works here without a name. Segments that a person
drew, imported or approved are firm: those of one annotator may not overlap within a lane. Drafts
that a model, the catalogue or a chapter list proposed may lie over anything.
"""

from collections.abc import Iterable

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.database import Database
from core.edits import (
    Edit,
    append,
    around,
    check,
    newest_of,
    no_segment,
    recordings_of,
    stacks,
    states,
    wanted_by,
)
from core.errors import LibraryError
from core.records import Recording, SectionName, Segment, Status
from core.revisions import (
    Action,
    RecordingRevision,
    RecordingRevisionRow,
    RecordingRow,
    Revision,
    SegmentRevisionRow,
    as_recording,
    as_recording_revision,
    as_revision,
    as_segment,
    is_current,
    recording_values,
    select_revisions,
    select_segments,
)
from core.workspace import Workspace


class Library:
    """Recordings and their segments. One object may serve many threads.

    Raises `LibraryError` from any method if the database is out of reach or locked.
    """

    def __init__(self, url: str):
        self._database = Database(url)

    @classmethod
    def of(cls, workspace: Workspace) -> "Library":
        """The library of a workspace."""
        return cls(workspace.database_url)

    def close(self) -> None:
        """Give back the connections."""
        self._database.close()

    # Recordings

    def add(self, recording: Recording, annotator: str | None = None) -> None:
        """Take in a recording.

        Raises
        ------
        LibraryError
            If its id is taken.
        """
        try:
            with self._database.writing() as session:
                session.execute(insert(RecordingRow).values(id=recording.id))
                _append_recording(session, recording, "add", annotator)
        except IntegrityError as error:
            raise LibraryError(
                f"Recording {recording.id!r} is in the library already. Change it instead."
            ) from error

    def change(self, recording: Recording, annotator: str | None = None) -> None:
        """Say something else of a whole recording; what was said before stays in its history."""
        with self._database.writing() as session:
            if _locked(session, recording.id) != recording:
                _append_recording(session, recording, "change", annotator)

    def recording(self, recording_id: str) -> Recording:
        """One recording.

        Raises
        ------
        LibraryError
            If the library does not hold it.
        """
        with self._database.reading() as session:
            return _recording(session, recording_id)

    def has(self, recording_id: str) -> bool:
        """Whether a recording is in the library."""
        with self._database.reading() as session:
            return session.get(RecordingRow, recording_id) is not None

    def recordings(self) -> list[Recording]:
        """All recordings, by title."""
        newest = select(func.max(RecordingRevisionRow.revision_id)).group_by(
            RecordingRevisionRow.recording_id
        )
        with self._database.reading() as session:
            rows = session.scalars(
                select(RecordingRevisionRow).where(RecordingRevisionRow.revision_id.in_(newest))
            )
            return sorted(map(as_recording, rows), key=lambda r: (r.title.casefold(), r.id))

    def recording_history(self, recording_id: str) -> list[RecordingRevision]:
        """All that was said of a whole recording, oldest first."""
        row = RecordingRevisionRow
        with self._database.reading() as session:
            found = session.scalars(
                select(row).where(row.recording_id == recording_id).order_by(row.revision_id)
            )
            return [as_recording_revision(each) for each in found]

    # Segments

    def save(self, segment: Segment, annotator: str | None = None) -> Revision:
        """Add or change one segment; the newest revision if it was saved like this before.

        Raises
        ------
        AnnotationError
            If it ends after its recording or overlaps a firm neighbour.
        """
        (revision,) = self.save_all([segment], annotator)
        return revision

    def save_all(self, segments: Iterable[Segment], annotator: str | None = None) -> list[Revision]:
        """Save all of these segments, or none; one `undo` takes them all back."""
        return self.edit(segments, (), annotator)

    def delete(self, segment_id: str, annotator: str | None = None) -> Revision:
        """Take a segment away; its history stays."""
        (revision,) = self.edit((), (segment_id,), annotator)
        return revision

    def edit(
        self,
        saved: Iterable[Segment] = (),
        deleted: Iterable[str] = (),
        annotator: str | None = None,
    ) -> list[Revision]:
        """Save some segments and delete others as one edit, in one transaction.

        Returns
        -------
        revisions : list[Revision]
            One for each of `saved`, then one for each of `deleted`, in their order.
        """
        wanted = wanted_by(saved, deleted, annotator)
        with self._database.writing() as session:
            touched = recordings_of(session, wanted)
            recordings = {each: _locked(session, each) for each in sorted(touched)}  # no deadlock
            written = append(session, wanted, Edit(annotator))
            check(session, recordings, wanted)
            return written

    def segment(self, segment_id: str) -> Segment:
        """One segment as it is now.

        Raises
        ------
        LibraryError
            If there is none, or it was deleted.
        """
        with self._database.reading() as session:
            newest = newest_of(session, [segment_id]).get(segment_id)
        if newest is None or newest.segment is None:
            raise no_segment(segment_id)
        return newest.segment

    def segments(
        self,
        recording_id: str | None = None,
        *,
        status: Status | None = None,
        section: SectionName | None = None,
    ) -> list[Segment]:
        """The segments as they are now, by recording and start."""
        row = SegmentRevisionRow
        query = select_segments().where(is_current(), ~row.is_deleted)
        if recording_id is not None:
            query = query.where(row.recording_id == recording_id)
        if status is not None:
            query = query.where(row.status == status)
        if section is not None:
            query = query.where(row.section == section)
        with self._database.reading() as session:
            found = [as_segment(each) for each in session.execute(query)]
        return sorted(found, key=lambda s: (s.recording_id, s.start_s, s.end_s, s.id))

    # The past

    def history(self, segment_id: str) -> list[Revision]:
        """Every revision of a segment, oldest first."""
        return self._revisions(SegmentRevisionRow.segment_id == segment_id)

    def changes_since(self, recording_id: str, revision: int) -> list[Revision]:
        """The recording's segment revisions after number `revision`, oldest first."""
        row = SegmentRevisionRow
        return self._revisions(row.recording_id == recording_id, row.revision_id > revision)

    def newest_revision(self, recording_id: str) -> int:
        """The number of the recording's newest segment revision; 0 if it has none."""
        row = SegmentRevisionRow
        query = select(func.max(row.revision_id)).where(row.recording_id == recording_id)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def undo(self, recording_id: str, annotator: str | None = None) -> Revision | None:
        """Take back the annotator's latest edit of this recording; `None` if there is none.

        An edit whose segments someone else changed since is passed over: their word stays. The
        past itself is kept, so a new revision is appended that says what was said before; if the
        edit was of several segments, there is one of each, and the last is returned.
        """
        return self._step(recording_id, annotator, "undo")

    def redo(self, recording_id: str, annotator: str | None = None) -> Revision | None:
        """Repeat the edit last undone; `None` if there is none or a new edit was made since."""
        return self._step(recording_id, annotator, "redo")

    def _revisions(self, *conditions) -> list[Revision]:
        query = select_revisions().where(*conditions).order_by(SegmentRevisionRow.revision_id)
        with self._database.reading() as session:
            return [as_revision(row) for row in session.execute(query)]

    def _step(self, recording_id: str, annotator: str | None, action: Action) -> Revision | None:
        with self._database.writing() as session:
            recording = _locked(session, recording_id)
            done, undone = stacks(session, recording_id, annotator)
            for edit_id in reversed(done if action == "undo" else undone):
                before, after = around(session, recording_id, edit_id)
                found, wanted = (after, before) if action == "undo" else (before, after)
                if states(newest_of(session, wanted), wanted) != found:
                    continue
                written = append(session, wanted, Edit(annotator, action, edit_id))
                check(session, {recording_id: recording}, wanted)
                return max(written, key=lambda revision: revision.id)
        return None


def _recording(session: Session, recording_id: str) -> Recording:
    row = RecordingRevisionRow
    query = select(row).where(row.recording_id == recording_id).order_by(row.revision_id.desc())
    found = session.scalar(query.limit(1))
    if found is None:
        raise LibraryError(
            f"The library holds no recording {recording_id!r}. Import or download it first."
        )
    return as_recording(found)


def _locked(session: Session, recording_id: str) -> Recording:
    """The recording, with its row held until the transaction ends: writers take turns."""
    session.execute(select(RecordingRow).where(RecordingRow.id == recording_id).with_for_update())
    return _recording(session, recording_id)


def _append_recording(
    session: Session, recording: Recording, action: Action, annotator: str | None
) -> None:
    values = {**recording_values(recording), "action": action, "revised_by": annotator}
    session.execute(insert(RecordingRevisionRow).values(values))
