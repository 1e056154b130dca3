"""A folder in Saraga's layout comes in with its annotations; the item is invented."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from core.download import Importer
from core.library import Library
from core.records import Artist
from core.saraga import ANNOTATOR, notes_beside
from tests.sounds import encode, melody

SECTIONS = (
    "0.5\t1\t1.5\tVocal ālāp\n"
    "1.0\t1\t1.0\tViolin ālāp\n"
    "2.0\t1\t1.0\tPallavi\n"
    "3.0\t1\t1.25\tCaraṇam sahānā\n"  # overlaps the next by a quarter of a second
    "4.0\t1\t0.5\t-\n"
    "4.5\t1\t30.0\tTani āvartana\n"  # beyond the end
)
METADATA = {
    "mbid": "11111111-2222-3333-4444-555555555555",
    "title": "Nidhi",
    "length": 6000,
    "artists": [
        {"artist": {"name": "M R Gopinath"}, "instrument": {"name": "Violin"}, "lead": False},
        {"artist": {"name": "Asha"}, "instrument": {"name": "Violin"}, "lead": False},
        {"artist": {"name": "Asha"}, "instrument": {"name": "Voice"}, "lead": True},
    ],
    "raaga": [{"name": "Kāmavardani/Pantuvarāḷi", "common_name": "kamavardani"}],
    "taala": [{"name": "Rūpaka", "common_name": "rupaka"}],
    "form": [{"name": "Kriti"}],
    "work": [{"title": "Nidhi chala"}],
    "concert": [{"title": "Asha at Arkay"}],
}


@pytest.fixture
def item(tmp_path) -> Path:
    folder = tmp_path / "saraga1.5_carnatic" / "Asha at Arkay by Asha" / "Nidhi Chala"
    folder.mkdir(parents=True)
    mix = encode(folder / "Nidhi Chala.mp3.mp3", melody(6.0, 44_100), 44_100, "libmp3lame")
    stem = folder / "Nidhi Chala.multitrack-violin.mp3"
    encode(stem, melody(6.0, 44_100, seed=3), 44_100, "libmp3lame")
    (folder / "Nidhi Chala.json").write_text(json.dumps(METADATA))
    (folder / "Nidhi Chala.ctonic.txt").write_text("146.83\n")
    (folder / "Nidhi Chala.sections-manual-p.txt").write_text(SECTIONS, encoding="utf-8")
    (folder / "Nidhi Chala.sama-manual.txt").write_text("0.1\n0.9\n")
    return mix


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    yield opened
    opened.close()


def test_the_folder_comes_in_with_its_annotations(workspace, library, item):
    root = item.parents[2]
    result = Importer(workspace, library, jobs=1).run([root], "cc-by-nc-sa-4.0")
    (recording,) = result  # the stem beside the mix is none
    assert result.failed == ()
    assert (recording.title, recording.composition) == ("Nidhi", "Nidhi chala")
    assert (recording.raga, recording.tala) == ("Pantuvarali", "Rupaka")
    assert recording.tonic_hz == 146.83
    assert recording.rights == "cc-by-nc-sa-4.0"
    assert recording.lead_artist == "Asha"
    assert recording.artists == (Artist("Asha", "voice"), Artist("M R Gopinath", "violin"))
    assert "Asha at Arkay" in recording.source
    segments = library.segments(recording.id)
    assert [(s.section, s.start_s, s.status) for s in segments] == [
        ("alapanai", 0.5, "approved"),
        ("violin", 1.0, "approved"),
        ("kriti", 2.0, "approved"),
        ("kriti", 3.0, "approved"),
        ("other", 4.0, "draft"),
        ("tani avartanam", 4.5, "approved"),
    ]
    assert [s.end_s for s in segments[:5]] == [2.0, 2.0, 3.0, 4.0, 4.5]  # the third is a length
    assert segments[-1].end_s == recording.duration_s
    assert segments[3].raga == "Sahana"
    assert {(s.origin, s.annotator) for s in segments} == {("import", ANNOTATOR)}


def test_an_import_again_leaves_what_a_person_changed(workspace, library, item):
    importer = Importer(workspace, library, jobs=1)
    (recording,) = importer.run([item])
    first, *_, last = library.segments(recording.id)
    library.save(replace(first, raga="Todi"), ANNOTATOR)
    library.delete(last.id, "asha")
    importer.run([item])
    after = library.segments(recording.id)
    assert len(after) == 5
    assert after[0].raga == "Todi"


def test_rights_are_restricted_unless_said_even_so(workspace, library, item):
    (recording,) = Importer(workspace, library, jobs=1).run([item])
    assert recording.rights == "restricted"


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (".json", "{"),
        (".json", '{"mbid": 1, "artists": [{"artist": 3}]}'),
        (".ctonic.txt", "high"),
        (".ctonic.txt", ""),
        (".ctonic.txt", "5.0"),
        (".sections-manual-p.txt", "1.0\t1\tx\tPallavi\n"),
        (".sections-manual-p.txt", "1.0\t1\t-2.0\tPallavi\n"),
        (".sections-manual-p.txt", "1.0,1,2.0,Pallavi\n"),
        (".sections-manual-p.txt", "nan\t1\t2.0\tPallavi\n"),
    ],
)
def test_a_damaged_annotation_is_said_and_the_sound_comes_in_all_the_same(
    workspace, library, item, ending, text
):
    item.with_name(f"Nidhi Chala{ending}").write_text(text)
    result = Importer(workspace, library, jobs=1).run([item])
    assert len(result) == len(library.recordings()) == 1
    (failure,) = result.failed
    assert failure.what.endswith(ending)
    assert "left out" in failure.reason


def test_other_files_beside_a_sound_are_not_taken_for_annotations(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(1.0, 8000)[0], 8000)
    assert notes_beside(path) is None
    path.with_suffix(".json").write_text('{"name": "something else"}')
    assert notes_beside(path).said == {}
