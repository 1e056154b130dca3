"""Templates say what is known and no more, and refuse what they cannot say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AnnotationError
from core.records import SECTIONS
from core.templates import (
    FIELDS,
    PRESETS,
    CaptionTemplate,
    save_templates,
    template_names,
    templates,
)
from core.workspace import Workspace

values = st.one_of(
    st.none(),
    st.sampled_from(["", "  ", "None", "nan", " , ", ",,", "unknown"]),
    st.text("abcA #{}.,;-'\n\tṛ", max_size=12),
    st.sampled_from(["Mohanam", "Adi", "Smt. M. S. Subbulakshmi", "Ninnu, Kori"]),
)
knowns = st.dictionaries(st.sampled_from(list(FIELDS)), values)


def rendered(template: CaptionTemplate, known) -> str | None:
    return template.render(known) if template.said(known) else None


def assert_clean(caption: str) -> None:
    assert not re.search(r"\b(none|nan|unknown)\b", caption, re.IGNORECASE), caption
    assert not re.search(r",\s*,|  |^[\s,;]|[\s,;]$", caption), caption


@given(st.sampled_from(list(PRESETS)), st.sampled_from(SECTIONS), knowns)
def test_no_preset_says_none_or_an_empty_clause(preset, section, known):
    caption = rendered(PRESETS[preset][section], known)
    if caption is not None:
        assert_clean(caption)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", ", ", "in ", "by ", "and ", "; ", "Raga "]),
            st.sampled_from(list(FIELDS)),
            st.sampled_from(["", " tala", ","]),
        ),
        min_size=1,
        max_size=5,
    ),
    knowns,
)
def test_no_template_a_person_types_says_none_or_an_empty_clause(parts, known):
    text = " ".join(f"{before}{{{name}}}{after}" for before, name, after in parts)
    caption = rendered(CaptionTemplate.parse(text), known)
    if caption:
        assert_clean(caption)


@given(st.sampled_from(list(PRESETS)), st.sampled_from(SECTIONS))
def test_a_template_written_as_text_reads_back_the_same(preset, section):
    template = PRESETS[preset][section]
    assert CaptionTemplate.parse(template.text) == template


@pytest.mark.parametrize(
    ("text", "known", "caption"),
    [
        (
            "Alapanai in raga {raga} in {tala} tala",
            {"raga": "Todi", "tala": "Adi"},
            "Alapanai in raga Todi in Adi tala",
        ),
        ("Alapanai in raga {raga} in {tala} tala", {"raga": "Todi"}, "Alapanai in raga Todi"),
        (
            "Neraval in raga {raga} by {artist}",
            {"artist": "D. K. Pattammal"},
            "Neraval by D. K. Pattammal",
        ),
        (
            "Raga {raga} and composer {composer}",
            {"raga": "Abheri", "composer": "Papanasam Sivan"},
            "Raga Abheri and composer Papanasam Sivan",
        ),
        ("Raga {raga} and composer {composer}", {"composer": "Andal"}, "Composer Andal"),
        ("Raga {raga}. {tala} tala.", {"raga": "Todi"}, "Raga Todi."),
        (
            "Song in the style of {artist}, {tala} tala",
            {"tala": "Adi"},
            "Song, Adi tala",
        ),
        ("{raga} | {tala} tala | by {artist}", {"tala": "Adi", "artist": "X"}, "Adi tala by X"),
    ],
)
def test_a_clause_whose_field_is_unknown_is_left_out(text, known, caption):
    assert CaptionTemplate.parse(text).render(known) == caption


@pytest.mark.parametrize(
    "text",
    ["raga {raga", "raga raga}", "raga {}", "{rag}", "{raga!r}", "{raga:>9}", "{raga.x}", "{0}"],
)
def test_a_template_that_cannot_be_said_is_refused_with_the_fields_there_are(text):
    with pytest.raises(AnnotationError, match="There are: section, raga, melakarta"):
        CaptionTemplate.parse(text)


def test_an_empty_template_is_refused():
    with pytest.raises(AnnotationError, match="empty"):
        CaptionTemplate.parse(" , | ")


def test_a_template_with_nothing_known_says_what_it_wanted():
    with pytest.raises(AnnotationError, match="speaks of raga, but only tala is known"):
        CaptionTemplate.parse("raga {raga}").render({"tala": "Adi"})


def test_own_templates_are_kept_in_the_workspace(tmp_path):
    workspace = Workspace.at(tmp_path)
    save_templates(workspace, "mine", {"kriti": "A song in {raga}, by {composer}"})
    assert template_names(workspace) == [*PRESETS, "mine"]
    mine = templates("mine", workspace)
    assert mine["kriti"].render({"raga": "Todi"}) == "A song in Todi"
    assert mine["neraval"] == PRESETS["rich"]["neraval"]


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("rich", {}, "is a preset"),
        ("mine", {"song": "{raga}"}, "no section"),
        ("mine", {"kriti": "{ragam}"}, "no field"),
    ],
)
def test_own_templates_that_cannot_be_used_are_not_saved(tmp_path, name, texts, message):
    workspace = Workspace.at(tmp_path)
    with pytest.raises(AnnotationError, match=message):
        save_templates(workspace, name, texts)
    assert template_names(workspace) == list(PRESETS)


def test_an_unknown_template_lists_what_there_is(tmp_path):
    with pytest.raises(AnnotationError, match=r"No template 'mine'.*seed, sections, rich"):
        templates("mine", Workspace.at(tmp_path))
