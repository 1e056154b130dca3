"""Stage 8, what a model is compared with: real passages as its ceiling, noise as its floor.

The ceiling is held-out recordings of the dataset the model learned from, drawn and sounded again by
the codec, exactly as what the model draws; without a dataset it is sample concerts that nobody was
taught with. Pictures are (n, rows, columns), uint8.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.codec import Codec
from core.errors import DatasetError
from training.data import Dataset, Example, read_dataset, spread
from training.judging import Passage
from training.picture_model import grey

log = logging.getLogger(__name__)

SAMPLE_SEED = 70_000  # far from those that lessons begin with
HELD_OUT = ("test", "validation")
MOST_LEARNED = 6000  # training pictures that copies are looked for among
MINUTES_EACH = 0.6  # of a sample concert, for each section in it


def of_dataset(dataset: Dataset, wanted: Sequence[Passage], n_each: int) -> list[Passage]:
    """Held-out passages of `n_each` pictures of one raga and section, as many as are wanted.

    Each goes on in one recording where it can; a raga and section that nobody held out is missing.
    """
    held = [each for split in HELD_OUT for each in dataset.splits.get(split, ())]
    by_kind: dict[tuple[str, str], list[Example]] = {}
    for example in held:
        by_kind.setdefault((example.section, example.raga), []).append(example)
    chosen: list[list[Example]] = []
    kinds = [(each.section, each.raga or "") for each in wanted]
    for kind in dict.fromkeys(kinds):
        found = sorted(by_kind.get(kind, ()), key=lambda example: example.path.name)
        runs = [found[i : i + n_each] for i in range(0, len(found) - n_each + 1, n_each)]
        chosen += spread(runs, kinds.count(kind))
    if not chosen:
        raise DatasetError(
            f"{dataset.folder} holds out no passage of the ragas and sections that are asked for. "
            "Export with more recordings, or evaluate without --dataset."
        )
    return [_passage(some) for some in chosen]


def _passage(examples: Sequence[Example]) -> Passage:
    first = examples[0]
    images = grey([each.path for each in examples])
    return Passage(images, first.raga or None, first.section, first.tala or None)


def learned(dataset: Dataset) -> np.ndarray:
    """What the model was trained with, or an even part of it."""
    return grey([each.path for each in spread(dataset.train, MOST_LEARNED)])


def of_samples(codec: Codec, wanted: Sequence[Passage], n_each: int) -> list[Passage]:
    """The same from sample concerts rendered for it, one for each passage."""
    from core import synthesis

    found = []
    for i, each in enumerate(wanted):
        item = synthesis.Item(each.raga or "Mohanam", each.tala or "Adi", (each.section,))
        plan = synthesis.Plan((item,), lead=("voice", "violin")[i % 2])
        minutes = MINUTES_EACH + n_each * codec.clip_s / 60
        concert = synthesis.render(SAMPLE_SEED + i, minutes, plan)
        image = codec.with_tonic(concert.recording.tonic_hz).encode(concert.y, concert.sr)
        n = min(n_each, image.shape[1] // codec.width)
        images = np.stack([image[:, k * codec.width : (k + 1) * codec.width] for k in range(n)])
        found.append(replace(each, images=images, audio=None))
    return found


def noise(real: Sequence[Passage], seed: int = 0) -> list[Passage]:
    """Pictures whose rows are as loud and vary as much as the real ones', and hold nothing."""
    rng = np.random.default_rng(seed)
    pictures = np.concatenate([each.images for each in real]).astype(np.float32)
    mean = pictures.mean(axis=(0, 2), keepdims=True)
    deviation = pictures.std(axis=(0, 2), keepdims=True)
    found = []
    for each in real:
        drawn = mean + deviation * rng.standard_normal(each.images.shape, np.float32)
        found.append(replace(each, images=np.clip(drawn, 0, 255).astype(np.uint8)))
    return found


def shuffled(passages: Sequence[Passage]) -> list[Passage]:
    """The same pictures under the names of others: as if the captions had been shuffled.

    Every name is kept within its section, and moved on by as many places as give the most of them
    another raga.
    """
    found = list(passages)
    for section in dict.fromkeys(each.section for each in passages):
        places = [i for i, each in enumerate(passages) if each.section == section]
        names = [passages[i].raga for i in places]
        shifts = range(1, max(2, len(names)))
        by = max(
            shifts, key=lambda k: sum(a != b for a, b in zip(names, _moved(names, k), strict=True))
        )
        for place, raga in zip(places, _moved(names, by), strict=True):
            found[place] = replace(passages[place], raga=raga, audio=None)
    return found


def _moved(names: list, by: int) -> list:
    by %= max(1, len(names))
    return names[by:] + names[:by]


def opened(folder: Path | None) -> Dataset | None:
    """The dataset, if one is named."""
    return read_dataset(folder) if folder else None
