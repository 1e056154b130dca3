"""What the panels below the editor tell, before any browser."""

import json

import pytest

from core.exchange.importing import Wishes
from core.review import reviews, send_back
from studio.exchange_panel import Asked, bring_in, look, offer, taken_out
from studio.progress_panel import hours_html, told
from studio.review_panel import compared, looked, reviews_html
from tests.studio.conftest import segment, silent

ID = "file-1"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def concert(library):
    library.add(silent(ID, title=f"Evening {HOSTILE}", tala="Adi"))
    return library


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"

    def write(text: str) -> str:
        path.write_text(text)
        return str(path)

    return write


def seen(library, path, answers=None, replace=False):
    return look(library, Asked(ID, path, Wishes(answers or {}, (), replace, "Meena")))


def test_a_file_is_shown_before_it_is_imported(concert, labels):
    html, start, tiers, points = seen(concert, labels("0\t10\tRagam\n10\t20\tKriti\n"))
    assert "<b>Audacity labels</b>: 2 regions" in html
    assert "alapanai" in html
    assert start.interactive
    assert not tiers.visible
    assert not points.visible
    assert concert.segments(ID) == []


def test_an_unknown_label_is_asked_for_as_text(concert, labels):
    path = labels(f"0\t10\t{HOSTILE}\n10\t20\tPallavi in Kapi\n")
    html, start, *_ = seen(concert, path)
    assert "<img" not in html
    assert '<optgroup label="Perhaps"><option>kriti</option>' in html
    assert not start.interactive
    answers = {HOSTILE: "", "Pallavi in Kapi": "kriti"}
    _, start, *_ = seen(concert, path, answers)
    assert start.interactive
    _, said, *_ = bring_in(concert, Asked(ID, path, Wishes(answers, annotator="Meena")))
    assert "1 region imported." in said
    (found,) = concert.segments(ID)
    assert (found.section, found.annotator, found.origin) == ("kriti", "Meena", "import")


def test_faults_are_listed_by_line_and_nothing_is_imported(concert, labels):
    path = labels(f"0\t10\tkriti\n5\t9\t{HOSTILE}\n80\t95\tkriti\n20\t20\tkriti\n")
    html, start, *_ = seen(concert, path)
    assert "<li>line 4: it is a point at 0:20.0" in html
    assert not start.interactive
    html, *_ = seen(concert, labels("0\t10\tkriti\n80\t95\tkriti\n"))
    assert "<li>line 2: it ends at 1:35.0, but the recording at 1:30.0.</li>" in html


def test_what_is_there_gives_way_when_asked_to(concert, labels):
    concert.save(segment(ID, 5, 15), "Meena")
    path = labels("0\t10\tkriti\n")
    html, start, *_ = seen(concert, path)
    assert "give way" in html
    assert not start.interactive
    html, start, *_ = seen(concert, path, replace=True)
    assert "Gives way: 1 region" in html
    assert start.interactive


def test_the_link_names_the_format_and_what_is_lost(concert):
    concert.save(segment(ID, 5, 15, raga="Mohanam"), "R & K")
    html = taken_out(concert, ID, "audacity", ":R & K")
    assert 'href="gradio_api/studio/recordings/file-1/labels/audacity?annotator=R+%26+K"' in html
    assert "raga of 1" in html
    assert "&lt;Labels name=" in taken_out(concert, ID, "label-studio", "")
    which, _ = offer(concert, ID, "csv", "")
    assert [value for _, value in which.choices] == ["", "approved:", ":R & K"]


def test_a_file_is_served_for_download(studio):
    from urllib.request import urlopen

    studio.library.save(segment("file-tones", 5, 15, note=HOSTILE), "Meena")
    at = f"{studio.url}/gradio_api/studio/recordings/file-tones/labels/label-studio?annotator=Meena"
    with urlopen(at) as answer:
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert json.load(answer)[0]["data"]["recording"] == "file-tones"


def test_reviews_are_told_with_what_may_be_done(concert):
    drawn = concert.save(segment(ID, 5, 15, artist=HOSTILE), f"Meena {HOSTILE}").segment
    send_back(concert, drawn.id, HOSTILE, "Ravi")
    html = reviews_html(reviews(concert, ID), "sent back")
    assert "<img" not in html
    assert "↩ sent back by Ravi" in html
    assert "Nothing is waiting here" in reviews_html(reviews(concert, ID), "waiting")


def test_the_table_is_left_alone_while_nothing_changes(concert):
    concert.save(segment(ID, 5, 15), "Meena")
    *_, now = looked(concert, ID, "waiting", None, None, (None, 0, "waiting"))
    again = looked(concert, ID, "waiting", None, None, now)
    assert all(isinstance(each, dict) for each in again)  # gradio's word for "leave it"
    concert.save(segment(ID, 20, 25), "Meena")
    assert isinstance(looked(concert, ID, "waiting", None, None, now)[0], str)


def test_two_annotators_are_compared_and_one_is_not(concert):
    concert.save(segment(ID, 0, 40), "Meena")
    assert "Fewer than two named annotators" in compared(concert, ID, None, None)
    concert.save_all([segment(ID, 0, 30), segment(ID, 30, 40, section="kriti")], HOSTILE)
    html = compared(concert, ID, "Meena", HOSTILE)
    assert "<b>75 %</b><span>of 0:40.0 the same" in html
    assert "0:30.0 – 0:40.0" in html
    assert "<img" not in html


def test_progress_says_who_did_what(concert):
    concert.save(segment(ID, 0, 45, status="approved"), "Meena")
    table, plot = told(concert, "section")
    assert "50 % marked, 50 % approved" in table
    assert "Meena 0:45" in table
    assert "<img" not in table
    assert "<dt>alapanai</dt>" in plot
    assert "No tala is marked yet" in hours_html([], "tala")
