"""Stage 6, words: a tokenizer for which every word of a caption is one token.

A text encoder trained from scratch cannot learn what "Harikambhoji" is from letters it meets in
forty other ragas; as a token of its own it can. It is CLIP's byte-pair encoding with merges learned
from our captions, so that plain `CLIPTokenizer` reads it and any other text still has some tokens.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from core.caption import captions, describe
from core.records import SECTIONS
from core.templates import PRESETS
from core.theory import ragas, talas

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
N_TOKENS = 48  # read of a caption; a rich one has about forty
_WAYS = (
    {"instrument": "voice", "tempo": "slow", "mridangam": "without mridangam"},
    {"instrument": "violin", "tempo": "medium", "mridangam": "with soft mridangam"},
    {"instrument": "voice", "tempo": "fast", "mridangam": "with mridangam alone"},
)
_KINDS = "janya melakarta of aksharas voice violin"
VOCABULARY = 8000  # more than there are words and parts of words; training stops when all are whole


def caption_words() -> list[str]:
    """Texts that hold, between them, every word a caption can be made of."""
    known = describe("Mohanam", "Adi", "kriti", 146.83) | {
        "artist": "Sample Vocalist Violinist Mridangist",
        "composer": "Sample Composer",
        "composition": "Sample",
    }
    sentences = [
        text
        for preset, section, way in itertools.product(PRESETS, SECTIONS, _WAYS)
        for text in captions(known | way | {"section": section}, PRESETS[preset], 12, section)
    ]
    templates = [each.text for by_section in PRESETS.values() for each in by_section.values()]
    names = [each.name for each in (*ragas(), *talas())]
    notes = [f"tonic {letter}{sharp}" for letter in "ABCDEFG" for sharp in ("", "#")]
    return [*sentences, *templates, *names, *notes, *(str(n) for n in range(73)), _KINDS]


def learn_tokenizer(texts: Iterable[str], n_tokens: int = N_TOKENS) -> "CLIPTokenizer":
    """A CLIP tokenizer that knows the words of `texts` whole."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    plain = CLIPTokenizer()  # for its normalizer and its way of cutting text into words
    learner = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>"))
    learner.normalizer = plain.backend_tokenizer.normalizer
    learner.pre_tokenizer = plain.backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=1,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(sorted(set(texts)), trainer)
    return _as_clip(learner, n_tokens)


def _as_clip(learner, n_tokens: int) -> "CLIPTokenizer":
    import json

    from transformers import CLIPTokenizer

    model = json.loads(learner.to_str())["model"]
    vocabulary = dict(model["vocab"])
    for character in sorted(vocabulary):  # a letter alone is a word too: CLIP wants both forms
        if len(character) == 1:
            vocabulary.setdefault(f"{character}</w>", len(vocabulary))
    merges = [tuple(pair) for pair in model["merges"]]
    return CLIPTokenizer(
        vocabulary,
        merges,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        unk_token=END,
        model_max_length=n_tokens,
    )


def save_vocabulary(tokenizer: "CLIPTokenizer", folder: Path) -> None:
    """Write the tokenizer as diffusers' pipelines keep it."""
    tokenizer.save_pretrained(folder)
