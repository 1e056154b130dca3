"""Stage 8, the report: what the demo model is and is not, as its model card says it."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.loading import taught
from training.run_folder import rows_from

CARD = "README.md"
SMOOTHED = 50  # steps: single losses jump with their timesteps


def write_report(folder: Path, settings: Mapping[str, object], runs: Sequence[Path]) -> None:
    """Write the model card: what it was taught, how long, how far its losses fell.

    `runs` is the training run, and after it the one that held the model to the raga, if any.
    """
    knows = taught(folder).vocabulary
    vae = json.loads((folder / "vae_log.json").read_text("utf-8"))
    rows = rows_from(runs[0])[0]
    held_out = [row for row in rows if "validation_loss" in row]
    lines = (
        "---\nlibrary_name: diffusers\npipeline_tag: text-to-audio\ntags:\n- carnatic\n- music\n"
        "- spectrogram\n---",
        "# The demo model",
        "A small Stable Diffusion pipeline that draws svara spectrograms of Carnatic music, "
        "trained from scratch by `python -m training.bootstrap` **on sample concerts that a "
        "program synthesised**. It has heard no musician. It shows that every stage of the studio "
        "works; for music, fine-tune on recordings.",
        "## What it was taught",
        f"- {len(knows.ragas)} ragas: {', '.join(knows.ragas)}",
        f"- talas: {', '.join(knows.talas)}",
        f"- sections: {', '.join(knows.sections)}",
        f"- in captions such as *{_example(knows)}* (template `{knows.template}`)",
        "## How",
        _settings({**settings, "steps": rows[-1]["step"]}),
        f"- VAE: {vae['log'][-1]['step']} steps in {vae['log'][-1]['seconds'] / 60:.1f} minutes; "
        f"held-out pictures are drawn again within {vae['grey_levels']:.1f} of 255 grey levels "
        f"({vae['grey_levels'] / 3:.1f} dB) on average",
        f"- UNet and text encoder: {rows[-1]['step']} steps in {rows[-1]['seconds'] / 60:.1f} "
        f"minutes; loss {_mean(rows[:SMOOTHED]):.4f} over the first {SMOOTHED} steps, "
        f"{_mean(rows[-SMOOTHED:]):.4f} over the last",
        *_held_out(held_out),
        *_held_to_the_raga(settings, runs[1:]),
        "- every step: the `*_log` files beside this card",
    )
    (folder / CARD).write_text("\n\n".join(lines) + "\n", "utf-8")


def _example(knows) -> str:
    from core.caption import describe, say

    return say(describe(knows.ragas[0], (knows.talas or (None,))[0], "kriti"), knows.template)


def _settings(settings: Mapping[str, object]) -> str:
    shown = (name for name in settings if name not in ("out", "work", "threads", "tiny"))
    words = " ".join(f"--{name.replace('_', '-')} {settings[name]}" for name in shown)
    return f"- `python -m training.bootstrap {words}`, on {_machine()}"


def _machine() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores"


def _held_out(rows: list[dict]) -> list[str]:
    if not rows:
        return []
    first, last = rows[0], rows[-1]
    return [
        f"- held-out loss {first['validation_loss']:.4f} at step {first['step']}, "
        f"{last['validation_loss']:.4f} at step {last['step']}"
    ]


def _held_to_the_raga(settings: Mapping[str, object], runs: Sequence[Path]) -> list[str]:
    return [
        f"- held to the raga by the loss `{settings['raga_loss']}` for {rows[-1]['step']} more "
        f"steps in {rows[-1]['seconds'] / 60:.1f} minutes"
        for rows in (rows_from(run)[0] for run in runs)
    ]


def _mean(rows: list[dict]) -> float:
    return sum(row["loss"] for row in rows) / max(1, len(rows))
