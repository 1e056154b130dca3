"""Paraphrases say the same facts, in words that come out the same every time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AnnotationError
from core.fields import describe
from core.records import SECTIONS, Segment
from core.templates import PRESETS
from core.variants import edit, edited, too_long, variants

WISH = describe("Mohanam", "Adi", "kriti", 146.8, composer="Thyagaraja", artist="M. S.")


def test_variants_differ_start_plain_and_are_the_same_for_the_same_seed():
    found = variants(PRESETS["rich"]["kriti"], WISH, 8, "0 abc")
    assert len(found) == len(set(found)) == 8
    assert found[0] == PRESETS["rich"]["kriti"].render(WISH)
    assert found == variants(PRESETS["rich"]["kriti"], WISH, 8, "0 abc")
    assert found != variants(PRESETS["rich"]["kriti"], WISH, 8, "1 abc")


def test_every_variant_names_the_raga_in_some_spelling():
    wish = describe("Todi", "Adi", "neraval")
    spellings = "Todi|Thodi|Hanumatodi|Hanumathodi|Hanumanthodi"
    for preset in PRESETS:
        for caption in variants(PRESETS[preset]["neraval"], wish, 12, "x"):
            assert re.search(spellings, caption), caption


def test_few_facts_give_few_variants():
    assert variants(PRESETS["seed"]["applause"], {"section": "applause"}, 9, "x") == ("Applause",)


@given(
    st.sampled_from(list(PRESETS)),
    st.sampled_from(SECTIONS),
    st.sets(st.sampled_from(sorted(WISH))),
    st.integers(0, 1000),
)
def test_no_variant_says_none_or_an_empty_clause(preset, section, names, seed):
    known = {name: WISH[name] for name in names} | {"section": section}
    if not PRESETS[preset][section].said(known):
        return
    for caption in variants(PRESETS[preset][section], known, 6, str(seed)):
        assert not re.search(r"None|,\s*,|\.,,|  |^[\s,;]|[\s,;]$|[{}]", caption), caption


def test_a_caption_longer_than_the_model_reads_is_warned_of():
    def count_words(text: str) -> int:
        return len(text.split())

    assert too_long("one two three", count_words, limit=3) is None
    assert "4 tokens, but the model reads 3" in too_long("one two three four", count_words, 3)


def test_a_caption_by_hand_stays_until_it_is_taken_back(workspace):
    segment = Segment("file-1", 0.0, 9.0, "kriti")
    assert edited(workspace) == {}
    edit(workspace, segment, "A song  that\nI love", "me")
    edit(workspace, Segment("file-1", 9.0, 19.0, "kriti", id="other"), "Another")
    assert edited(workspace)[segment.id] == "A song that I love"
    edit(workspace, segment, None)
    assert edited(workspace) == {"other": "Another"}


def test_an_empty_caption_by_hand_is_refused(workspace):
    with pytest.raises(AnnotationError, match="empty"):
        edit(workspace, Segment("file-1", 0.0, 9.0, "kriti"), "  ")


def test_a_damaged_line_of_captions_is_named(workspace):
    workspace.captions().write_text('{"segment_id": "a", "text": "b"}\n{oops\n')
    with pytest.raises(AnnotationError, match=r"captions.jsonl:2: .*Mend or delete"):
        edited(workspace)
