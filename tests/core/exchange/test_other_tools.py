"""Files as the tools themselves, or their own libraries, write and read them."""

import csv
import json

import pytest

from core.exchange import exporting, importing, reading
from core.library import Library
from core.records import Recording, Segment

RECORDING = Recording("file-1", "Evening concert", 1000.0, "own", "concert.flac")
SEGMENTS = [
    Segment("file-1", 0.5, 300.25, "alapanai", raga="Mohanam", status="approved"),
    Segment("file-1", 100.0, 200.0, "violin"),
    Segment("file-1", 300.25, 900.0, "kriti", tala="Adi", annotator="Meena", note='a "quote"'),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    opened = Library(f"sqlite:///{tmp_path_factory.mktemp('library') / 'studio.db'}")
    opened.add(RECORDING)
    yield opened
    opened.close()


@pytest.fixture
def taken(library):
    def take(content: bytes, answers=None, **wishes) -> importing.Plan:
        found = reading.read(content, "labels")
        return importing.plan(found, library, RECORDING, importing.Wishes(answers or {}, **wishes))

    return take


def spans(plan: importing.Plan) -> list[tuple]:
    return [(s.section, pytest.approx(s.start_s), pytest.approx(s.end_s)) for s in plan.segments]


def written(name: str, tmp_path):
    done = exporting.export(RECORDING, SEGMENTS, name)
    path = tmp_path / f"labels{done.format.suffix}"
    path.write_bytes(done.content)
    return path


@pytest.mark.parametrize("shape", ["short_textgrid", "long_textgrid"])
def test_praatio_writes_a_textgrid(taken, tmp_path, shape):
    from praatio import textgrid

    grid = textgrid.Textgrid()
    rows = [(0.5, 300.25, "Ālāpana"), (300.25, 900.0, "Kṛti")]
    grid.addTier(textgrid.IntervalTier("form", rows, 0, 1000.0))
    grid.addTier(textgrid.IntervalTier("raaga", [(0.0, 1000.0, "rītigauḷa")], 0, 1000.0))
    grid.save(tmp_path / "a.TextGrid", format=shape, includeBlankSpaces=True)
    plain = (tmp_path / "a.TextGrid").read_bytes()
    for content in (plain, plain.decode().encode("utf-16"), b"\xef\xbb\xbf" + plain):
        plan = taken(content)
        assert spans(plan) == [("alapanai", 0.5, 300.25), ("kriti", 300.25, 900.0)]
        assert {s.raga for s in plan.segments} == {"Reetigowla"}


def test_praatio_and_textgrid_read_our_textgrid(tmp_path):
    import textgrid as kyle
    from praatio import textgrid

    path = str(written("textgrid", tmp_path))
    grid = textgrid.openTextgrid(path, includeEmptyIntervals=False)
    assert [tuple(each) for each in grid.getTier("sections").entries] == [
        (0.5, 300.25, "alapanai"),
        (300.25, 900.0, "kriti"),
    ]
    assert [each.label for each in grid.getTier("sections: note").entries] == ['a "quote"']
    other = kyle.TextGrid.fromFile(path)
    assert other.maxTime == 1000.0
    assert [each.mark for each in other.getFirst("violin") if each.mark] == ["violin"]


def test_tiers_of_points_and_of_words_are_left_out_beside_sections(taken, tmp_path):
    from praatio import textgrid

    grid = textgrid.Textgrid()
    grid.addTier(textgrid.PointTier("sama", [(1.0, "1"), (6.0, "2")], 0, 1000.0))
    grid.addTier(textgrid.IntervalTier("words", [(0.5, 2.0, "nannu")], 0, 1000.0))
    grid.addTier(textgrid.IntervalTier("form", [(0.5, 300.25, "Kriti")], 0, 1000.0))
    grid.save(tmp_path / "a.TextGrid", format="long_textgrid", includeBlankSpaces=True)
    content = (tmp_path / "a.TextGrid").read_bytes()
    plan = taken(content)
    assert spans(plan) == [("kriti", 0.5, 300.25)]
    assert set(plan.notes) == {
        "Tier 'sama' (2) has no regions and is left out.",
        "Tier 'words' (1) names no section and is left out.",
    }
    assert [each.label for each in taken(content, tiers=("words",)).unknown] == ["nannu"]


@pytest.mark.parametrize(
    "content",
    [
        b"0.500000\t0.500000\tRagam\n300.250000\t300.250000\tKriti\n",  # Audacity
        b"0.500000000,Ragam\n300.250000000,Kriti\n",  # Sonic Visualiser's time instants
    ],
)
def test_points_are_where_sections_begin_if_one_says_so(taken, content):
    from core.errors import AnnotationError

    with pytest.raises(AnnotationError, match="say so"):
        taken(content)
    plan = taken(content, points=True)
    assert spans(plan) == [("alapanai", 0.5, 300.25), ("kriti", 300.25, 1000.0)]


def test_overlaps_that_nobody_hears_are_closed_and_told(taken):
    plan = taken(b"0.5\t300.27\tRagam\n300.25\t900\tKriti\n")
    assert spans(plan) == [("alapanai", 0.5, 300.25), ("kriti", 300.25, 900.0)]
    assert plan.notes == ("Overlaps of at most 50 ms were closed (1).",)


def test_pympi_writes_an_eaf_with_a_dependent_tier(taken, tmp_path):
    from pympi.Elan import Eaf

    document = Eaf(author="someone")
    document.remove_tier("default")
    document.add_linguistic_type("hung", constraints="Symbolic_Association", timealignable=False)
    document.add_tier("form")
    document.add_tier("raga", ling="hung", parent="form")
    document.add_annotation("form", 500, 300_250, "Alapana & <more>")
    document.add_annotation("form", 300_250, 900_000, "Kriti")
    document.add_ref_annotation("raga", "form", 1000, "Mohanam")
    document.to_file(tmp_path / "a.eaf")
    plan = taken((tmp_path / "a.eaf").read_bytes(), {"Alapana & <more>": "alapanai"})
    assert spans(plan) == [("alapanai", 0.5, 300.25), ("kriti", 300.25, 900.0)]
    assert [s.raga for s in plan.segments] == ["Mohanam", None]


def test_pympi_reads_our_eaf(tmp_path):
    from pympi.Elan import Eaf

    document = Eaf(str(written("eaf", tmp_path)))
    assert document.get_annotation_data_for_tier("violin") == [(100_000, 200_000, "violin")]
    assert document.get_annotation_data_for_tier("sections: tala") == [(300_250, 900_000, "Adi")]


def test_our_jams_is_valid_and_a_foreign_one_is_read(taken, tmp_path):
    import jams

    ours = jams.load(str(written("jams", tmp_path)))  # validates
    assert {each.namespace for each in ours.annotations} == {"segment_open", "blob"}
    jam = jams.JAMS()
    jam.file_metadata.duration = 1000.0
    rows = jams.Annotation("segment_open")
    rows.annotation_metadata.annotator = {"name": "Meena"}
    rows.append(time=1.0, duration=9.0, value="Tani", confidence=0.5)
    jam.annotations += [jams.Annotation("beat"), rows]
    (found,) = taken(jam.dumps().encode()).segments
    assert (found.section, found.start_s, found.end_s) == ("tani avartanam", 1.0, 10.0)
    assert (found.confidence, found.annotator, found.origin) == (0.5, "Meena", "import")


def test_mir_eval_reads_our_audacity_labels(tmp_path):
    import mir_eval

    intervals, labels = mir_eval.io.load_labeled_intervals(
        str(written("audacity", tmp_path)), delimiter="\t"
    )
    assert labels == ["alapanai", "violin", "kriti"]
    assert intervals[2].tolist() == [300.25, 900.0]


def test_pandas_reads_our_table(tmp_path):
    import pandas

    table = pandas.read_csv(written("csv", tmp_path))
    assert table["section"].tolist() == ["alapanai", "violin", "kriti"]
    assert table["note"].tolist()[2] == 'a "quote"'


def test_audacity_labels_with_frequencies_and_windows_line_ends(taken):
    plan = taken(b"0.500000\t300.250000\tRagam\r\n\\\t200.0\t4000.0\r\n310,5\t320\tViolin\r\n")
    assert spans(plan) == [("alapanai", 0.5, 300.25), ("violin", 310.5, 320.0)]


def test_saraga_gives_durations_not_ends(taken):
    text = (
        "1.363265306\t1\t473.705396825\tVocal ālāp\n475.068662131\t1\t268.248526077\tViolin ālāp\n"
    )
    plan = taken(text.encode())
    assert spans(plan) == [
        ("alapanai", 1.363265306, 475.068662131),
        ("violin", 475.068662131, 743.317188208),
    ]


def test_every_section_file_of_saraga_is_taken_or_asked_about(material, library):
    path = material / "tables" / "saraga_carnatic_sections.csv"
    songs: dict[str, list[str]] = {}
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            cells = (row["start_s"], "1", row["duration_s"], row["label"])
            songs.setdefault(row["mbid"], []).append("\t".join(cells))
    concert = Recording("file-2", "A long one", 10_000.0, "own", "a test")
    asked = total = 0
    for rows in songs.values():
        found = reading.read("\n".join(rows).encode(), "sections.txt")
        assert found.format.name == "saraga"
        plan = importing.plan(found, library, concert, importing.Wishes())
        asked += sum(each.count for each in plan.unknown)
        total += len(rows)
    assert (len(songs), total) == (119, 534)
    assert asked < 0.15 * total


def test_a_label_that_says_more_suggests_the_section_in_it(taken):
    assert taken("0\t9\tCaraṇam sahānā".encode()).unknown[0].suggestions[0] == "kriti"


def test_sonic_visualiser_with_and_without_headings(taken):
    rows = '0.500000000,1,299.75,"alapanai"\n300.250000000,3,599.75,kriti\n'
    wanted = [("alapanai", 0.5, 300.25), ("kriti", 300.25, 900.0)]
    assert spans(taken(rows.encode())) == wanted
    assert spans(taken(f"TIME,VALUE,DURATION,LABEL\n{rows}".encode())) == wanted


def test_rttm_of_several_files_gives_the_rows_of_this_one(taken):
    text = (
        ";; made elsewhere\n"
        "SPKR-INFO file-1 1 <NA> <NA> <NA> unknown kriti <NA> <NA>\n"
        "SPEAKER file-1 1 0.500 299.750 <NA> <NA> tani_avartanam 0.25 <NA>\n"
        "SPEAKER other 1 0.000 10.000 <NA> <NA> kriti <NA> <NA>\n"
    )
    plan = taken(text.encode())
    assert spans(plan) == [("tani avartanam", 0.5, 300.25)]
    assert plan.segments[0].confidence == 0.25
    assert plan.notes == ("What is about other recordings is left out (regions: 1).",)


def test_a_file_about_others_only_asks_which_is_meant(taken):
    from core.errors import AnnotationError

    text = "SPEAKER x 1 0 10 <NA> <NA> kriti <NA>\nSPEAKER y 1 50 10 <NA> <NA> neraval <NA>\n"
    with pytest.raises(AnnotationError, match="about 2 recordings"):
        taken(text.encode())


def test_label_studio_regions_with_texts_choices_and_a_prediction_taken_over(taken):
    def result(region, name, kind, value):
        common = {"id": region, "from_name": name, "to_name": "audio", "type": kind}
        return {**common, "original_length": 1000, "origin": "manual", "value": value}

    span = {"start": 0.5, "end": 300.25, "channel": 0}
    task = {
        "id": 7,
        "data": {"audio": "/data/upload/1/ab12-concert.flac"},
        "annotations": [
            {
                "completed_by": {"id": 3, "email": "meena@example.org"},
                "was_cancelled": False,
                "result": [
                    result("a", "label", "labels", {**span, "labels": ["Alapana"]}),
                    result("a", "raga", "textarea", {**span, "text": ["mohana"]}),
                    result("a", "status", "choices", {**span, "choices": ["approved"]}),
                    result("w", "quality", "choices", {"choices": ["good"]}),
                ],
            },
            {"was_cancelled": True, "result": [{"id": "z", "value": {"start": 1}}]},
        ],
        "predictions": [
            {
                "model_version": "v1",
                "result": [
                    result("a", "label", "labels", {**span, "labels": ["kriti"]}),
                    {
                        **result(
                            "b", "label", "labels", {"start": 1, "end": 2, "labels": ["kriti"]}
                        ),
                        "score": 0.75,
                    },
                ],
            }
        ],
    }
    one, other = taken(json.dumps([task]).encode()).segments
    assert (one.section, one.raga, one.status) == ("alapanai", "Mohanam", "approved")
    assert (one.annotator, one.origin) == ("meena@example.org", "import")
    assert (other.origin, other.confidence, other.section) == ("suggested", 0.75, "kriti")


def test_label_studios_short_export(taken):
    rows = [{"start": 0.5, "end": 300.25, "channel": 0, "labels": ["Kriti"]}]
    task = {"audio": "/data/concert.flac", "id": 7, "label": rows, "annotator": 1}
    (found,) = taken(json.dumps([task]).encode()).segments
    assert (found.section, found.annotator) == ("kriti", "Label Studio user 1")


def test_only_the_wanted_tiers(taken):
    text = "SPEAKER x 1 0 10 <NA> <NA> kriti <NA>\nSPEAKER y 1 5 10 <NA> <NA> neraval <NA>\n"
    (found,) = taken(text.encode(), tiers=("y",)).segments
    assert found.section == "neraval"
