"""What cannot be imported is explained by line, and nothing of it is kept."""

import subprocess
import sys

import pytest

from core.errors import AnnotationError
from core.exchange import exporting, importing, reading
from core.exchange.formats import FORMATS
from core.library import Library
from core.records import Recording, Segment
from core.workspace import PROJECT, Workspace

RECORDING = Recording("file-1", "Evening concert", 1000.0, "own", "concert.flac")


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    opened.add(RECORDING)
    yield opened
    opened.close()


def take(library: Library, content: bytes, **wishes) -> importing.Plan:
    found = reading.read(content, "labels.txt")
    return importing.plan(found, library, RECORDING, importing.Wishes(**wishes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"RIFF....WAVE", "wav file"),
        (b"hello\nworld\n", "its columns are"),
        ("start_s,end_s,section\n1,2,kriti é".encode("latin-1"), "line 2: this is no UTF-8"),
        (b"0\t10\tkriti\n20\n30\tx\tkriti\n", "line 2: there is no end"),
        (b"0\t10\tkriti\n20\tnan\tkriti\n", "line 2: its end is 'nan'"),
        (b"0\t10\tkriti\n-5\t8\tkriti\n", "line 2: it starts at -5 s"),
        (b"0\t10\tkriti\n20\t20\tkriti\n", "line 2: it is a point at 0:20.0"),
        (b"0\t10\tkriti\n30\t20\tkriti\n", "line 2: it ends .* before it starts"),
        (b"0\t10\tkriti\n990\t1010\tkriti\n", "line 2: it ends at 16:50.0, but the recording"),
        (b"0\t10\tkriti\n9\t20\tkriti\n", "line 2: it overlaps line 1's kriti .* by 1.00 s"),
        (b"start,end,label,confidence\n0,1,kriti,2\n", "line 2: .* confidence 2.0"),
        (b"start,end,label,status\n0,1,kriti,done\n", "line 2: its status is 'done'"),
        (b'start,end,label\n0,1,"kriti\n', "line 2: unexpected end of data"),
        (b'[{"data": {"audio": "x"}, "annotations": [', "line 1, column 43"),
        (b'{"file_metadata": {"duration": 1}, "annotations": [', "line 1, column 52"),
        (b"SPEAKER x 1 0.5\n", "line 1: it has 4 fields"),
        (b"<ANNOTATION_DOCUMENT><TIER", "line 1, column 2"),
        (b"<sv><data/></sv>", "region layer as CSV"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ANNOTATION_DOCUMENT/>', "document type"),
        (b'File type = "ooTextFile"\nObject class = "Pitch 1"\n', "is a Pitch 1, not"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(library, content, said):
    with pytest.raises(AnnotationError, match=said):
        take(library, content)
    assert library.segments() == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_off_anywhere_is_refused_or_holds_whole_regions(library, name):
    segments = [
        Segment("file-1", 10.0 * k, 10.0 * k + 8, "kriti", raga="Mohanam") for k in range(4)
    ]
    whole = exporting.export(RECORDING, segments, name).content
    for size in range(1, len(whole), max(1, len(whole) // 60)):
        try:
            plan = take(library, whole[:size])
        except AnnotationError:
            continue
        assert len(plan.segments) <= 4


@pytest.mark.parametrize("junk", [b"\0\xff\xfe\x01", b"\x80" * 50, b"[[[[" * 5000, b"\t\t\n" * 9])
def test_junk_is_refused(library, junk):
    with pytest.raises(AnnotationError):
        take(library, junk)


def test_many_faults_are_counted(library):
    rows = b"0\t1\tkriti\n" + b"x\t1\tkriti\n" * 50_000
    with pytest.raises(AnnotationError, match="and 49980 more") as caught:
        take(library, rows)
    assert len(str(caught.value).splitlines()) == 22


def test_an_unknown_section_is_asked_for_and_never_guessed(library):
    content = b"0\t10\tPallavi in Kapi\n10\t20\tPallavi in Kapi\n20\t30\t<i>noise!</i>\n"
    plan = take(library, content)
    asked = [(each.label, each.count, each.where) for each in plan.unknown]
    assert asked == [("Pallavi in Kapi", 2, "line 1"), ("<i>noise!</i>", 1, "line 3")]
    assert plan.unknown[0].suggestions[0] == "kriti"
    with pytest.raises(AnnotationError, match="Pallavi in Kapi"):
        importing.save(library, plan)
    answers = {"Pallavi in Kapi": "Krithi", "<i>noise!</i>": importing.LEAVE_OUT}
    assert importing.save(library, take(library, content, answers=answers)) == 2
    assert [each.section for each in library.segments()] == ["kriti", "kriti"]


def test_an_unknown_raga_stays_as_it_is_written_and_is_told(library):
    plan = take(library, b"start,end,label,raga\n0,1,kriti,Kalyni\n1,2,kriti,Kalyni\n")
    assert [each.raga for each in plan.segments] == ["Kalyni", "Kalyni"]
    (note,) = plan.notes
    assert "Did you mean" in note


def test_what_is_marked_already_is_not_marked_twice_unless_replaced(library):
    there = library.save(Segment("file-1", 5.0, 15.0, "alapanai")).segment
    content = b"0\t10\tkriti\n20\t30\tkriti\n"
    with pytest.raises(AnnotationError, match="line 1: it overlaps the alapanai"):
        take(library, content)
    importing.save(library, take(library, content, replace=True))
    assert there.id not in {each.id for each in library.segments()}
    library.undo("file-1")  # the import is one edit
    assert [each.id for each in library.segments()] == [there.id]
    assert importing.save(library, take(library, content, annotator="Meena")) == 2


def test_cells_that_spreadsheets_would_run_are_escaped(library):
    said = {"note": "=HYPERLINK(1)", "composer": "+1", "artist": "@a", "composition": "-x"}
    table = exporting.export(RECORDING, [Segment("file-1", 0, 1, "kriti", **said)], "csv").content
    row = table.decode().splitlines()[1]
    assert "'=HYPERLINK" in row
    assert "'+1" in row
    (back,) = take(library, table).segments
    assert (back.note, back.composer, back.artist) == ("=HYPERLINK(1)", "+1", "@a")


def test_what_a_format_cannot_hold_is_listed():
    segments = [
        Segment("file-1", 0, 10, "kriti", raga="Mohanam", status="approved"),
        Segment("file-1", 5, 9, "kriti", origin="suggested", confidence=0.5),
        Segment("file-1", 20, 30, "other", status="rejected"),
    ]
    done = exporting.export(RECORDING, segments, "audacity")
    assert done.count == 2
    told = "\n".join(done.losses)
    for part in ("1 rejected", "raga of 1", "status of 1", "confidence of 1", "lie over another"):
        assert part in told
    assert exporting.export(RECORDING, segments, "csv").losses == ()


@pytest.mark.slow
def test_fifty_thousand_regions(library):
    length = RECORDING.duration_s / 50_000
    segments = [
        Segment("file-1", k * length, (k + 1) * length, "kriti", raga="Mohanam")
        for k in range(50_000)
    ]
    done = exporting.export(RECORDING, segments, "csv")
    assert importing.save(library, take(library, done.content)) == 50_000


def command(workspace: Workspace, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "core.exchange", *map(str, arguments)]
        + (["--workspace", str(workspace.root)] if arguments != ("interface",) else []),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )


def test_the_command_asks_imports_and_exports(library, workspace, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("0\t10\tMystery\n10\t20\tKriti\n")
    asked = command(workspace, "import", "file-1", labels)
    assert asked.returncode == 2
    assert "Mystery (1 region, first at line 1)" in asked.stderr
    assert library.segments() == []
    done = command(workspace, "import", "Evening concert", labels, "--map", "Mystery=tanam")
    assert (done.returncode, done.stdout) == (0, "2 of 2 regions imported (Audacity labels).\n")
    out = tmp_path / "out.rttm"
    told = command(workspace, "export", "file-1", out)
    assert told.returncode == 0, told.stderr
    assert "2 regions written" in told.stdout
    assert "SPEAKER file-1 1 0.000000 10.000000 <NA> <NA> tanam" in out.read_text()
