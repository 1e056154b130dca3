"""Stage 6, the ledger: the figures of every step, read without making the GPU wait.

A processor hands a GPU its work ahead of time; to read a loss it has to wait until all of it is
done, and the GPU then idles until it is told more. So steps are settled together, about twice a
second, and always before anything is saved. On a processor each step is settled at once.
"""

import math
import time
from typing import TYPE_CHECKING

from core.errors import RunError

if TYPE_CHECKING:
    from training.session import Session, Taken

SETTLE_EVERY_S = 0.5
MOST = 64  # steps


class Ledger:
    """Steps that are taken and whose figures are still to be read."""

    def __init__(self, session: "Session"):
        self._session = session
        self._taken: list[Taken] = []
        self._since = 0.0
        self._every = 1

    def begin_step(self) -> None:
        """Time runs from here; what happens between settling and the next step does not count."""
        if not self._taken:
            self._since = time.monotonic()

    def add(self, taken: "Taken") -> None:
        """One more step is under way."""
        self._taken.append(taken)

    @property
    def is_due(self) -> bool:
        """Whether it is time to settle; the same for all processes of a run."""
        return len(self._taken) >= self._every

    def settle(self, wish: bool) -> tuple[list[dict[str, float]], bool]:
        """The figures of the steps since the last time, and whether any process has the wish.

        A loss that is no number stays in its row: `refuse_nonsense` finds it.
        """
        import torch

        taken, self._taken = self._taken, []
        session, accelerator = self._session, self._session.accelerator
        read = [each.float() for one in taken for each in (one.loss, one.grad_norm)]
        found = accelerator.reduce(torch.stack(read), reduction="mean").tolist()
        own = (float(wish), max(1e-9, time.monotonic() - self._since) / len(taken))
        told = torch.tensor(own, device=accelerator.device)
        asked, seconds = accelerator.reduce(told, reduction="mean").tolist()
        if accelerator.device.type != "cpu":
            self._every = max(1, min(MOST, round(SETTLE_EVERY_S / seconds)))
        rows = []
        for i, one in enumerate(taken):
            session.progress.seconds += seconds
            heard = {name: round(float(value), 6) for name, value in one.heard.items()}
            rows.append(
                {
                    "step": session.progress.step - len(taken) + 1 + i,
                    "loss": found[2 * i],
                    "lr": one.lr,
                    "grad_norm": found[2 * i + 1],
                    "images_per_s": round(session.n_pictures / seconds, 3),
                    "seconds": round(session.progress.seconds, 3),
                    **heard,
                }
            )
        return rows, asked > 0


def refuse_nonsense(rows: list[dict[str, float]], kept_step: int) -> None:
    """Refuse to go on from a loss or a gradient that is no number."""
    for row in rows:
        if not all(math.isfinite(value) for value in row.values()):
            raise RunError(
                f"The loss is not a number at step {row['step']}. The checkpoint of step "
                f"{kept_step} is kept. Lower the learning rate, or compute in bf16 or without "
                "mixed precision, and resume."
            )


def whole_rows(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rows before the first that holds what is no number."""
    for i, row in enumerate(rows):
        if not all(math.isfinite(value) for value in row.values()):
            return rows[:i]
    return rows
