"""The model that the page plays, and who may ask it for what."""

import threading
from collections import Counter

from core.errors import ModelError, StudioError
from core.workspace import Workspace
from studio.access import is_owner
from studio.play_form import lora_choices, model_choices
from training.generate import Generator
from training.wish import DEMO

MOST_AT_ONCE = 2  # clips that one visitor waits for: ten clicks are not ten clips


class OneModel:
    """The model in memory, and who asked to stop: one for the whole page."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self._lock = threading.Lock()
        self._generator = Generator(DEMO, workspace=workspace)
        self._stopping: set[str] = set()
        self._busy: Counter[str] = Counter()

    def generator(self, model: str) -> Generator:
        """The generator of `model`; another model takes the place of the last."""
        with self._lock:
            if self._generator.model != model:
                self._generator = Generator(model, workspace=self.workspace)
            return self._generator

    def begin(self, visitor: str) -> None:
        """Take a visitor's wish; forget that they stopped something earlier."""
        with self._lock:
            if self._busy[visitor] >= MOST_AT_ONCE:
                raise ModelError(
                    f"{MOST_AT_ONCE} of your clips are being made already. Wait, or press Stop."
                )
            if not self._busy[visitor]:
                self._stopping.discard(visitor)
            self._busy[visitor] += 1

    def end(self, visitor: str) -> None:
        """Forget a visitor whose clips are done."""
        with self._lock:
            self._busy[visitor] -= 1
            if self._busy[visitor] <= 0:
                del self._busy[visitor]
                self._stopping.discard(visitor)

    def stop(self, visitor: str) -> None:
        """Let this visitor's clips end before they are whole."""
        with self._lock:
            if visitor in self._busy:
                self._stopping.add(visitor)

    def is_stopped(self, visitor: str) -> bool:
        """Whether this visitor wants no more of the clip that is being made."""
        return visitor in self._stopping


def check_allowed(workspace: Workspace, model: str, lora: str) -> None:
    """Refuse a model or LoRA from elsewhere to whoever does not own the studio."""
    for what, wanted, listed in (
        ("model", model, model_choices(workspace)),
        ("LoRA", lora, lora_choices(workspace)),
    ):
        if wanted not in {value for _, value in listed} and not is_owner(None):
            raise StudioError(f"This Space plays its own {what}s only. Choose one from the list.")
