"""Stage 8: say what a model can do, and what it cannot, by ears it was never trained against.

    python -m training.evaluate --model demo --out report/
    python -m training.evaluate --model runs/x/model --dataset DIR --out report/ --clips 2

    asks --draw--> pictures --judge--> verdicts --scoring--> report.json, report.md, index.html

The model's row stands between a ceiling (real passages through the same codec) and floors (noise,
and the model's own passages under shuffled captions). Few ragas, sections or clips make it quick.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import StudioError
from core.theory import raga as raga_called
from core.theory import section as section_called
from training.asking import Ask, Chooser, Manner, draw_asks
from training.judging import SHORTEST_S, SUNG, Bench, Passage, Verdict
from training.loading import Taught, locate, taught
from training.wish import DEMO, GenerateConfig

if TYPE_CHECKING:
    from training.data import Dataset

log = logging.getLogger(__name__)

USUAL_SECTIONS = ("alapanai", "kriti", "tani avartanam")  # where a model does not say its own
SOUNDS = "clips"


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated, and how thoroughly."""

    model: str = DEMO
    """demo, a pipeline folder, or a Hugging Face model id."""
    out: Path = Path("report")
    """The folder to write."""
    dataset: Path | None = None
    """What the model learned from: its held-out recordings are the ceiling, its training pictures
    are where copies are looked for. Without it the ceiling is sample concerts."""
    ragas: tuple[str, ...] = ()
    """Only these; all it was taught, if none is named."""
    sections: tuple[str, ...] = ()
    """Only these; all it was taught, if none is named."""
    clips: int = 1
    """Passages of each raga and section."""
    steps: int = 20
    """Denoising steps."""
    guidance_scale: float = 4.0
    """How strictly the words are followed."""
    raga_guidance: float = GenerateConfig.raga_guidance
    """How strongly the raga head, if the model has one, guides the early steps."""
    best_of: int = 1
    """Of so many pictures the recogniser keeps the one that it thinks most in the raga."""
    recognizer: Path | None = None
    """Whose choice that is; the shipped one if not given."""
    seed: int = 0
    """Another seed, other passages."""
    at_once: int = 8
    """Pictures drawn together; a GPU takes hundreds."""
    device: str | None = None
    """cpu or cuda; a GPU where there is one, if not said."""
    workers: int = 0
    """Processes that judge; one for each core, if 0."""
    players: int = 12
    """Passages that can be heard on the page."""

    def __post_init__(self):
        for name in ("clips", "steps", "best_of", "at_once"):
            if getattr(self, name) < 1:
                raise StudioError(f"{name} is {getattr(self, name)}. Choose 1 or more.")


@dataclass
class Subject:
    """One row of the table: passages of one origin, and what was found of them."""

    name: str
    passages: list[Passage]
    verdicts: list[Verdict] = field(default_factory=list)
    likeness: dict[str, Any] = field(default_factory=dict)

    @property
    def pictures(self) -> np.ndarray:
        """All its pictures, [shape=(n, rows, columns), uint8]."""
        return np.concatenate([each.images for each in self.passages])

    @property
    def kinds(self) -> list[tuple[str | None, str]]:
        """Raga and section of each picture."""
        return [(each.raga, each.section) for each in self.passages for _ in each.images]


@dataclass(frozen=True)
class Evaluation:
    """Everything the report says."""

    config: EvaluationConfig
    ragas: tuple[str, ...]
    subjects: dict[str, Subject]
    seconds: dict[str, float]  # spent drawing and judging


def evaluate(config: EvaluationConfig) -> Evaluation:
    """Draw, compare, judge.

    Raises
    ------
    ModelError, DatasetError, TheoryError
        If the model, the dataset or a name cannot be used.
    """
    import time

    from training.reference import noise, of_dataset, of_samples, opened, shuffled

    folder, dataset = locate(config.model), opened(config.dataset)
    known = taught(folder)
    n_each = math.ceil(SHORTEST_S / known.codec.clip_s)
    asks = asked(config, known)
    began = time.monotonic()
    drawn = drawn_passages(config, folder, known, asks, n_each)
    drawing_s = time.monotonic() - began
    if dataset:
        real, origin = of_dataset(dataset, drawn, n_each), "held-out recordings"
    else:
        real, origin = of_samples(known.codec, drawn, n_each), "sample concerts"
    subjects = {
        "ceiling": Subject(f"{origin}, by the codec", real),
        "model": Subject(config.model, drawn),
        "shuffled": Subject("the model, captions shuffled", shuffled(drawn)),
        "noise": Subject("noise", noise(real)),
    }
    ragas = _ragas(config, known)
    began = time.monotonic()
    judge_all(subjects, Bench(known.codec.parameters(), ragas, _workers(config)))
    compare_all(subjects, known, dataset)
    seconds = {"drawing": drawing_s, "judging": time.monotonic() - began}
    return Evaluation(config, ragas, subjects, seconds)


def _workers(config: EvaluationConfig) -> int:
    import os

    return config.workers or len(os.sched_getaffinity(0))


def _ragas(config: EvaluationConfig, known: Taught) -> tuple[str, ...]:
    """The candidates of the judge: all that the model was taught, whatever is drawn."""
    from core.raga_ranking import common_ragas

    names = known.vocabulary.ragas or tuple(each.name for each in common_ragas())
    return tuple(dict.fromkeys((*names, *(raga_called(name).name for name in config.ragas))))


def asked(config: EvaluationConfig, known: Taught) -> list[Ask]:
    """What passages are asked for: every section of every raga, with talas in turn."""
    from core.fields import IN_TALA

    ragas = tuple(raga_called(name).name for name in config.ragas) or _ragas(config, known)
    sections = tuple(section_called(name) for name in config.sections)
    sections = sections or known.vocabulary.sections or USUAL_SECTIONS
    talas = known.vocabulary.talas or ("Adi",)
    asks = []
    for clip in range(config.clips):
        for s, section in enumerate(sections):
            for i, raga in enumerate(ragas):
                seed = config.seed * 1_000_003 + len(asks)
                tala = talas[(i + s + clip) % len(talas)] if section in IN_TALA else None
                asks.append(Ask(section, raga if section in SUNG else None, tala, seed))
    return asks


def drawn_passages(
    config: EvaluationConfig, folder: Path, known: Taught, asks: Sequence[Ask], n_each: int
) -> list[Passage]:
    """Draw `n_each` pictures for each ask."""
    from core.command import progress_bar
    from training.drawing import Model

    model = Model.load(folder, known.codec, config.device)
    chooser = None
    if config.best_of > 1:
        from training.raga_network import SHIPPED, Recognizer

        recognizer = Recognizer.load(config.recognizer or SHIPPED, model.pipeline.device)
        chooser = Chooser(recognizer, config.best_of)
    manner = Manner(config.steps, config.guidance_scale, config.raga_guidance, config.at_once)
    with progress_bar(len(asks) * n_each * config.best_of, "picture", "drawing") as bar:
        pictures = draw_asks(model, known.vocabulary, asks, n_each, manner, chooser, bar.update)
    heard = set(range(0, len(asks), max(1, len(asks) // max(1, config.players))))
    return [
        Passage(images, ask.raga, ask.section, ask.tala, _sound(config, i) if i in heard else None)
        for i, (ask, images) in enumerate(zip(asks, pictures, strict=True))
    ]


def _sound(config: EvaluationConfig, number: int) -> Path:
    folder = config.out / SOUNDS
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{number:04d}.ogg"


def judge_all(subjects: dict[str, Subject], bench: Bench) -> None:
    """Give each subject its verdicts."""
    from core.command import progress_bar

    passages = [each for subject in subjects.values() for each in subject.passages]
    with progress_bar(len(passages), "passage", "judging") as bar:
        verdicts = iter(bench.judge(passages, bar.update))
    for subject in subjects.values():
        subject.verdicts = [next(verdicts) for _ in subject.passages]


def compare_all(subjects: dict[str, Subject], known: Taught, dataset: "Dataset | None") -> None:
    """Say of each subject how near its pictures are to real ones, how varied and how copied."""
    from training.likeness import (
        Space,
        described,
        diversity,
        frechet,
        kernel_distance,
        nearest_copies,
    )
    from training.reference import learned

    training = learned(dataset) if dataset else None
    real = subjects["ceiling"]
    space = Space.of(described(real.pictures if training is None else training))
    points = space.place(real.pictures if training is None else training)
    for name, subject in subjects.items():
        if name == "shuffled":
            continue  # the model's own pictures
        placed, itself = space.place(subject.pictures), subject is real and training is None
        subject.likeness = {
            "fréchet distance": math.nan if itself else frechet(placed, points),
            "kernel distance": math.nan if itself else kernel_distance(placed, points),
            "diversity": diversity(placed, subject.kinds),
            "out of scale %": out_of_scale(subject, known),
        }
        if training is not None:
            likeness, which = nearest_copies(subject.pictures, training)
            subject.likeness |= {"copies": likeness.tolist(), "copied from": which.tolist()}


def out_of_scale(subject: Subject, known: Taught) -> float:
    """Share of the steady ridges of sung pictures that lie on foreign svaras, in per cent.

    The measure of `training.scale_loss`, so a model trained by that loss was trained on it.
    """
    import torch

    from training.scale_loss import ForeignRidges

    sung = [each for each in subject.passages if each.is_sung]
    if known.codec.preset != "svara" or not sung:
        return math.nan
    ragas = sorted({each.raga for each in sung})
    measure, found = ForeignRidges(known.codec, ragas), []
    for each in sung:
        pictures = torch.from_numpy(each.images)[:, None].float() / 127.5 - 1
        places = torch.full((len(pictures),), ragas.index(each.raga))
        found.append(measure(pictures, places).mean().item())
    return 100 * float(np.mean(found))


def main(config: EvaluationConfig) -> str:
    """Evaluate a model and write the report.

    Args:
        config: which model, how thoroughly.
    """
    from training.evaluation_page import write

    found = evaluate(config)
    return write(found)


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
