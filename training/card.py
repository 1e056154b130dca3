"""Stage 6, the model card: what a run's model was taught, how, how far it came, and how it sounds.

Written into the model's folder as README.md, with the last samples beside it, so that a folder that
is handed on explains itself: data, settings, spectrogram parameters, losses, sounds.
"""

import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from core.metadata import read_metadata
from training.config import FinetuneConfig
from training.run_folder import MODEL, SAMPLES, rows_from, samples

if TYPE_CHECKING:
    from training.session import Session

CARD = "README.md"
SMOOTHED = 50  # steps: single losses jump with their timesteps
OWN_BASES = ("demo",)


def write_card(session: "Session", run: Path) -> None:
    """Write the card of a finished run's model, and lay its last samples beside it."""
    model = run / MODEL
    sounds = _samples(run, model)
    about = "\n\n".join(
        (
            _front(session),
            f"# {run.name}",
            f"A {_kind(session.config)} of `{session.config.base}` by Carnatic Riffusion Studio: "
            "it draws spectrograms of Carnatic music, which the parameters below turn into sound.",
            _data(session),
            _settings(session),
            _codec(session),
            _figures(session, run),
            sounds,
            _use(session.config),
        )
    )
    (model / CARD).write_text(about + "\n", "utf-8")
    if session.config.lora_rank:
        shutil.copy(model / CARD, run / "lora" / CARD)


def _kind(config: FinetuneConfig) -> str:
    if not config.lora_rank:
        return "full fine-tune"
    return f"{'DoRA' if config.lora_dora else 'LoRA'} of rank {config.lora_rank}"


def _front(session: "Session") -> str:
    """What the Hub reads; a base of this machine has no name there."""
    from huggingface_hub import ModelCardData

    config = session.config
    on_hub = config.base not in OWN_BASES and not Path(config.base).exists()
    relation = "adapter" if config.lora_rank else "finetune"
    data = ModelCardData(
        library_name="diffusers",
        pipeline_tag="text-to-audio",
        base_model=config.base if on_hub else None,
        license="creativeml-openrail-m" if on_hub else None,
        tags=["carnatic", "music", "spectrogram", "stable-diffusion", "diffusers-training"],
        **({"base_model_relation": relation} if on_hub else {}),
    )
    return f"---\n{data.to_yaml()}\n---"


def _data(session: "Session") -> str:
    dataset = session.dataset
    counts = ", ".join(f"{len(each)} {split}" for split, each in dataset.splits.items())
    rows = [row for split in read_metadata(dataset.folder).values() for row in split]
    rights = Counter(str(row["rights"]) for row in rows if row.get("rights"))
    lines = [
        "## Data",
        f"- dataset `{dataset.folder.name}`: {counts} pictures",
        *(
            f"- {what}s: {', '.join(f'{name} ({n})' for name, n in counted.most_common())}"
            for what in ("raga", "tala", "section")
            if (counted := Counter(getattr(e, what) for e in dataset.train if getattr(e, what)))
        ),
        f"- a caption: *{dataset.train[0].captions[0]}*",
    ]
    if rights:
        said = ", ".join(f"{name} ({n})" for name, n in rights.most_common())
        lines.append(f"- rights of the recordings: {said}")
    return "\n".join(lines)


def _settings(session: "Session") -> str:
    config = session.config
    told = [
        f"| {each.name.replace('_', ' ')} | {getattr(config, each.name)} |"
        for each in dataclasses.fields(config)
        if each.name not in ("dataset", "output", "resume", "prompts")
        and getattr(config, each.name) != each.default
    ]
    weights = sum(each.numel() for each in session.trained.parameters.values())
    table = "\n".join(("| setting | value |", "|---|---|", *told)) if told else "All by default."
    return f"## Training\n\n{weights / 1e6:.2f} M parameters were trained.\n\n{table}"


def _codec(session: "Session") -> str:
    parameters = session.listener.codec.with_tonic(None).parameters()
    aligned = "counted from the tonic" if session.is_aligned else "at fixed frequencies"
    return (
        f"## Spectrograms\n\nRows are {aligned}. `codec.json` holds these parameters for programs."
        f"\n\n```json\n{json.dumps(parameters, indent=1)}\n```"
    )


def _figures(session: "Session", run: Path) -> str:
    rows = rows_from(run)[0]
    lines = ["## Losses", f"- {session.progress.step} steps, {session.progress.seconds:.0f} s"]
    if rows:
        first, last = _mean(rows[:SMOOTHED]), _mean(rows[-SMOOTHED:])
        lines.append(f"- training: {first:.4f} at first, {last:.4f} at last")
    held = [row for row in rows if row.get("validation_loss") is not None]
    if held:
        best = min(held, key=lambda row: row["validation_loss"])
        lines.append(
            f"- held out: {held[0]['validation_loss']:.4f} at step {held[0]['step']}, "
            f"{held[-1]['validation_loss']:.4f} at the end, best {best['validation_loss']:.4f} "
            f"at step {best['step']}"
        )
    return "\n".join(lines)


def _mean(rows: list[dict]) -> float:
    return sum(row["loss"] for row in rows) / len(rows)


def _samples(run: Path, model: Path) -> str:
    """The last step's clips, copied beside the card."""
    found = samples(run)
    last = [each for each in found if each.step == found[-1].step] if found else []
    lines = []
    for each in last:
        (model / SAMPLES).mkdir(exist_ok=True)
        shutil.copy(each.path, model / SAMPLES / each.path.name)
        heard = f": {each.about['judged']}" if each.about.get("judged") else ""
        lines.append(f"- [{each.about.get('prompt', each.path.name)}]({SAMPLES}/{each.path.name})")
        lines[-1] += heard
    return "## Samples\n\n" + ("\n".join(lines) or "None were made.")


def _use(config: FinetuneConfig) -> str:
    name = "pytorch_lora_weights.safetensors" if config.lora_rank else "this folder"
    return (
        "## Use\n\n`StableDiffusionPipeline.from_pretrained` reads this folder"
        + (f" (and `load_lora_weights` the LoRA's {name})" if config.lora_rank else "")
        + ". In the studio: `python -m training.generate --model FOLDER --raga Mohanam`."
    )
