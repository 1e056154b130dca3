"""Wording regions, and exporting them."""

import pytest

from core.templates import template_names, templates
from studio.captions_tab import chosen, count, make, preview_html, refreshed, save
from tests.studio.conftest import segment, silent, with_sound

ID = "file-1"
WISH = ("demo", "sections", ["alapanai", "kriti"], [], "approved")


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
    text, html = chosen(workspace, concert, "sections", "kriti")
    assert "{raga}" in text
    assert "Raga Kalyani" in html


def test_a_template_is_kept_under_a_name_with_the_rest_of_its_base(workspace):
    dropdown, _ = save(workspace, "sections", "kriti", "Song in {raga}", "mine")
    assert dropdown.value == "mine"
    assert "mine" in template_names(workspace)
    kept = templates("mine", workspace)
    assert kept["kriti"].text == "Song | in {raga}"
    assert kept["neraval"] == templates("sections")["neraval"]


@pytest.mark.parametrize(("name", "why"), [("", "no name"), ("rich", "preset"), ("a/b", "name")])
def test_a_template_needs_a_name_of_its_own(workspace, name, why):
    with pytest.raises(Exception, match=why):
        save(workspace, "sections", "kriti", "Song in {raga}", name)


def test_counting_says_what_an_export_would_hold(workspace, concert):
    said, table = count(workspace, concert, *WISH)
    assert "clips" in said
    assert "Kalyani" in table


def test_drafts_are_counted_only_if_they_are_trusted(workspace, concert):
    approved, _ = count(workspace, concert, *WISH)
    trusted, _ = count(workspace, concert, *WISH[:4], "approved,draft")
    assert approved != trusted


def test_no_section_is_refused(workspace, concert):
    with pytest.raises(Exception, match="Choose at least one"):
        count(workspace, concert, "demo", "sections", [], [], "approved")


def test_exporting_writes_the_dataset_and_says_where(workspace, library):
    library.add(with_sound(workspace, ID))
    library.save(segment(ID, 0, 60, status="approved"))
    said, _ = make(workspace, library, *WISH, False, lambda *a, **k: None)
    assert str(workspace.dataset("demo")) in said
    assert (workspace.dataset("demo") / "manifest.json").is_file()


def test_the_ragas_offered_are_those_there_are(concert):
    _, ragas = refreshed(concert, "kriti", "Kriti in {raga}", ["Kalyani", "Gone"])
    assert [value for _, value in ragas.choices] == ["Kalyani"]
    assert ragas.value == ["Kalyani"]
