"""Stage 6, the recogniser: learn to hear a raga in pictures, and say how well it does.

    python -m training.recognizer train --dataset DIR --out FILE
    python -m training.recognizer evaluate --dataset DIR --recognizer FILE

It is the judge inside the raga loss (`training.losses`) and of best-of-N, never the one whose
verdict is reported (`core.raga`). Recordings are held out as the dataset holds them out, by artist.
It must bear what a model draws (`training.distortions`), so it is taught on distorted pictures and
on pictures that the model itself has redrawn. Its probabilities are calibrated by one temperature
(Guo et al. 2017) on the validation recordings; figures are of the test recordings, where there are.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import DatasetError
from core.spectrogram import codec_from
from training.data import Dataset, Example, Order, read_dataset, spread

if TYPE_CHECKING:
    import torch

    from training.raga_network import Recognizer

log = logging.getLogger(__name__)

UNSUNG = ("tani avartanam", "applause", "speech", "other")  # a raga is named, none is heard
MAX_IN_MEMORY = 20_000  # pictures: 2.6 GB
LABEL_SMOOTHING = 0.05
REDRAWN_SHARE = 0.3  # of a batch
WARMUP = 50
REPORT_EVERY = 100
JUDGED_AT_ONCE = 64


@dataclass(frozen=True)
class RecognizerConfig:
    """How the recogniser is taught."""

    dataset: Path
    """An exported dataset of tonic-aligned pictures with ragas."""
    out: Path
    """The file to write."""
    model: str | None = "demo"
    """Whose drawing it must be able to read: pictures redrawn by it are learned too."""
    redrawn: int = 400
    """How many pictures are redrawn by the model; 0 teaches none."""
    steps: int = 1500
    """Optimizer steps."""
    batch_size: int = 32
    """Pictures in each."""
    learning_rate: float = 2e-3
    """At its highest."""
    seed: int = 0
    """Another seed, another order."""
    device: str | None = None
    """cpu or cuda; a GPU where there is one, if not said."""


def sung(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples in which a raga is named and can be heard."""
    return tuple(each for each in examples if each.raga and each.section not in UNSUNG)


def train(config: RecognizerConfig) -> str:
    """Teach a recogniser, calibrate it and write it, with its figures; returns them in words.

    Raises
    ------
    DatasetError
        If the pictures are not aligned to the tonic or hold fewer than two ragas.
    """
    import torch

    from training.raga_network import Recognizer

    device = torch.device(config.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dataset = read_dataset(config.dataset)
    _check(dataset)
    learned = spread(sung(dataset.train), MAX_IN_MEMORY)
    ragas = tuple(sorted({each.raga for each in learned}))
    if len(ragas) < 2:
        raise DatasetError(f"{dataset.folder} names {len(ragas)} raga; at least 2 are needed.")
    log.info("%d pictures of %d ragas", len(learned), len(ragas))
    torch.manual_seed(config.seed)
    recognizer = Recognizer.new(ragas, codec_from({"tonic_hz": None, **dataset.manifest["codec"]}))
    recognizer.network.to(device)
    _fit(recognizer, _Lessons.of(learned, recognizer, config, device), config)
    recognizer.network.eval()
    if held := sung(dataset.held_out):
        recognizer.temperature = temperature(*judged(recognizer, held))
    tested = sung(dataset.splits.get("test", ())) or held
    if tested:
        recognizer.figures = figures(recognizer, tested)
    recognizer.save(config.out)
    return f"{config.out}: {told(recognizer.figures)}"


def evaluate(
    dataset: Path, recognizer: Path, split: str | None = None, device: str | None = None
) -> str:
    """Say how often a recogniser is right, and how far its probabilities can be believed.

    Parameters
    ----------
    dataset
        An exported dataset.
    recognizer
        The file that `train` wrote.
    split
        train, validation or test; by default test, else validation.
    device
        cpu or cuda; a GPU where there is one, if not said.
    """
    import torch

    from training.raga_network import Recognizer

    found = read_dataset(dataset)
    splits = (split,) if split else ("test", "validation")
    examples = next(filter(None, (sung(found.splits.get(name, ())) for name in splits)), ())
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    known = Recognizer.load(recognizer, where)
    if not known.reads(codec_from({"tonic_hz": None, **found.manifest["codec"]})):
        raise DatasetError(
            f"{recognizer} was trained on pictures of another kind than {dataset} holds. Train "
            "one on this dataset."
        )
    if not any(each.raga in known.ragas for each in examples):
        raise DatasetError(f"No held-out picture of {dataset} is in a raga it knows.")
    return told(figures(known, examples))


def _check(dataset: Dataset) -> None:
    said = dataset.manifest.get("config", {})
    if said.get("preset") == "riffusion" and not said.get("align_tonic", True):
        raise DatasetError(
            f"The rows of {dataset.folder} do not count from the tonic, so a raga is nowhere in "
            "particular. Export it again, aligned to the tonic."
        )


@dataclass(frozen=True)
class _Lessons:
    """Pictures to learn, their ragas, and some of them as a model redraws them."""

    pictures: "torch.Tensor"  # (n, 1, rows, columns), uint8
    ragas: "torch.Tensor"
    redrawn: "torch.Tensor"
    redrawn_ragas: "torch.Tensor"
    order: Order
    device: "torch.device"

    @classmethod
    def of(cls, examples, recognizer: "Recognizer", config: RecognizerConfig, device):
        import torch

        from training.distortions import redrawn
        from training.picture_model import grey

        pictures = torch.from_numpy(grey([each.path for each in examples]))[:, None]
        ragas = torch.tensor([recognizer.place(each.raga) for each in examples])
        n = min(config.redrawn, len(examples)) if config.model else 0
        some = torch.arange(n) * len(examples) // max(n, 1)
        again = redrawn(config.model, pictures[some], device, config.seed) if n else pictures[:0]
        order = Order(examples, 0.7, config.seed)
        return cls(pictures.to(device), ragas.to(device), again, ragas[some], order, device)

    def batch(self, step: int, size: int, generator: "torch.Generator"):
        """Distorted pictures of a step and their ragas."""
        import torch

        from training.distortions import as_input, distorted

        n_redrawn = round(size * REDRAWN_SHARE) if len(self.redrawn) else 0
        chosen = torch.from_numpy(self.order.indices(step * size, size - n_redrawn))
        again = torch.randint(max(1, len(self.redrawn)), (n_redrawn,), generator=generator)
        chosen = chosen.to(self.device)
        pictures = torch.cat([self.pictures[chosen], self.redrawn[again].to(self.device)])
        ragas = torch.cat([self.ragas[chosen], self.redrawn_ragas[again].to(self.device)])
        return distorted(as_input(pictures), generator), ragas


def _fit(recognizer: "Recognizer", lessons: _Lessons, config: RecognizerConfig) -> None:
    import torch
    import torch.nn.functional as F

    network = recognizer.network.train()
    optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=0.02)
    generator = torch.Generator().manual_seed(config.seed)
    autocast = torch.autocast(
        lessons.device.type, torch.bfloat16, enabled=lessons.device.type == "cuda"
    )
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _rate(step, config.steps)
        pictures, ragas = lessons.batch(step, config.batch_size, generator)
        with autocast:
            logits = network(pictures)
        loss = F.cross_entropy(logits.float(), ragas, label_smoothing=LABEL_SMOOTHING)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == config.steps:
            right = (logits.argmax(dim=1) == ragas).float().mean().item()
            log.info("step %d: loss %.3f, %.0f %% right", step + 1, loss.item(), 100 * right)


def _rate(step: int, steps: int) -> float:
    """Warm-up, then a cosine to nothing."""
    return min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))


def judged(recognizer: "Recognizer", examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Logits of examples whose ragas it knows, (n, n_ragas), and which raga is right, (n,)."""
    import torch

    from training.distortions import as_input
    from training.picture_model import grey

    known = [each for each in examples if each.raga in recognizer.ragas]
    device = next(recognizer.network.parameters()).device
    logits = []
    with torch.inference_mode():
        for start in range(0, len(known), JUDGED_AT_ONCE):
            some = grey([each.path for each in known[start : start + JUDGED_AT_ONCE]])
            pictures = as_input(torch.from_numpy(some)[:, None].to(device))
            logits.append(recognizer.logits(pictures).float().cpu())
    right = np.array([recognizer.place(each.raga) for each in known], dtype=int)
    return torch.cat(logits).numpy() if logits else np.zeros((0, len(recognizer.ragas))), right


def temperature(logits: np.ndarray, right: np.ndarray) -> float:
    """What to divide logits by so that their probabilities are likeliest to be right."""
    if not len(right):
        return 1.0
    tried = np.geomspace(0.2, 5.0, 161)
    return float(min(tried, key=lambda each: _surprise(logits / each, right)))


def figures(recognizer: "Recognizer", examples: Sequence[Example]) -> dict[str, float]:
    """How often it is right on examples, up to twins too, and how well calibrated it is."""
    from core.theory import raga

    logits, right = judged(recognizer, examples)
    if not len(right):
        return {}
    order = np.argsort(-logits, axis=1)
    scales = [raga(name).cents for name in recognizer.ragas]
    keys = np.array([scales.index(each) for each in scales])
    return {
        "pictures": len(right),
        "ragas": len(recognizer.ragas),
        "top_1": float((order[:, 0] == right).mean()),
        "top_5": float((order[:, :5] == right[:, None]).any(axis=1).mean()),
        "up_to_twins": float((keys[order[:, 0]] == keys[right]).mean()),
        "surprise": _surprise(logits, right),
        "calibration_error": calibration_error(logits, right),
    }


def _surprise(logits: np.ndarray, right: np.ndarray) -> float:
    """Mean negative log probability of what is right, in nats."""
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(right)), right].mean())


def calibration_error(logits: np.ndarray, right: np.ndarray, n_bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3): 0 is honest, 1 the opposite."""
    from scipy.special import softmax

    chances = softmax(logits, axis=1)
    sure, hit = chances.max(axis=1), chances.argmax(axis=1) == right
    bins = np.minimum((sure * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(hit[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def told(found: dict[str, float]) -> str:
    """The figures as a line."""
    if not found:
        return "nothing was held out, so nothing was measured"
    return (
        f"{found['pictures']} held-out pictures, {found['ragas']} ragas: top-1 "
        f"{100 * found['top_1']:.1f} %, up to twins {100 * found['up_to_twins']:.1f} %, top-5 "
        f"{100 * found['top_5']:.1f} %; calibration error {found['calibration_error']:.3f}"
    )


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run({"train": configure(OmitArgPrefixes)(train), "evaluate": evaluate})
