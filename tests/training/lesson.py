"""A dataset of small pictures and a model that learns them in milliseconds a step."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.spectrogram import svara
from training.config import FinetuneConfig
from training.model import TINY, build_pipeline, save_model
from training.wish import Vocabulary

ROWS, COLUMNS = 64, 128
SMALL = replace(TINY, rows=ROWS, columns=COLUMNS)
CODEC = replace(svara(146.83), n_rows=ROWS, rows_per_octave=9, width=COLUMNS)
SUNG = (("alapanai", "Mohanam", ""), ("kriti", "Todi", "Adi"), ("kriti", "Kalyani", "Rupaka"))


def small_model(folder: Path, seed: int = 0) -> Path:
    """A model folder of random weights."""
    save_model(build_pipeline(SMALL, seed), folder, CODEC, Vocabulary(template="concise"))
    return folder


def small_dataset(folder: Path, n: int = 6, held_out: int = 2) -> Path:
    """An exported folder of `n` pictures to learn and some that are held out."""
    rng = np.random.default_rng(0)
    for split, count in (("train", n), ("validation", held_out)):
        (folder / split).mkdir(parents=True)
        rows = [row(f"{i}.png", *SUNG[i % len(SUNG)]) for i in range(count)]
        for i, each in enumerate(rows):
            levels = rng.integers(0, 60, (ROWS, COLUMNS)).astype(np.uint8)
            levels[5 + 20 * (i % len(SUNG)) :: 7] += 150  # every raga has stripes of its own
            Image.fromarray(levels).save(folder / split / each["file_name"])
        write_rows(folder / split, rows)
    parameters = CODEC.parameters()
    parameters.pop("tonic_hz")
    manifest = {"config": {"preset": "svara", "template": "concise"}, "codec": parameters}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def row(name: str, section: str, raga: str, tala: str) -> dict:
    """One line of metadata.jsonl."""
    text = f"{section.capitalize()} in raga {raga}"
    more = {"section": section, "raga": raga, "tala": tala}
    return {"file_name": name, "text": text, "captions": [text, f"{section} {raga}"], **more}


def write_rows(folder: Path, rows: list[dict]) -> None:
    """Write a split's metadata.jsonl."""
    (folder / "metadata.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))


def quick(dataset: Path, base: Path, output: Path, **more) -> FinetuneConfig:
    """A run of a few steps that neither listens nor measures."""
    settings = {
        "max_steps": 4,
        "batch_size": 2,
        "learning_rate": 1e-3,
        "warmup_steps": 2,
        "ema_decay": 0.9,
        "save_every": 0,
        "sample_every": 0,
        "validate_every": 0,
    }
    return FinetuneConfig(dataset=dataset, base=str(base), output=output, **settings | more)
