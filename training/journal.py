"""Stage 6, the journal: what a running training writes into its folder, and reads of wishes.

Only the main process writes. `status.json` is replaced whole, so a page never reads half of it; a
row of `metrics.jsonl` is one line, written at once.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from core.workspace import replacing
from training.backends import claim
from training.config import FinetuneConfig
from training.run_folder import (
    COMMAND,
    CONFIG,
    LOG,
    METRICS,
    SAMPLE_NOW,
    SAVE_NOW,
    STOP,
    Order,
    write_order,
    write_status,
)

log = logging.getLogger(__name__)

STATUS_EVERY_S = 1.0
SPEED_OVER = 20  # steps


@dataclass
class Journal:
    """The folder of one running training."""

    run: Path
    max_steps: int
    writes: bool = True  # the main process does
    learns: bool = False  # so that a step is to be ended and what was learned kept
    interrupted: bool = False  # by a signal
    has_ended: bool = False
    _ends: list[tuple[float, int]] = field(default_factory=list)  # when the last steps ended
    _said: float = 0.0

    def begin(self, config: FinetuneConfig) -> None:
        """Keep the settings and the command; forget wishes of an earlier life."""
        if not self.writes:
            return
        self.run.mkdir(parents=True, exist_ok=True)
        claim(self.run)
        settings = {key: _plain(value) for key, value in asdict(config).items()}
        with replacing(self.run / CONFIG) as part:
            part.write_text(json.dumps(settings, indent=1), "utf-8")
        if not (self.run / COMMAND).exists():
            argv = (sys.executable, "-m", "training.finetune", *sys.argv[1:])
            write_order(self.run, Order(argv, (), asked=time.time()))
        for wish in (SAVE_NOW, SAMPLE_NOW):
            (self.run / wish).unlink(missing_ok=True)
        self.say("Loading the model and the pictures.", started=time.time(), ended=None)

    def say(self, message: str, **more) -> None:
        """What it does now, in words."""
        log.info(message)
        if self.writes:
            write_status(
                self.run, state="running", message=message, max_steps=self.max_steps, **more
            )

    def steps(self, rows: list[dict]) -> None:
        """More steps are done, with these figures; `step` is among them."""
        now = time.monotonic()
        if not rows:
            return
        step = rows[-1]["step"]
        self._ends = [*self._ends[-SPEED_OVER:], (now, step)]
        if not self.writes:
            return
        with (self.run / METRICS).open("a", encoding="utf-8") as stream:
            stream.write("".join(json.dumps(row) + "\n" for row in rows))
        if now - self._said < STATUS_EVERY_S and step < self.max_steps:
            return
        self._said = now
        speed = self.steps_per_s
        left = (self.max_steps - step) / speed if speed else None
        log.info("step %d of %d: loss %.4f", step, self.max_steps, rows[-1]["loss"])
        write_status(
            self.run,
            state="running",
            step=step,
            max_steps=self.max_steps,
            message="Training.",
            steps_per_s=speed and round(speed, 4),
            seconds_left=left and round(left, 1),
            **_memory(),
        )

    @property
    def steps_per_s(self) -> float | None:
        """Over the last steps; None before the second."""
        if len(self._ends) < 2:
            return None
        (began, first), (ended, last) = self._ends[0], self._ends[-1]
        return (last - first) / max(1e-9, ended - began)

    def end(self, state: str, step: int, message: str) -> None:
        """The last word; the wish to stop is granted with it."""
        log.info(message)
        self.has_ended = True
        if self.writes:
            write_status(
                self.run,
                state=state,
                step=step,
                message=message,
                seconds_left=None,
                ended=time.time(),
            )
            (self.run / STOP).unlink(missing_ok=True)

    def wants_stop(self) -> bool:
        """Whether a person or a signal asked for the end."""
        return self.interrupted or (self.run / STOP).exists()

    def wants(self, wish: str) -> bool:
        """Whether a person asked for `wish` since the last look; asking is used up."""
        if not self.writes or not (self.run / wish).exists():
            return False
        (self.run / wish).unlink(missing_ok=True)
        return True

    def forget_after(self, step: int) -> None:
        """Drop the figures of steps that a resumed run will take again."""
        path = self.run / METRICS
        if not self.writes or not path.exists():
            return
        rows = [line for line in path.read_text("utf-8").splitlines() if _step_of(line) <= step]
        path.write_text("".join(f"{line}\n" for line in rows), "utf-8")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let an interrupt or a termination end the run after its step; a second one at once, and
        the first too while pictures are encoded, when nothing is lost."""

        def on_signal(number: int, frame: object) -> None:
            if self.interrupted or not self.learns:
                raise KeyboardInterrupt
            self.interrupted = True

        try:
            before = {each: signal.signal(each, on_signal) for each in _SIGNALS}
        except ValueError:  # not the main thread: a library call; wishes still work
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _memory() -> dict:
    """What this process has taken, in MiB: of the GPU if it uses one."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return {"memory_mib": round(torch.cuda.max_memory_reserved() / 2**20), "memory_of": "GPU"}
    return {"memory_mib": round(psutil.Process().memory_info().rss / 2**20), "memory_of": "main"}


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def logging_to(run: Path, is_main: bool = True) -> Iterator[None]:
    """Also write the log into the run's folder, unless whoever launched it does already.

    Of several processes only the main one tells what it does; the others only what is wrong.
    """
    path = run / LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    writes = is_main and not (path.exists() and _is(sys.stderr, path))
    handler = logging.FileHandler(path, encoding="utf-8") if writes else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger("training")
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.INFO if is_main else logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()


def _is(stream, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):  # a stream without a file
        return False


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # cut off when the process was killed
        return float("inf")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
