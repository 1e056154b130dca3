"""Does a raga loss help? One base trained with each, as long, and judged by the independent ear.

    python benchmarks/ablation.py --dataset DIR --recognizer FILE --out ablation --steps 300
    python benchmarks/ablation.py --dataset DIR --recognizer FILE --out ablation --seconds 60

Every variant and seed begins with the same weights and meets the same pictures, noise and
timesteps; all are then asked for the same passages from the same noise. `rerank` is `none` with the
best of several pictures kept by the recogniser; `guided` is `joint` guided by its own head. What is
done is kept in --out, one file a run, so the command goes on where it was cut off. Differences are
paired by seed and passage; intervals are 95 %, by bootstrap over seeds and then passages.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import json
import logging
import resource
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.workspace import replacing
from training.asking import Ask, Chooser, Manner, draw_asks
from training.config import FinetuneConfig
from training.data import Dataset, read_dataset
from training.judging import SHORTEST_S, Bench, Passage

if TYPE_CHECKING:
    from training.session import Session

log = logging.getLogger(__name__)

TRAINED = ("none", "scale", "recognizer", "joint", "both")
DERIVED = {"rerank": "none", "guided": "joint"}
FIGURES = ("adherence", "own", "top_1", "top_5", "forbidden")
N_RESAMPLED = 4000
WARMUP_STEPS = 5  # not timed: kernels are chosen and memory is found


@dataclass(frozen=True)
class Ablation:
    """How the variants are trained and judged."""

    dataset: Path
    """An exported dataset."""
    recognizer: Path
    """Of the recogniser loss and of rerank."""
    base: str = "demo"
    """What all begin with."""
    out: Path = Path("ablation")
    """Where results are kept."""
    variants: tuple[str, ...] = (*TRAINED, *DERIVED)
    """Which to run."""
    seeds: int = 3
    """Runs of each."""
    steps: int = 300
    """Optimizer steps of each run."""
    seconds: float = 0.0
    """If given, each run trains so long after its first steps, or to its last: equal time, not
    steps. Without a GPU these are seconds of the processor, whatever else it does."""
    batch_size: int = 16
    """Pictures in a step."""
    learning_rate: float = 3e-4
    """At its highest."""
    train_text_encoder: bool = False
    """Learn the words too, as the demo model did."""
    recognizer_weight: float = 0.05
    """Of the recogniser's loss."""
    joint_weight: float = 0.05
    """Of the head's loss."""
    scale_weight: float = 0.5
    """Of the scale loss."""
    ragas: int = 8
    """How many ragas are asked for, of those the dataset teaches most."""
    sections: tuple[str, ...] = ("alapanai", "kriti")
    """In which sections."""
    clips: int = 2
    """Passages of each raga and section."""
    best_of: int = 4
    """Pictures of which rerank keeps one."""
    raga_guidance: float = 10.0
    """Strength of guided."""
    sampling_steps: int = 20
    """Denoising steps."""
    guidance_scale: float = 4.0
    """How strictly the words are followed."""
    at_once: int = 8
    """Pictures drawn together; a GPU takes hundreds."""
    workers: int = 0
    """Processes that judge; one for each core, if 0."""


def main(config: Ablation) -> str:
    """Train, draw, judge, and say what came of it.

    Args:
        config: how.
    """
    from core.executors import executor

    config.out.mkdir(parents=True, exist_ok=True)
    missing = [
        (variant, seed)
        for seed in range(config.seeds)
        for variant in TRAINED
        if any(not _file(config, each, seed).exists() for each in _with_derived(config, variant))
    ]
    if missing:
        dataset = read_dataset(config.dataset)
        workers = config.workers or len(os.sched_getaffinity(0))
        with executor(workers) as pool, ThreadPoolExecutor(1) as writer:
            waiting: list[Future] = []
            for variant, seed in missing:
                waiting += _run(config, dataset, variant, seed, (pool, writer))
            for each in waiting:
                each.result()
    return _report(config)


def _with_derived(config: Ablation, variant: str) -> list[str]:
    """A trained variant, and those that its model also serves, as far as they are wanted."""
    served = [variant, *(name for name, of in DERIVED.items() if of == variant)]
    return [name for name in served if name in config.variants]


def _file(config: Ablation, variant: str, seed: int) -> Path:
    return config.out / f"{variant}-{seed}.json"


def _run(
    config: Ablation, dataset: Dataset, variant: str, seed: int, workers: tuple[Executor, Executor]
) -> list[Future]:
    """Train one variant and draw its passages; they are judged while the next one trains."""
    import torch

    from training.session import open_session

    torch.manual_seed(seed)
    session = open_session(_settings(config, variant, seed), dataset)
    cost = _train(session, config)
    asks, n_each = _asks(config, session, dataset)
    futures = []
    for name in _with_derived(config, variant):
        began = time.monotonic()
        with session.averaged(), session.accelerator.autocast():
            pictures = _drawn(config, session, name, asks, n_each)
        said = cost | {"drawing_s": time.monotonic() - began}
        passages = [
            Passage(images, ask.raga, ask.section, ask.tala)
            for ask, images in zip(asks, pictures, strict=True)
        ]
        ragas = tuple(sorted({e.raga for e in dataset.train if e.raga}))
        bench = Bench(session.listener.codec.parameters(), ragas, sections=False)
        task = (_judge_and_keep, config, (name, seed), bench, passages, said, workers[0])
        futures.append(workers[1].submit(*task))
    log.info("%s, seed %d: %.3f s a step", variant, seed, cost["step_s"])
    return futures


def _settings(config: Ablation, variant: str, seed: int) -> FinetuneConfig:
    return FinetuneConfig(
        dataset=config.dataset,
        base=config.base,
        output=config.out / "run",
        max_steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        train_text_encoder=config.train_text_encoder,
        warmup_steps=min(30, config.steps // 5),
        ema_decay=0.98,
        seed=seed,
        raga_loss=variant,
        raga_recognizer=config.recognizer,
        recognizer_weight=config.recognizer_weight,
        joint_weight=config.joint_weight,
        scale_weight=config.scale_weight,
        raga_ramp_steps=config.steps // 5,
    )


def _train(session: "Session", config: Ablation) -> dict[str, float]:
    """Take the steps; what they cost and the last figures."""
    import torch

    from training.session import take_step

    clock = time.monotonic if torch.cuda.is_available() else time.process_time
    began = clock()
    for step in range(config.steps):
        last = take_step(session)
        if step < WARMUP_STEPS:
            float(last.loss)  # waits for a GPU to have done it
            began = clock()
        elif config.seconds and clock() - began > config.seconds:
            break
    float(last.loss)
    taken = session.progress.step
    timed, timed_steps = clock() - began, max(1, taken - WARMUP_STEPS)
    if torch.cuda.is_available():
        memory = torch.cuda.max_memory_allocated() / 2**20
        torch.cuda.reset_peak_memory_stats()
    else:  # of the process so far, not of this run alone
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"steps": taken, "step_s": timed / timed_steps, "memory_mb": memory}
    return cost | {name: float(value) for name, value in last.heard.items()}


def _asks(config: Ablation, session: "Session", dataset: Dataset) -> tuple[list[Ask], int]:
    from collections import Counter

    from core.fields import IN_TALA

    counts = Counter(each.raga for each in dataset.train if each.raga)
    ragas = sorted(name for name, _ in counts.most_common(config.ragas))
    talas = session.vocabulary().talas or ("Adi",)
    asks = [
        Ask(section, raga, talas[i % len(talas)] if section in IN_TALA else None, clip)
        for clip in range(config.clips)
        for section in config.sections
        for i, raga in enumerate(ragas)
    ]
    return asks, int(np.ceil(SHORTEST_S / session.listener.codec.clip_s))


def _drawn(config: Ablation, session: "Session", name: str, asks, n_each: int) -> np.ndarray:
    from training.drawing import Model
    from training.raga_network import Recognizer

    session.pipeline.to(session.accelerator.device)  # what is not trained was put aside
    head = session.raga.head if name == "guided" else None
    model = Model(session.pipeline, session.listener.codec, name, head)
    manner = Manner(
        config.sampling_steps, config.guidance_scale, config.raga_guidance, config.at_once
    )
    chooser = None
    if name == "rerank":
        recognizer = Recognizer.load(config.recognizer, session.accelerator.device)
        chooser = Chooser(recognizer, config.best_of)
    return draw_asks(model, session.vocabulary(), asks, n_each, manner, chooser)


def _judge_and_keep(config: Ablation, run: tuple[str, int], bench, passages, cost, pool) -> None:
    verdicts = bench.judge(passages, pool=pool)
    said = {"variant": run[0], "seed": run[1], "cost": cost}
    with replacing(_file(config, *run)) as part:
        part.write_text(json.dumps(said | {"verdicts": [each.row() for each in verdicts]}), "utf-8")


# What came of it


def _scores(row: dict) -> list[float]:
    """The `FIGURES` of one passage."""
    judged = row["place"] is not None
    return [
        row["adherence"],
        row["adherence"] - row["permuted"],
        100.0 * (judged and row["place"] <= 1),
        100.0 * (judged and row["place"] <= 5),
        100.0 * row["forbidden"] if row["forbidden"] is not None else np.nan,
    ]


def _report(config: Ablation) -> str:
    found, costs = {}, {}
    for variant in config.variants:
        runs = [
            json.loads(path.read_text("utf-8"))
            for seed in range(config.seeds)
            if (path := _file(config, variant, seed)).exists()
        ]
        if runs:
            found[variant] = np.array([[_scores(v) for v in run["verdicts"]] for run in runs])
            costs[variant] = [run["cost"] for run in runs]
    n_seeds, n_passages = next(iter(found.values())).shape[:2]
    head = ["variant", "adherence", "less none", "own minus permuted", "less none", "top-1 %"]
    head += ["less none", "top-5 %", "forbidden rests %", "s a step", "MB", "drawing s"]
    lines = [f"{n_seeds} seeds, {n_passages} passages of each; judged by pitch alone.", ""]
    lines += ["| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head))]
    lines += [_line(name, found, costs) for name in found]
    text = "\n".join(lines)
    with replacing(config.out / "ablation.md") as part:
        part.write_text(text + "\n", "utf-8")
    kept = {
        name: {"scores": np.nanmean(each, axis=(0, 1)).tolist()} for name, each in found.items()
    }
    plain = {"settings": asdict(config), "figures": FIGURES, "variants": kept, "costs": costs}
    with replacing(config.out / "ablation.json") as part:
        part.write_text(json.dumps(plain, indent=1, default=str), "utf-8")
    return text


def _line(name: str, found: dict[str, np.ndarray], costs: dict[str, list[dict]]) -> str:
    scores, none = found[name], found.get("none")
    paired = name != "none" and none is not None and none.shape == scores.shape
    cells = [name]
    for i, figure in enumerate(FIGURES):
        cells.append(_with_interval(scores[..., i]))
        if figure in ("adherence", "own", "top_1"):
            cells.append(_with_interval(scores[..., i] - none[..., i], "+") if paired else "")
    means = {key: np.mean([c[key] for c in costs[name]]) for key in ("step_s", "memory_mb")}
    drawing = np.mean([c["drawing_s"] for c in costs[name]])
    cells += [f"{means['step_s']:.3f}", f"{means['memory_mb']:.0f}", f"{drawing:.1f}"]
    return "| " + " | ".join(cells) + " |"


def _with_interval(values: np.ndarray, sign: str = "") -> str:
    """Mean and 95 % interval of (n_seeds, n_passages): seeds are drawn anew, then passages."""
    rng = np.random.default_rng(0)
    n_seeds, n_passages = values.shape
    seeds = rng.integers(n_seeds, size=(N_RESAMPLED, n_seeds, 1))
    passages = rng.integers(n_passages, size=(N_RESAMPLED, n_seeds, n_passages))
    means = np.nanmean(values[seeds, passages], axis=(1, 2))
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return f"{np.nanmean(values):{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
