import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from core.database import Database
from core.errors import AnnotationError, LibraryError
from core.library import Library
from core.records import Artist, Recording, Segment
from core.revisions import RecordingRevisionRow, SegmentRevisionRow
from core.workspace import PROJECT
from tests import postgresql

ASHA, RAVI = "asha", "ravi"
CONCERT = Recording(
    "file-1",
    'Sabha "2004"; DROP',
    600.0,
    "own",
    "tape.mp3",
    artists=(Artist("M. Lakshmi", "voice"), Artist("R. Śaṅkar")),
    tonic_hz=146.8,
    raga="Kalyani",
)


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server]:
    try:
        with postgresql.server() as running:
            yield running
    except FileNotFoundError as error:
        pytest.fail(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'studio.db'}"
    return request.getfixturevalue("server").empty_database()


@pytest.fixture
def library(url) -> Iterator[Library]:
    library = Library(url)
    library.add(CONCERT)
    yield library
    library.close()


def segment(start_s: float, end_s: float, section="kriti", **said) -> Segment:
    return Segment(CONCERT.id, start_s, end_s, section, **said)


def spans(library: Library) -> list[tuple[float, float]]:
    return [(each.start_s, each.end_s) for each in library.segments(CONCERT.id)]


# What is kept


def test_every_field_of_a_recording_and_a_segment_comes_back_as_it_was(library):
    full = segment(
        1 / 3,
        math.pi,
        raga="Rītigauḷa",
        tala="Ādi",
        composer="'; --",
        composition="<b>Nannu</b>",
        artist="M. Lakshmi",
        origin="suggested",
        confidence=0.1,
        annotator="the model",
        note="two\nlines 🎻",
        mridangam_level=0.7,
    )
    library.save(full)
    assert library.segments() == [full]
    assert library.segment(full.id) == full
    assert library.recording(CONCERT.id) == CONCERT
    assert library.recordings() == [CONCERT]


def test_the_tables_hold_every_field_of_the_values():
    for value, row in ((Segment, SegmentRevisionRow), (Recording, RecordingRevisionRow)):
        missing = (
            {field.name for field in fields(value)} - {"id"} - set(row.__table__.columns.keys())
        )
        assert not missing


def test_a_second_library_on_the_same_database_reads_what_the_first_wrote(library, url):
    one = segment(0, 10)
    library.save(one, ASHA)
    again = Library(url)
    assert again.segments(CONCERT.id) == [replace(one, annotator=ASHA)]
    again.close()


def test_recordings_are_listed_by_title_and_found_by_id(library):
    library.add(replace(CONCERT, id="file-2", title="a morning"))
    assert [each.id for each in library.recordings()] == ["file-2", "file-1"]
    assert library.has("file-2")
    assert not library.has("file-3")


def test_a_changed_recording_keeps_what_was_said_before(library):
    library.change(replace(CONCERT, tonic_hz=150.0), ASHA)
    library.change(replace(CONCERT, tonic_hz=150.0), RAVI)  # says nothing new
    assert library.recording(CONCERT.id).tonic_hz == 150.0
    history = library.recording_history(CONCERT.id)
    assert [(each.action, each.annotator) for each in history] == [("add", None), ("change", ASHA)]
    assert history[0].recording == CONCERT


def test_segments_are_sorted_by_start_and_filtered(library):
    late = segment(50, 60, "alapanai", status="approved")
    early = segment(0, 10)
    library.save_all([late, early])
    assert library.segments(CONCERT.id) == [early, late]
    assert library.segments(status="approved") == [late]
    assert library.segments(section="kriti") == [early]
    assert library.segments("file-9") == []


def test_every_edit_is_a_revision_with_its_author_and_moment(library):
    one = segment(0, 10)
    library.save(one, ASHA)
    library.save(replace(one, end_s=12.0, annotator=ASHA), RAVI)
    library.delete(one.id, RAVI)
    history = library.history(one.id)
    assert [(each.action, each.annotator) for each in history] == [
        ("add", ASHA),
        ("change", RAVI),
        ("delete", RAVI),
    ]
    assert [each.segment.end_s for each in history[:2]] == [10.0, 12.0]
    assert history[2].segment is None
    assert history[0].id < history[1].id < history[2].id
    age = datetime.now(UTC) - history[0].created_at
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_saving_what_is_saved_already_adds_nothing(library):
    one = segment(0, 10)
    first = library.save(one, ASHA)
    assert library.save(one, ASHA) == first
    library.delete(one.id, ASHA)
    assert library.delete(one.id, ASHA).action == "delete"
    assert len(library.history(one.id)) == 2


def test_a_deleted_segment_is_gone_but_can_be_saved_again(library):
    one = segment(0, 10)
    library.save(one)
    library.delete(one.id)
    with pytest.raises(LibraryError, match="deleted"):
        library.segment(one.id)
    assert library.save(one).action == "add"
    assert library.segments() == [one]


def test_numbers_of_numpy_are_kept_as_plain_numbers(library):
    one = segment(np.float32(0.5), np.float64(2.5), confidence=np.float32(0.25))
    library.save(one)
    found = library.segment(one.id)
    assert (found.start_s, found.end_s, found.confidence) == (0.5, 2.5, 0.25)


def test_changes_since_a_revision_are_all_that_came_after_it(library):
    seen = library.save(segment(0, 10), ASHA).id
    assert library.changes_since(CONCERT.id, seen) == []
    new = [library.save(segment(20, 30), RAVI), library.delete(library.segments()[0].id, RAVI)]
    assert library.changes_since(CONCERT.id, seen) == new
    assert len(library.changes_since(CONCERT.id, 0)) == 3
    assert library.changes_since("file-2", 0) == []


# What is refused


def test_a_segment_may_end_a_little_after_its_recording_but_no_later(library):
    library.save(segment(590, 600.04))
    with pytest.raises(AnnotationError, match=r"ends after .* 10:00\.0.*600\.00 s or less"):
        library.save(segment(500, 600.06))


def test_overlap_within_a_lane_is_refused_and_names_the_neighbour(library):
    library.save(segment(100, 200, "alapanai", raga="Todi"))
    with pytest.raises(AnnotationError, match=r"kriti .* overlaps alapanai in Todi \(1:40\.0"):
        library.save(segment(199, 300))
    assert spans(library) == [(100, 200)]


def test_touching_segments_do_not_overlap_even_if_rounded_to_milliseconds(library):
    library.save_all([segment(0, 10.0004), segment(10, 20), segment(20, 30)])
    assert len(library.segments()) == 3


@pytest.mark.parametrize(
    "said",
    [
        {"section": "violin"},
        {"origin": "suggested"},
        {"origin": "catalog"},
        {"origin": "chapter"},
        {"status": "rejected"},
        {"annotator": RAVI},
    ],
)
def test_what_may_lie_over_a_drawn_section(library, said):
    library.save(segment(0, 100, annotator=ASHA))
    library.save(replace(segment(50, 150, annotator=ASHA), **said))
    assert len(library.segments()) == 2


def test_an_approved_suggestion_claims_its_time(library):
    library.save(segment(0, 100))
    draft = segment(50, 150, origin="suggested")
    library.save(draft)
    with pytest.raises(AnnotationError, match="overlaps"):
        library.save(replace(draft, status="approved"))


def test_a_segment_inside_a_long_one_is_found_behind_a_short_one(library):
    library.save_all([segment(0, 300), segment(310, 320)])
    with pytest.raises(AnnotationError, match=r"0:00\.0 to 5:00\.0"):
        library.save(segment(200, 210))


def test_one_bad_segment_keeps_the_whole_batch_out(library):
    with pytest.raises(AnnotationError):
        library.save_all([segment(0, 10), segment(20, 30), segment(25, 35)])
    assert library.segments() == []
    assert library.changes_since(CONCERT.id, 0) == []


def test_moving_a_border_between_two_segments_is_one_edit(library):
    left, right = segment(0, 10), segment(10, 20)
    library.save_all([left, right])
    library.save_all([replace(left, end_s=12.0), replace(right, start_s=12.0)])
    assert spans(library) == [(0, 12), (12, 20)]


def test_a_segment_named_twice_in_one_edit_is_refused(library):
    one = segment(0, 10)
    with pytest.raises(AnnotationError, match="twice"):
        library.save_all([one, replace(one, end_s=11.0)])


def test_a_segment_stays_with_its_recording(library):
    library.add(replace(CONCERT, id="file-2"))
    one = segment(0, 10)
    library.save(one)
    with pytest.raises(AnnotationError, match="belongs to 'file-1'"):
        library.save(replace(one, recording_id="file-2"))


def test_what_the_library_does_not_hold_is_said(library):
    with pytest.raises(LibraryError, match="no recording 'file-9'"):
        library.recording("file-9")
    with pytest.raises(LibraryError, match="no recording 'file-9'"):
        library.save(Segment("file-9", 0, 1, "kriti"))
    with pytest.raises(LibraryError, match="no recording 'file-9'"):
        library.change(replace(CONCERT, id="file-9"))
    with pytest.raises(LibraryError, match="no segment 'x'"):
        library.delete("x")
    with pytest.raises(LibraryError, match="already"):
        library.add(CONCERT)


@pytest.mark.parametrize("sign", ["\0", "\udc80"])
def test_text_no_database_can_hold_is_refused(library, sign):
    with pytest.raises(AnnotationError, match="note with unreadable"):
        library.save(segment(0, 1, note=f"a{sign}b"))
    with pytest.raises(AnnotationError, match="title with unreadable"):
        library.change(replace(CONCERT, title=sign))


# Undo and redo


def test_undo_and_redo_walk_back_and_forth_even_after_a_restart(library, url):
    one = segment(0, 10)
    library.save(one, ASHA)
    library.save(replace(one, end_s=20.0, annotator=ASHA), ASHA)
    library.delete(one.id, ASHA)

    library.undo(CONCERT.id, ASHA)
    assert spans(library) == [(0, 20)]
    again = Library(url)
    assert again.undo(CONCERT.id, ASHA).segment.end_s == 10
    assert again.undo(CONCERT.id, ASHA).segment is None
    assert again.undo(CONCERT.id, ASHA) is None
    assert [again.redo(CONCERT.id, ASHA).action for _ in range(3)] == ["redo"] * 3
    assert again.redo(CONCERT.id, ASHA) is None
    assert again.segments() == []
    assert again.undo(CONCERT.id, ASHA).action == "undo"
    assert spans(again) == [(0, 20)]
    again.close()


def test_a_new_edit_clears_what_could_be_redone(library):
    library.save(segment(0, 10), ASHA)
    library.undo(CONCERT.id, ASHA)
    library.save(segment(20, 30), ASHA)
    assert library.redo(CONCERT.id, ASHA) is None
    assert spans(library) == [(20, 30)]


def test_an_edit_of_many_segments_is_undone_as_one(library):
    whole = segment(0, 20)
    library.save(whole, ASHA)
    halves = [replace(whole, end_s=10.0), segment(10, 20)]
    library.edit(halves, (), ASHA)
    library.edit([replace(whole, end_s=20.0)], [halves[1].id], ASHA)
    assert spans(library) == [(0, 20)]
    library.undo(CONCERT.id, ASHA)
    assert spans(library) == [(0, 10), (10, 20)]
    library.undo(CONCERT.id, ASHA)
    assert spans(library) == [(0, 20)]
    library.redo(CONCERT.id, ASHA)
    assert spans(library) == [(0, 10), (10, 20)]


def test_everyone_undoes_their_own_edits(library):
    hers, his, nobodys = segment(0, 10), segment(20, 30), segment(40, 50)
    library.save(hers, ASHA)
    library.save(his, RAVI)
    library.save(nobodys)
    library.undo(CONCERT.id, ASHA)
    assert spans(library) == [(20, 30), (40, 50)]
    library.undo(CONCERT.id)
    assert spans(library) == [(20, 30)]


def test_undo_never_takes_back_what_someone_else_said_since(library):
    other, shared = segment(50, 60), segment(0, 10)
    library.save(other, ASHA)
    library.save(shared, ASHA)
    library.save(replace(shared, status="approved", annotator=ASHA), RAVI)
    library.undo(CONCERT.id, ASHA)  # passes over the segment Ravi approved
    assert [(each.start_s, each.status) for each in library.segments()] == [(0, "approved")]


def test_an_undo_that_would_overlap_is_refused_and_changes_nothing(library):
    old, new = segment(0, 10, annotator=ASHA), segment(5, 15, annotator=ASHA)
    library.save(old, ASHA)
    library.delete(old.id, ASHA)
    library.save(new, RAVI)  # drawn for Asha by someone else
    with pytest.raises(AnnotationError, match="overlaps"):
        library.undo(CONCERT.id, ASHA)
    assert spans(library) == [(5, 15)]


# Many at once, and trouble


def test_two_threads_writing_at_once_lose_nothing(library):
    def write(lane: int) -> None:
        for k in range(10):
            library.save(segment(k, k + 1), f"annotator {lane}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(library.segments()) == 40
    assert len({each.id for each in library.changes_since(CONCERT.id, 0)}) == 40


def test_of_two_overlapping_segments_saved_at_once_exactly_one_is_kept(library):
    def attempt(k: int) -> bool:
        try:
            library.save(segment(k, k + 50))
        except AnnotationError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(attempt, range(8)))
    assert sum(kept) == 1
    assert len(library.segments()) == 1


def test_whoever_polls_for_changes_misses_none_while_others_write(library):
    seen = []

    def write(lane: int) -> None:
        for k in range(15):
            library.save(segment(k, k + 1), f"annotator {lane}")

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, lane) for lane in range(3)]
        while not all(writer.done() for writer in writers):
            seen += library.changes_since(CONCERT.id, seen[-1].id if seen else 0)
    seen += library.changes_since(CONCERT.id, seen[-1].id)
    assert len(seen) == 45
    assert seen == library.changes_since(CONCERT.id, 0)


@pytest.mark.slow
def test_fifty_thousand_segments_are_held_and_filtered(library):
    library.change(replace(CONCERT, duration_s=50_000.0))
    library.save_all([segment(k, k + 1, annotator=ASHA) for k in range(50_000)])
    assert len(library.segments(CONCERT.id)) == 50_000
    assert library.segments(status="approved") == []


def test_libraries_opened_at_the_same_moment_share_one_schema(url):
    with ThreadPoolExecutor(6) as pool:
        libraries = list(pool.map(lambda _: Library(url), range(6)))
    libraries[0].add(CONCERT)
    assert all(library.recordings() == [CONCERT] for library in libraries)
    for library in libraries:
        library.close()


def test_a_library_of_an_earlier_version_gains_the_columns_added_since(library, url):
    library.save(segment(0, 10))
    library.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE segment_revisions DROP COLUMN mridangam_level"))
    engine.dispose()
    again = Library(url)
    again.save(segment(20, 30, mridangam_level=0.5))
    assert [each.mridangam_level for each in again.segments()] == [None, 0.5]
    again.close()


def test_a_killed_process_leaves_a_readable_library_with_all_it_reported(tmp_path):
    url = f"sqlite:///{tmp_path / 'studio.db'}"
    script = (
        "import sys; from core.library import Library; from core.records import *\n"
        f"library = Library({url!r})\n"
        "library.add(Recording('file-1', 'A', 1e6, 'own', 'a'))\n"
        "for k in range(100000):\n"
        "    library.save(Segment('file-1', k, k + 1, 'kriti'))\n"
        "    sys.stdout.write(f'{k}\\n'); sys.stdout.flush()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    reported = [int(writer.stdout.readline()) for _ in range(20)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    reported = max([reported, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    library = Library(url)
    starts = [each.start_s for each in library.segments()]
    assert starts == list(range(len(starts)))
    assert len(starts) in (reported + 1, reported + 2)  # it may have died before saying so
    library.close()


def test_a_locked_library_says_who_to_blame(tmp_path):
    path = tmp_path / "studio.db"
    database = Database(f"sqlite:///{path}", lock_wait_s=0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LibraryError, match=r"locked\. Another program"), database.writing():
        pass
    holder.close()
    with database.writing():
        pass
    database.close()


def test_reading_goes_on_while_someone_writes(tmp_path):
    url = f"sqlite:///{tmp_path / 'studio.db'}"
    library = Library(url)
    library.add(CONCERT)
    holder = sqlite3.connect(tmp_path / "studio.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert library.recordings() == [CONCERT]
    holder.close()
    library.close()


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("nonsense", "no database address"),
        ("mysql://host/name", "Use postgresql"),
        ("sqlite:////nowhere/at/all/studio.db", "its folder exists"),
        ("postgresql://studio:secret@127.0.0.1:1/name", "Check that the database runs"),
    ],
)
def test_an_unreachable_library_says_what_to_do_and_no_password(address, wanted):
    with pytest.raises(LibraryError, match=wanted) as caught:
        Library(address)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path):
    path = Path(tmp_path / "studio.db")
    path.write_bytes(b"this was never a database" * 100)
    with pytest.raises(LibraryError, match=r"not a database.*Put back a copy"):
        Library(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"this was never")
