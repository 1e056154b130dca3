"""Stage 7: a LoRA laid over a loaded model for the length of one clip, as strong as asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ModelError
from training.loading import HUB_ID, first_line, hash_of

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

WEIGHTS = "pytorch_lora_weights.safetensors"
NAME = "lora"


def locate_lora(lora: str) -> Path:
    """The weights file of a LoRA: a file, one in a folder, or one of the Hub."""
    path = Path(lora).expanduser()
    path = path / WEIGHTS if path.is_dir() else path
    if path.is_file() and path.suffix == ".safetensors":
        return path
    if path.exists():
        raise ModelError(f"{path} is no .safetensors file; nothing else is read as a LoRA.")
    if not HUB_ID.fullmatch(lora):
        raise ModelError(
            f"No LoRA at {lora!r}. Give a .safetensors file, a folder with {WEIGHTS} in it "
            "(of a training run: lora/), or a Hugging Face id."
        )
    return _fetched(lora)


def _fetched(lora: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(hf_hub_download(lora, WEIGHTS))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise ModelError(
            f"{lora!r} is not here and could not be fetched from the Hub ({first_line(error)}). "
            "Check the name and the network, or give a file."
        ) from error


def lora_hash(weights: Path) -> str:
    """What tells this LoRA from any other: 16 hex digits."""
    return hash_of([weights], weights.parent)


@contextmanager
def adapted(
    pipeline: "StableDiffusionPipeline", weights: Path | None, strength: float
) -> Iterator[None]:
    """The pipeline with the LoRA over it; afterwards it is as it was."""
    if weights is None:
        yield
        return
    from safetensors import SafetensorError

    try:
        pipeline.load_lora_weights(
            weights.parent, weight_name=weights.name, adapter_name=NAME, use_safetensors=True
        )
        pipeline.set_adapters(NAME, strength)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        pipeline.unload_lora_weights()
        raise ModelError(
            f"{weights} does not fit this model ({first_line(error)}). "
            "Use it with the model it was trained on."
        ) from error
    try:
        yield
    finally:
        pipeline.unload_lora_weights()
