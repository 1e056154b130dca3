"""A caption's length in a model's own tokens, against the tokenizer that the model is run with."""

import json

import pytest

from core.errors import ModelError
from core.tokens import token_counter
from core.workspace import DEMO_MODEL

TEXTS = (
    "",
    "Alapanai in raga Mohanam, by M. S. Subbulakshmi",
    "Rāga Tōḍi's 72 aksharas, don't",
    "Carnatic kriti in raga Reetigowla (janya of Kharaharapriya), in Adi tala of 8 aksharas",
)


@pytest.fixture(scope="module")
def split_in_two(tmp_path_factory):
    """The demo model's tokenizer in the form that older pipelines keep: vocab.json, merges.txt."""
    model = tmp_path_factory.mktemp("model")
    (model / "tokenizer").mkdir()
    learned = json.loads((DEMO_MODEL / "tokenizer/tokenizer.json").read_text())["model"]
    (model / "tokenizer/vocab.json").write_text(json.dumps(learned["vocab"]))
    pairs = (each if isinstance(each, str) else " ".join(each) for each in learned["merges"])
    (model / "tokenizer/merges.txt").write_text("\n".join(["#version: 0.2", *pairs]))
    return model


def test_they_are_counted_as_the_model_counts_them(split_in_two):
    from transformers import CLIPTokenizer

    theirs = CLIPTokenizer.from_pretrained(DEMO_MODEL / "tokenizer")
    wanted = [len(theirs(text).input_ids) for text in TEXTS]
    for model in (DEMO_MODEL, split_in_two):
        assert [token_counter(model).count(text) for text in TEXTS] == wanted


def test_the_limit_is_the_models_else_that_of_clip(split_in_two):
    said = json.loads((DEMO_MODEL / "tokenizer/tokenizer_config.json").read_text())
    assert token_counter(DEMO_MODEL).limit == said["model_max_length"]
    assert token_counter(split_in_two).limit == 77


def test_what_the_model_would_not_read_is_warned_of(split_in_two):
    counter = token_counter(split_in_two)
    assert counter.warning(TEXTS[1]) is None
    assert "the model reads 77" in counter.warning("raga Mohanam " * 60)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ModelError, match="No tokenizer in"):
        token_counter(tmp_path)
