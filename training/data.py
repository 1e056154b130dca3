"""Stage 6, the data: an exported dataset as latents, words and an order to learn them in.

Pictures are encoded once and kept (`training.cache`); nothing is flipped or resized, for time does
not run backwards and a row is a pitch. What each step meets of them: `training.course`.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import DatasetError
from core.metadata import read_metadata

if TYPE_CHECKING:
    import torch

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Example:
    """One picture and the captions it may be learned with."""

    path: Path
    captions: tuple[str, ...]
    section: str
    raga: str
    tala: str


@dataclass(frozen=True)
class Dataset:
    """What can be learned from, by split, and why some of the folder cannot."""

    folder: Path
    manifest: dict
    splits: dict[str, tuple[Example, ...]]
    size: tuple[int, int]  # rows, columns of every picture
    rejected: tuple[tuple[str, str], ...]  # file, reason

    @property
    def train(self) -> tuple[Example, ...]:
        """What is learned from."""
        return self.splits["train"]

    @property
    def held_out(self) -> tuple[Example, ...]:
        """What the held-out loss is measured on; empty if nothing was held out."""
        return self.splits.get("validation", ())


def read_dataset(folder: Path) -> Dataset:
    """Read an exported folder, leaving out what cannot be learned from.

    Raises
    ------
    DatasetError
        If it is no finished export or nothing of it can be used.
    """
    manifest = _manifest(folder)
    sized: dict[str, list[tuple[Example, tuple[int, int]]]] = {}
    rejected: list[tuple[str, str]] = []
    for split, rows in read_metadata(folder).items():
        sized[split] = []
        for row in rows:
            found = _example(folder / split, row)
            if isinstance(found, str):
                rejected.append((f"{split}/{row.get('file_name')}", found))
            else:
                sized[split].append(found)
    counted = Counter(size for each in sized.values() for _, size in each)
    if not sized.get("train"):
        why = f" {rejected[0][0]}: {rejected[0][1]}" if rejected else ""
        raise DatasetError(f"Nothing to learn from in {folder}.{why} Export the dataset again.")
    size = counted.most_common(1)[0][0]
    splits = {}
    for split, found in sized.items():
        splits[split] = tuple(example for example, its_size in found if its_size == size)
        rejected += [
            (f"{split}/{example.path.name}", _another_size(its_size, size))
            for example, its_size in found
            if its_size != size
        ]
    return Dataset(folder, manifest, splits, size, tuple(rejected))


def _manifest(folder: Path) -> dict:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} has no {MANIFEST}: it is no exported dataset, or its export is not "
            "finished. Export one with `python -m core.export`, and wait until it is done."
        ) from None
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}). Export the dataset again.") from error
    layout = manifest.get("config", {}).get("format", "imagefolder")
    if layout not in ("imagefolder", "kohya"):
        raise DatasetError(
            f"{folder} is laid out as {layout}. Training reads pictures: export as imagefolder."
        )
    return manifest


def _example(folder: Path, row: dict) -> tuple[Example, tuple[int, int]] | str:
    """An example and its size, or why it is none."""
    from PIL import Image, UnidentifiedImageError

    said = [row.get("text") or "", *(row.get("captions") or ())]
    captions = tuple(dict.fromkeys(text for text in said if text.strip()))
    if not captions:
        return "its caption is empty"
    path = folder / str(row.get("file_name"))
    try:
        with Image.open(path) as image:
            width, height = image.size
            image.verify()  # every chunk's checksum: finds what was cut off
    except FileNotFoundError:
        return "the picture is missing"
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        return f"the picture is damaged ({error})"
    words = [str(row.get(name) or "") for name in ("section", "raga", "tala")]
    return Example(path, captions, *words), (height, width)


def _another_size(found: tuple[int, int], wanted: tuple[int, int]) -> str:
    return f"it is {found[0]} x {found[1]}, the others {wanted[0]} x {wanted[1]}"


def spread(examples: Sequence[Example], n: int) -> tuple[Example, ...]:
    """At most `n` of `examples`, spread evenly over all."""
    n = min(n, len(examples))
    return tuple(examples[i * len(examples) // n] for i in range(n))


@dataclass(frozen=True)
class Order:
    """Which pictures come when.

    With `balance` 0 every picture comes once in a round; with 1 every section, and every raga in
    it, comes equally often, so that three hours of mridangam do not drown ten minutes of neraval.
    """

    examples: Sequence[Example]
    balance: float
    seed: int
    _rounds: dict[int, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each picture comes in a round on average, [shape=(n,)]."""
        sections = Counter(each.section for each in self.examples)
        ragas = Counter((each.section, each.raga) for each in self.examples)
        of_section = Counter(section for section, _ in ragas)
        rarity = [
            1 / (len(sections) * of_section[e.section] * ragas[e.section, e.raga])
            for e in self.examples
        ]
        n = len(self.examples)
        shares = np.array(rarity) ** self.balance
        return n * shares / shares.sum()

    def indices(self, start: int, n: int) -> np.ndarray:
        """The pictures at places `start` to `start + n` of the endless order."""
        size = len(self.examples)
        rounds = range(start // size, (start + n - 1) // size + 1)
        for number in self._rounds.keys() - set(rounds):
            del self._rounds[number]
        for number in set(rounds) - self._rounds.keys():
            self._rounds[number] = self._round(number)
        whole = np.concatenate([self._rounds[number] for number in rounds])
        offset = start - rounds[0] * size
        return whole[offset : offset + n]

    def _round(self, number: int) -> np.ndarray:
        """One round: systematic resampling by weight, then shuffled."""
        rng = np.random.default_rng([self.seed, 1, number])
        ends = np.cumsum(self.weights)
        points = rng.uniform() + np.arange(len(ends))
        drawn = np.searchsorted(ends, points % ends[-1], side="right").clip(max=len(ends) - 1)
        return rng.permutation(drawn)


@dataclass
class Batch:
    """What one forward pass sees; noise and perturbation have the shape of the latents."""

    latents: "torch.Tensor"
    words: "torch.Tensor"  # states (n, n_tokens, dim), or token ids (n, n_tokens) if learned
    timesteps: "torch.Tensor"
    noise: "torch.Tensor"
    perturbation: "torch.Tensor | None"  # added to the noise seen, not to what is to be found
    chosen: "torch.Tensor"  # which of the examples these are, (n,)
    captioned: "torch.Tensor"  # whether the words say anything: captions are dropped at times, (n,)

    def to(self, device) -> "Batch":
        """The same on another device."""
        there = {name: each.to(device) for name, each in vars(self).items() if each is not None}
        return replace(self, **there)
