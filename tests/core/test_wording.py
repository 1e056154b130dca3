"""Every segment with what it will be called, chosen by what is said and by what is missing."""

import pytest

from core.caption import templates
from core.library import Library
from core.records import Recording, Segment
from core.variants import edit
from core.wording import Wanted, gaps, wordings

WORDS = templates("sections")
CONCERT = Recording(
    "file-1", "A concert", 600.0, "own", "x", raga="Mohanam", lead_artist="D. K. Pattammal"
)
OTHER = Recording("file-2", "Another", 600.0, "own", "x", raga="Todi")


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    opened.add(CONCERT)
    opened.add(OTHER)
    opened.save_all(
        [
            Segment("file-1", 0, 40, "alapanai", id="a"),
            Segment("file-1", 40, 80, "kriti", composer="Thyagaraja", id="b"),
            Segment("file-2", 0, 40, "alapanai", tala="Adi", id="c"),
            Segment("file-2", 50, 60, "kriti", status="rejected", id="d"),
        ]
    )
    yield opened
    opened.close()


def ids(workspace, library, **wanted) -> str:
    return "".join(
        each.segment.id for each in wordings(workspace, library, WORDS, Wanted(**wanted))
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "abc"),
        ({"section": "alapanai"}, "ac"),
        ({"raga": "Todi"}, "c"),
        ({"artist": "D. K. Pattammal"}, "ab"),
        ({"recording_id": "file-2"}, "c"),
        ({"lacking": "tala"}, "a"),  # a kriti's template here does not ask for it
        ({"lacking": "tala", "raga": "Todi"}, ""),
    ],
)
def test_what_is_wanted_is_found(workspace, library, wanted, found):
    assert ids(workspace, library, **wanted) == found


def test_the_gaps_are_counted_widest_first(workspace, library):
    library.save(Segment("file-2", 100, 140, "alapanai"))
    library.save(Segment("file-2", 140, 180, "kriti"))
    assert list(map(str, gaps(wordings(workspace, library, WORDS)))) == [
        "2 regions have no tala",
        "1 region has no composer",
    ]


def test_a_caption_by_hand_is_the_only_one(workspace, library):
    edit(workspace, library.segment("b"), "A song I love")
    by_id = {each.segment.id: each for each in wordings(workspace, library, WORDS, n_captions=4)}
    assert (by_id["b"].captions, by_id["b"].by_hand) == (("A song I love",), True)
    assert len(by_id["c"].captions) > 1
    assert not by_id["c"].by_hand
