"""Which models a caption's length can be counted for, from the tokenizers on this machine."""

from pathlib import Path

from core.errors import ModelError
from core.tokens import TokenCounter, token_counter
from core.workspace import DEMO_MODEL, Workspace
from training.run_folder import MODEL
from training.wish import DEMO

HUB_BASES = ("riffusion/riffusion-model-v1", "stable-diffusion-v1-5/stable-diffusion-v1-5")


def base_names(workspace: Workspace) -> list[tuple[str, str]]:
    """The demo model, what was trained here, and well-known bases of the Hub."""
    runs = sorted(workspace.runs().glob(f"*/{MODEL}/tokenizer"), reverse=True)
    trained = [path.parent.parent.name for path in runs]
    return [("Demo model", DEMO), *((name, name) for name in (*trained, *HUB_BASES))]


def counter_of(workspace: Workspace, base: str) -> TokenCounter | None:
    """The base's own measure; `None` if its tokenizer is not here (it comes with its first run)."""
    folder = DEMO_MODEL if base == DEMO else _fetched(base)
    if folder is None:
        folder = workspace.run(base) / MODEL
    try:
        return token_counter(folder)
    except ModelError:
        return None


def _fetched(base: str) -> Path | None:
    """Where the Hub's client keeps the base's tokenizer."""
    if base not in HUB_BASES:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in ("tokenizer/tokenizer.json", "tokenizer/vocab.json"):
        found = try_to_load_from_cache(base, name)
        if isinstance(found, str):
            return Path(found).parent.parent
    return Path(base)  # no such folder here
