"""Rows of the catalogue become recordings with drafts, and never undo a person's work."""

import json
from dataclasses import replace

import pytest

from core.catalog import Catalog
from core.catalog_listing import write_rows
from core.catalog_orders import Row, orders_of, read_rows, rows_of
from core.catalog_search import Wanted
from core.catalog_source import Folder
from core.errors import CatalogError
from core.library import Library
from core.records import Segment
from core.youtube import Downloader
from tests.catalogue import ARTIST, CONCERT, WHOLE, pages_v2, write_pages
from tests.sounds import encode, melody
from tests.videos import served_videos, site_of


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(Folder(write_pages(tmp_path / "Carnatic", pages_v2())))


@pytest.fixture
def found(catalog):
    return catalog.search(Wanted(artist=ARTIST, section="alapanai"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "a.webm"
    content = encode(path, melody(3.0, 48_000), 48_000, "libopus").read_bytes()
    with served_videos(content) as server:
        yield server


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    yield opened
    opened.close()


@pytest.fixture
def downloader(workspace, library, videos) -> Downloader:
    return Downloader(workspace, library, site_of(videos))


def test_all_rows_of_a_ticked_video_come_along(catalog, found):
    known, unsaid = catalog.with_talas(found.everything)
    (order,) = orders_of(rows_of(found.rows), rows_of(known))
    assert unsaid == 0
    assert order.video_id == CONCERT
    said = {(each.start_s, each.end_s): each for each in order.drafts}
    assert {each.section for each in said.values()} == {"alapanai", "tani avartanam", "kriti"}
    assert said[0, 1].composition == "Bantureethi"
    assert said[0, 1].tala == "Khanda chapu"
    assert said[1, 2.5].raga == "Mohanam"
    assert order.said["artists"][0].instrument == "violin"
    assert {(each.origin, each.status) for each in order.drafts} == {("catalog", "draft")}


def test_a_row_of_a_whole_video_says_what_the_recording_is():
    (order,) = orders_of([Row(WHOLE, None, None, "Nidhi", "kriti", "Thodi", "Adi", "T", ARTIST)])
    assert order.said["raga"] == "Todi"
    assert order.said["composition"] == "Nidhi"
    (draft,) = order.drafts
    assert (draft.start_s, draft.section, draft.artist) == (0.0, "kriti", ARTIST)


def test_several_ragas_in_one_row_are_a_note():
    (order,) = orders_of([Row(WHOLE, 0.0, 9.0, "Ragam", "alapanai", "Todi, Kalyani")])
    (draft,) = order.drafts
    assert (draft.raga, draft.note) == (None, "Ragam, Todi, Kalyani")


def test_ticked_rows_become_a_recording_with_drafts(found, downloader, library, workspace):
    orders = orders_of(rows_of(found.rows), rows_of(found.everything))
    (recording,) = downloader.run(orders)
    segments = library.segments(recording.id)
    assert [(s.start_s, s.end_s, s.section) for s in segments] == [
        (0.0, 1.0, "kriti"),
        (1.0, 2.5, "alapanai"),
    ]  # the tani, half a second long, is too short to be one
    assert recording.lead_artist == ARTIST
    kept = json.loads(workspace.audio_target(recording.id, ".json").read_text())
    assert {row["section"] for row in kept["catalog"]} == {"kriti", "alapanai", "tani avartanam"}


def test_a_draft_over_a_whole_video_ends_with_it(downloader, library):
    (recording,) = downloader.run(orders_of([Row(WHOLE, section="alapanai", raga="Todi")]))
    (draft,) = library.segments(recording.id)
    assert draft.end_s == recording.duration_s == pytest.approx(3.0, abs=0.1)
    assert recording.raga == "Todi"


def test_what_a_person_said_stays(found, downloader, library):
    (recording,) = downloader.run([WHOLE])
    drawn = Segment(recording.id, 0.2, 2.9, "kriti", raga="Kalyani", annotator="asha")
    library.save(drawn, "asha")
    library.change(replace(recording, raga="Kalyani"), "asha")
    downloader.run(orders_of([Row(WHOLE, None, None, "Ragam", "alapanai", "Todi", artist=ARTIST)]))
    assert [each.id for each in library.segments(recording.id)] == [drawn.id]
    again = library.recording(recording.id)
    assert again.raga == "Kalyani"
    assert again.lead_artist == ARTIST  # which nobody had said


def test_rows_are_read_back_as_they_were_written(found, tmp_path):
    write_rows(found.rows, tmp_path / "rows.csv")
    assert read_rows(tmp_path / "rows.csv") == rows_of(found.rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column 'video_id'"),
        ("video_id\n../../etc\n", r"rows\.csv:2: '\.\./\.\./etc' is no id"),
        ("video_id,start_s,end_s\nabcdefghijk,9,3\n", r"rows\.csv:2: It runs from 9\.0 s to 3\.0"),
        ("video_id,start_s\nabcdefghijk,9\n", "Give both"),
        ("video_id,start_s,end_s\nabcdefghijk,x,3\n", "could not convert"),
        ("video_id,section\nabcdefghijk,encore\n", "No section 'encore'"),
        ("video_id,uploads\nabcdefghijk,../x\n", "Give ids of videos"),
    ],
)
def test_a_bad_table_of_rows_is_explained_by_line(tmp_path, text, said):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(CatalogError, match=said):
        read_rows(tmp_path / "rows.csv")
