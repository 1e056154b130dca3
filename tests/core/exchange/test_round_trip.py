"""Every export, read again, is the same segments within a millisecond."""

import string
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.exchange import exporting, importing, reading
from core.exchange.formats import FORMATS
from core.exchange.marks import FIELDS, KEPT_ID, NUMBERS
from core.library import Library
from core.records import ORIGINS, SECTIONS, STATUSES, Recording, Segment

LENGTH_S = 10_800.0
RECORDING = Recording("file-1", 'Evening, "live"', LENGTH_S, "own", "concert.flac")

# What people type, what breaks parsers, and what a page or a spreadsheet would run.
AWKWARD = (
    "item [1]:",
    "intervals [2]:",
    'say "Sa"',
    "=1+1",
    "'=1",
    "@SUM(A1)",
    "-5",
    "<b>&amp;</b>",
    "a\tb",
    "two\nlines",
    "rāga; tāḷa, 'x'",
    "! not a comment",
    "xmin = 3",
    "😀",
    "<exists>",
    "[x]",
)
text = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(string.printable[:95] + "āṇśḷஆ😀", min_size=1, max_size=12).map(str.strip),
).filter(bool)
share = st.floats(0, 1, allow_nan=False)


@st.composite
def concerts(draw) -> list[Segment]:
    """Segments of one lane after the other, and a violin passage over some of them."""
    count = draw(st.integers(1, 5))
    steps = draw(st.lists(st.floats(0.01, 900), min_size=2 * count, max_size=2 * count))
    at, segments = draw(st.floats(0, 100)), []
    for gap, length in zip(steps[::2], steps[1::2], strict=True):
        start = at if draw(st.booleans()) else at + gap  # touching, or with a gap
        at = start + length
        segments.append(draw(segment(start, at, [s for s in SECTIONS if s != "violin"])))
        if draw(st.booleans()):
            segments.append(draw(segment(start, at, ["violin"])))
    return segments


@st.composite
def segment(draw, start: float, end: float, sections: list) -> Segment:
    said = {
        name: draw(st.none() | (share if name in NUMBERS else text))
        for name in FIELDS
        if name not in ("origin", "status", "annotator", "raga", "tala")
    }
    return Segment(
        RECORDING.id,
        start,
        end,
        draw(st.sampled_from(sections)),
        raga=draw(st.none() | st.sampled_from(["Mohanam", "Reetigowla", *AWKWARD])),
        tala=draw(st.none() | st.sampled_from(["Adi", "Misra chapu"])),
        origin=draw(st.sampled_from(ORIGINS)),
        status=draw(st.sampled_from(STATUSES)),
        annotator=draw(st.none() | st.sampled_from(["Meena", "R. K."])),
        **said,
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    library = Library(f"sqlite:///{tmp_path_factory.mktemp('library') / 'studio.db'}")
    library.add(RECORDING)
    yield library
    library.close()


def there_and_back(library: Library, segments: list[Segment], name: str) -> list[Segment]:
    done = exporting.export(RECORDING, segments, name)
    found = reading.read(done.content, f"labels{done.format.suffix}")
    assert found.format.name == name  # recognised by its content
    planned = importing.plan(found, library, RECORDING, importing.Wishes())
    assert not planned.unknown
    return sorted(planned.segments, key=lambda s: (s.start_s, s.end_s, s.section))


def as_said(segment: Segment, name: str) -> dict:
    """What a format that holds all of it would give back."""
    said = {each: getattr(segment, each) for each in FIELDS if each in FORMATS[name].holds}
    return {each: value for each, value in said.items() if value is not None}


@pytest.mark.parametrize("name", FORMATS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(segments=concerts())
def test_an_export_comes_back_as_it_was(empty, name, segments):
    kept = [s for s in segments if "status" in FORMATS[name].holds or s.status != "rejected"]
    if not kept:
        return
    kept.sort(key=lambda s: (s.start_s, s.end_s, s.section))
    back = there_and_back(empty, segments, name)
    assert [each.section for each in back] == [each.section for each in kept]
    for before, after in zip(kept, back, strict=True):
        assert after.start_s == pytest.approx(before.start_s, abs=0.001)
        assert after.end_s == pytest.approx(before.end_s, abs=0.001)
        assert as_said(after, name) == as_said(before, name)


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    opened.add(RECORDING)
    yield opened
    opened.close()


def planned(library: Library, content: bytes, **wishes) -> importing.Plan:
    found = reading.read(content, "labels")
    return importing.plan(found, library, RECORDING, importing.Wishes(**wishes))


@pytest.mark.parametrize("name", FORMATS)
def test_what_comes_back_unchanged_changes_nothing(library, name):
    drawn = Segment(RECORDING.id, 10.0004, 20.00049, "kriti", raga="Mohanam", note="=1")
    proposed = Segment(RECORDING.id, 30, 40, "alapanai", origin="suggested", confidence=0.25)
    library.save_all([drawn, proposed])
    done = exporting.export(RECORDING, library.segments(), name)
    assert importing.save(library, planned(library, done.content)) == 0
    assert len(library.history(drawn.id)) == 1


@pytest.mark.parametrize("name", [n for n, each in FORMATS.items() if KEPT_ID in each.holds])
def test_a_region_that_comes_back_changed_is_the_same_region(library, name):
    drawn = Segment(RECORDING.id, 10, 20, "kriti", raga="Mohanam", composer="Tyagaraja")
    library.save(drawn, "Meena")
    changed = replace(drawn, end_s=25.0, raga="Kalyani", composer=None, annotator="Meena")
    done = exporting.export(RECORDING, [changed], name)
    assert importing.save(library, planned(library, done.content), "Ravi") == 1
    assert library.segments() == [changed]
    assert [each.annotator for each in library.history(drawn.id)] == ["Meena", "Ravi"]


def test_a_table_without_a_column_is_silent_of_it(library):
    drawn = Segment(RECORDING.id, 10, 20, "kriti", raga="Mohanam", composer="Tyagaraja")
    library.save(drawn)
    importing.save(library, planned(library, b"start,end,label,raga\n10,20,kriti,\n"))
    (found,) = library.segments()
    assert (found.id, found.raga, found.composer) == (drawn.id, None, "Tyagaraja")


def test_anothers_marks_are_not_taken_for_ones_own(library):
    library.save(Segment(RECORDING.id, 10, 20, "kriti"), "Meena")
    content = exporting.export(RECORDING, library.segments(), "audacity").content
    importing.save(library, planned(library, content, annotator="Ravi"), "Ravi")
    assert {each.annotator for each in library.segments()} == {"Meena", "Ravi"}
