"""Wording regions by templates."""

import gradio as gr
import pytest

from core.templates import template_names, templates
from core.variants import edited
from studio.caption_table import PAGE, View, captions_html, gaps_html
from studio.captions_tab import (
    look_at,
    refreshed,
    rewrite,
    save,
    show_more,
    show_section,
    show_template,
    type_over,
)
from tests.studio.conftest import segment, silent

ID = "file-1"
SEEN = {"lacking": None, "n_shown": PAGE}


@pytest.fixture
def concert(library):
    library.add(silent(ID, lead_artist="Lead Singer"))
    library.save(segment(ID, 0, 40, raga="Kalyani", status="approved"))
    library.save(segment(ID, 40, 85, section="kriti", raga="Kalyani", tala="Adi"))
    return library


def choices(section: str = "alapanai", own=(), seen=None, **more) -> list:
    """What the page's components say, in the order in which handlers take it."""
    said = {"everywhere": False, "raga": "", "artist": "", "base": "demo"} | more
    return [dict(own), "sections", section, *said.values(), seen or SEEN]


def table(workspace, library, section: str, text: str) -> str:
    return captions_html(workspace, library, View({section: text}, "sections", section))


def pressed(**said) -> gr.EventData:
    return gr.EventData(None, said)


def test_a_template_is_worded_over_real_regions(workspace, concert):
    html = table(workspace, concert, "alapanai", "Alapanai in raga {raga} in {tala} tala")
    assert "Alapanai in raga Kalyani" in html
    assert "None" not in html
    assert "not known: tala" in html
    assert "/recordings/file-1/sound#t=0.00,40.00" in html


def test_a_fault_is_shown_as_one_types_it(workspace, concert):
    html = table(workspace, concert, "alapanai", "Alapanai in {rag")
    assert 'role="alert"' in html
    assert "{raga}" in html


def test_an_unknown_field_is_named(workspace, concert):
    assert "{singer}" in table(workspace, concert, "kriti", "By {singer}")


def test_text_of_a_region_is_text(workspace, concert):
    concert.save(segment(ID, 85, 90, section="tillana", artist="<b>loud</b>"))
    html = table(workspace, concert, "tillana", "Tillana by {artist}")
    assert "&lt;b&gt;loud" in html
    assert "<b>loud" not in html


def test_a_section_nobody_marked_says_where_to_mark_it(workspace, concert):
    assert "Segment tab" in table(workspace, concert, "tanam", "Tanam in {raga}")


def test_a_caption_too_long_for_the_model_is_warned_of(workspace, concert):
    html = table(workspace, concert, "kriti", "A song in {raga} " + "and again " * 40)
    assert "tokens, but the model reads" in html


def test_choosing_a_template_shows_its_words_and_their_effect(workspace, concert):
    own, text, html, gaps, said = show_template(
        workspace, concert, *choices("kriti", own={"tanam": "Tanam"})
    )
    assert (own, said) == ({}, "")
    assert "{raga}" in text
    assert "Raga Kalyani" in html
    assert "1 region has no tala" in gaps


def test_what_was_typed_for_one_section_waits_while_another_is_shown(workspace, concert):
    own, html, said = type_over(workspace, concert, "Song in {raga}", *choices("kriti"))
    assert "Song in Kalyani" in html
    assert "Not saved" in said
    text, _ = show_section(workspace, concert, *choices("alapanai", own))
    assert text.startswith("Alapanai")
    assert show_section(workspace, concert, *choices("kriti", own))[0] == "Song in {raga}"


def test_typing_back_what_the_template_says_leaves_nothing_to_save(workspace, concert):
    text = templates("sections")["kriti"].text
    own, _, said = type_over(workspace, concert, text, *choices("kriti", {"kriti": "Song"}))
    assert (own, said) == ({}, "")


def test_a_caption_by_hand_stays_until_one_goes_back(workspace, concert):
    mark = concert.segments(ID)[0]
    event = pressed(segment_id=mark.id, text="A slow  Kalyani")
    html, gaps = rewrite(workspace, concert, event, None, *choices())
    assert "A slow Kalyani" in html
    assert "by hand" in html
    assert "1 worded by hand" in gaps
    assert edited(workspace) == {mark.id: "A slow Kalyani"}
    html, _ = rewrite(workspace, concert, pressed(segment_id=mark.id, text=None), None, *choices())
    assert "Alapanai in raga Kalyani" in html
    assert edited(workspace) == {}


def test_an_empty_caption_by_hand_is_refused(workspace, concert):
    event = pressed(segment_id=concert.segments(ID)[0].id, text="  ")
    with pytest.raises(gr.Error, match="empty"):
        rewrite(workspace, concert, event, None, *choices())


def test_a_gap_leads_to_the_regions_it_speaks_of(workspace, concert):
    concert.save(segment(ID, 85, 90, section="tani avartanam", tala="Adi"))
    seen, html = look_at(workspace, concert, pressed(field="artist"), *choices())
    assert seen["lacking"] == "artist"
    assert "tani avartanam" in html
    assert "Alapanai" not in html
    seen, html = look_at(workspace, concert, pressed(field=None), *choices(seen=seen))
    assert seen["lacking"] is None
    assert "Alapanai" in html


def test_nothing_missing_is_said_too(workspace, concert):
    words = View({"alapanai": "In {raga}", "kriti": "In {raga}"}, "sections", "kriti")
    assert "Nothing that the template asks for" in gaps_html(workspace, concert, words)


def test_many_regions_are_shown_a_page_at_a_time(workspace, concert):
    concert.save_all([segment(ID, 85 + k / 4, 85.2 + k / 4, section="tanam") for k in range(15)])
    html = captions_html(workspace, concert, View({}, "sections", "tanam"))
    assert (html.count("<audio"), "data-more" in html) == (PAGE, True)
    _, html = show_more(workspace, concert, *choices("tanam"))
    assert (html.count("<audio"), "data-more" in html) == (15, False)


def test_templates_are_kept_under_a_name_with_the_rest_of_their_base(workspace):
    own = {"kriti": "Song in {raga}", "tanam": "Tanam of {artist}"}
    left, dropdown, _ = save(workspace, own, "sections", "mine")
    assert left == {}
    assert dropdown.value == "mine"
    assert "mine" in template_names(workspace)
    kept = templates("mine", workspace)
    assert kept["kriti"].text == "Song | in {raga}"
    assert kept["tanam"].text == "Tanam | of {artist}"
    assert kept["neraval"] == templates("sections")["neraval"]


@pytest.mark.parametrize(("name", "why"), [("", "no name"), ("rich", "preset"), ("a/b", "name")])
def test_a_template_needs_a_name_of_its_own(workspace, name, why):
    with pytest.raises(gr.Error, match=why):
        save(workspace, {"kriti": "Song in {raga}"}, "sections", name)


def test_the_names_offered_are_those_there_are(workspace, concert):
    _, _, heard, artists, _, ragas = refreshed(workspace, concert, ["Kalyani", "Gone"], *choices())
    assert [value for _, value in heard.choices] == ["", "Kalyani"]
    assert [value for _, value in artists.choices] == ["", "Lead Singer"]
    assert [value for _, value in ragas.choices] == ["Kalyani"]
    assert ragas.value == ["Kalyani"]
