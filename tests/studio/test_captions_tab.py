"""Wording regions by templates."""

import gradio as gr
import pytest

from core.templates import template_names, templates
from studio.captions_tab import (
    preview_html,
    refreshed,
    save,
    show_section,
    show_template,
    type_over,
)
from tests.studio.conftest import segment, silent

ID = "file-1"


@pytest.fixture
def concert(library):
    library.add(silent(ID))
    library.save(segment(ID, 0, 40, raga="Kalyani", status="approved"))
    library.save(segment(ID, 40, 85, section="kriti", raga="Kalyani", tala="Adi"))
    return library


def test_a_template_is_worded_over_real_regions(concert):
    html = preview_html(concert, "alapanai", "Alapanai in raga {raga} in {tala} tala")
    assert "Alapanai in raga Kalyani" in html
    assert "None" not in html
    assert "not known: tala" in html


def test_a_fault_is_shown_as_one_types_it(concert):
    html = preview_html(concert, "alapanai", "Alapanai in {rag")
    assert 'role="alert"' in html
    assert "{raga}" in html


def test_an_unknown_field_is_named(concert):
    assert "{singer}" in preview_html(concert, "kriti", "By {singer}")


def test_text_of_a_region_is_text(concert):
    concert.save(segment(ID, 85, 90, section="tillana", artist="<b>loud</b>"))
    html = preview_html(concert, "tillana", "Tillana by {artist}")
    assert "&lt;b&gt;loud" in html


def test_a_section_nobody_marked_says_where_to_mark_it(concert):
    assert "Segment tab" in preview_html(concert, "tanam", "Tanam in {raga}")


def test_choosing_a_template_shows_its_words_and_their_effect(workspace, concert):
    own, text, html, said = show_template(workspace, concert, "sections", "kriti")
    assert (own, said) == ({}, "")
    assert "{raga}" in text
    assert "Raga Kalyani" in html


def test_what_was_typed_for_one_section_waits_while_another_is_shown(workspace, concert):
    own, html, said = type_over(workspace, concert, {}, "sections", "kriti", "Song in {raga}")
    assert "Song in Kalyani" in html
    assert "Not saved" in said
    text, _ = show_section(workspace, concert, own, "sections", "alapanai")
    assert text.startswith("Alapanai")
    assert show_section(workspace, concert, own, "sections", "kriti")[0] == "Song in {raga}"


def test_typing_back_what_the_template_says_leaves_nothing_to_save(workspace, concert):
    text = templates("sections")["kriti"].text
    own, _, said = type_over(workspace, concert, {"kriti": "Song"}, "sections", "kriti", text)
    assert (own, said) == ({}, "")


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


def test_the_ragas_offered_are_those_there_are(concert):
    _, ragas = refreshed(concert, "kriti", "Kriti in {raga}", ["Kalyani", "Gone"])
    assert [value for _, value in ragas.choices] == ["Kalyani"]
    assert ragas.value == ["Kalyani"]
