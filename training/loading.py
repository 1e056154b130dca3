"""Stage 7: find a model, make sure that it is safe and of the right kind, and load it.

A model is a diffusers pipeline folder, or a Hugging Face model id that names one. Its `codec.json`
says how its pictures become sound and what it was taught; without one it speaks Riffusion's. Only
safetensors are read: unpickling a stranger's weights would run the stranger's code.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.spectrogram import Codec, codec_from, riffusion
from core.workspace import DEMO_MODEL
from training.wish import DEMO, VOCABULARY_KEYS, Vocabulary

if TYPE_CHECKING:
    import torch
    from diffusers import StableDiffusionPipeline

INDEX, CODEC = "model_index.json", "codec.json"
PIPELINE = "StableDiffusionPipeline"
WEIGHTED = ("unet", "vae", "text_encoder")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
PLAYED = (INDEX, CODEC, "tokenizer/*", "scheduler/*")
PLAYED += tuple(f"{part}/*.{suffix}" for part in WEIGHTED for suffix in ("safetensors", "json"))
SPARE = ("*.fp16.*", "*.non_ema.*", "*.bf16.*")  # the same weights again
EDGE = 1 << 20  # bytes at either end of a weights file that tell it from another

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def locate(model: str) -> Path:
    """The pipeline folder of `model`: the demo's, a folder's own, or fetched from the Hub."""
    folder = DEMO_MODEL if model == DEMO else Path(model).expanduser()
    if folder.is_dir():
        _check(folder)
        return folder.resolve()
    if folder.exists():
        raise ModelError(
            f"{folder} is one file. Wanted is a pipeline folder with {INDEX} in it; convert a "
            "checkpoint with StableDiffusionPipeline.from_single_file(...).save_pretrained(...)."
        )
    if model == DEMO:
        raise ModelError(
            f"The demo model is not in {folder}. Make it with `python -m training.bootstrap`, "
            "or choose another model."
        )
    if not HUB_ID.fullmatch(model):
        raise ModelError(
            f"No model at {model!r}. Give a pipeline folder (one with {INDEX} in it), "
            "or a Hugging Face id such as riffusion/riffusion-model-v1."
        )
    folder = _fetched(model)
    _check(folder)
    return folder


def _fetched(model: str) -> Path:
    """What is played of a model of the Hub; diffusers' own download would leave codec.json out."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder = Path(snapshot_download(model, allow_patterns=PLAYED, ignore_patterns=SPARE))
        if not all(any((folder / part).glob("*.safetensors")) for part in WEIGHTED):
            folder = Path(snapshot_download(model, allow_patterns=PLAYED))
        return folder
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise ModelError(
            f"{model!r} is no folder here and could not be fetched from the Hub "
            f"({first_line(error)}). Check the name and the network, or give a folder."
        ) from error


def _check(folder: Path) -> None:
    """Refuse what is no Stable Diffusion pipeline, or has its weights only pickled."""
    index = _json(folder / INDEX)
    if index is None:
        raise ModelError(
            f"{folder} holds no {INDEX}. Give the folder that `save_pretrained` wrote; of a "
            "training run that is its model/ folder, there once the run has finished."
        )
    if index.get("_class_name") != PIPELINE:
        raise ModelError(
            f"{folder} is a {index.get('_class_name')}. Only a {PIPELINE} can be played."
        )
    for part in WEIGHTED:
        if any((folder / part).glob("*.safetensors")):
            continue
        pickled = [path.name for path in (folder / part).glob("*") if path.suffix in PICKLES]
        found = f"only {pickled[0]}, a pickle that could run code" if pickled else "no weights"
        raise ModelError(
            f"{folder / part} holds {found}. Wanted are safetensors: load the model where you "
            "trust it and call save_pretrained(..., safe_serialization=True)."
        )


@dataclass(frozen=True)
class Taught:
    """How a model's pictures become sound, and what it was taught in which words."""

    codec: Codec
    vocabulary: Vocabulary
    is_aligned: bool  # whether rows count from the tonic, so that it can sing in any

    def codec_at(self, tonic_hz: float) -> Codec:
        """The codec that sounds this model's pictures at a tonic, if it can."""
        return self.codec.with_tonic(tonic_hz) if self.is_aligned else self.codec


def taught(folder: Path) -> Taught:
    """What the model's codec.json says; a model without one draws Riffusion's pictures."""
    said = _json(folder / CODEC)
    if said is None:
        return Taught(riffusion(), Vocabulary(), is_aligned=False)
    parameters = dict(said.get("codec") or said)
    for name in (*VOCABULARY_KEYS, "is_aligned"):
        parameters.pop(name, None)
    try:
        codec = codec_from(parameters | {"tonic_hz": None})
        is_aligned = bool(said.get("is_aligned", True))  # as `core.export` draws by default
        return Taught(codec, Vocabulary.read(said), is_aligned)
    except (TypeError, KeyError, ValueError) as error:
        raise ModelError(
            f"{folder / CODEC} does not describe a codec ({error}). Export the model again."
        ) from error


def _json(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is damaged ({error}). Export the model again.") from error
    if not isinstance(said, dict):
        raise ModelError(f"{path} holds no settings. Export the model again.")
    return said


def load_pipeline(folder: Path, device: "torch.device") -> "StableDiffusionPipeline":
    """Load a checked folder: half precision on a GPU, full on a CPU, which has no fast half."""
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
    from diffusers.utils import logging as diffusers_logging
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()  # bars for a second's work, in a log for hours
    transformers_logging.disable_progress_bar()
    try:
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            variant=_variant(folder),
            dtype=torch.float16 if device.type == "cuda" else torch.float32,
            safety_checker=None,
            feature_extractor=None,
            image_encoder=None,
            requires_safety_checker=False,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{folder} could not be loaded ({first_line(error)}). Copy or export it again."
        ) from error
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, algorithm_type="dpmsolver++", solver_order=2
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _variant(folder: Path) -> str | None:
    """`fp16` if the weights are there in half precision only."""
    names = [path.name for part in WEIGHTED for path in (folder / part).glob("*.safetensors")]
    return "fp16" if all(".fp16." in name for name in names) else None


def fingerprint(folder: Path) -> str:
    """What tells this model from any other, also after more training: 16 hex digits."""
    return hash_of(sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.json")]), folder)


def hash_of(files: Iterable[Path], folder: Path) -> str:
    """What tells these files from any others; of large ones only the size and both ends count."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(EDGE))
            if path.stat().st_size > EDGE:
                file.seek(-EDGE, 2)
                digest.update(file.read(EDGE))
    return digest.hexdigest()[:16]


def first_line(error: Exception) -> str:
    """What an error says in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
