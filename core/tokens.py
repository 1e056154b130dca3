"""Stage 4, the length: how many tokens of a model's own a caption is, and how many it reads.

A text encoder reads its first 77 tokens (the demo model's 48) and never sees the rest. The count
needs the model's tokenizer alone, in either form in which a pipeline folder keeps it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.errors import ModelError
from core.variants import CLIP_TOKENS, too_long

# How CLIP cuts text into words before it pairs their letters (Radford et al. 2021).
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class TokenCounter:
    """A model's own measure of a caption; its start and end count too."""

    count: Callable[[str], int]
    limit: int

    def warning(self, caption: str) -> str | None:
        """What to say where the model would not read to the end."""
        return too_long(caption, self.count, self.limit)


@lru_cache(maxsize=8)
def token_counter(model: Path) -> TokenCounter:
    """The counter of the pipeline folder `model`.

    Raises
    ------
    ModelError
        If the folder holds no tokenizer.
    """
    folder = model / "tokenizer"
    if (folder / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        tokenizer = _clip_tokenizer(folder)
    else:
        raise ModelError(
            f"No tokenizer in {model}. Give a pipeline folder, with tokenizer/tokenizer.json or "
            "tokenizer/vocab.json and merges.txt in it."
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    limit = _limit(folder)
    edges = 2 - len(tokenizer.encode("").ids)  # start and end, if the file does not add them
    return TokenCounter(lambda text: len(tokenizer.encode(text).ids) + max(0, edges), limit)


def _limit(folder: Path) -> int:
    path = folder / "tokenizer_config.json"
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    limit = said.get("model_max_length", CLIP_TOKENS)
    return int(limit) if 0 < limit < 10_000 else CLIP_TOKENS  # a huge one means "not said"


def _clip_tokenizer(folder: Path):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    vocabulary, merges = (str(folder / name) for name in ("vocab.json", "merges.txt"))
    pairs = models.BPE.from_file(
        vocabulary,
        merges,
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
        fuse_unk=False,
        unk_token="<|endoftext|>",
    )
    tokenizer = Tokenizer(pairs)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
