"""Stage 6, the probe: two real steps in a process of their own, and what a whole run would take.

The process loads the model, encodes a few of the pictures and takes steps of the size asked for. If
the machine's memory does not suffice, it is the probe that dies, not the studio.
"""

import dataclasses
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import RunError
from core.metadata import read_metadata, write_metadata
from core.workspace import PROJECT
from training.config import FinetuneConfig, read_config
from training.data import MANIFEST, Dataset, read_dataset, spread
from training.run_folder import CONFIG

if TYPE_CHECKING:
    from training.session import Session

TIMED_STEPS = 2
MOST_PARTS = 2  # of gradient accumulation that are really taken
PATIENCE_S = 900
FORWARD = 1 / 3  # of a step; the rest is backward and optimizer
SOUND_S = 2.0  # to turn a drawn picture into sound
ANSWER = "answer.json"


@dataclass(frozen=True)
class Probe:
    """What was measured, and what follows for the whole run."""

    device: str
    memory_bytes: int  # at most, of the process or on the GPU
    memory_free: int  # before the steps
    parameters: int  # that are trained
    load_s: float
    step_s: float
    n_to_encode: int  # pictures not in the cache yet
    encode_s: float  # for one
    listen_s: float  # samples and held-out losses of the whole run
    total_s: float
    disk_bytes: int  # checkpoints and model

    def __str__(self) -> str:
        return (
            f"on {self.device}: {self.step_s:.2f} s a step, {self.memory_bytes / 2**30:.1f} GiB of "
            f"memory at most ({self.memory_free / 2**30:.1f} GiB are free), "
            f"{self.parameters / 1e6:.1f} M parameters trained, about {duration(self.total_s)} "
            f"in all, {self.disk_bytes / 2**30:.1f} GiB on disk"
        )


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def probe(config: FinetuneConfig) -> Probe:
    """Measure in a process of its own; `RunError` says what would have stopped the run."""
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        place = Path(folder)
        settings = dataclasses.asdict(dataclasses.replace(config, output=None, resume=False))
        (place / CONFIG).write_text(json.dumps(settings, default=str), "utf-8")
        words = [sys.executable, "-m", "training.probe", str(place)]
        try:
            done = subprocess.run(
                words,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RunError(
                f"Two steps took more than {PATIENCE_S // 60} minutes. Choose a smaller model, or "
                "a machine with a GPU."
            ) from None
        if done.returncode < 0:
            raise RunError(
                "The machine killed the probe: its memory is too small for these settings. Lower "
                f"the batch size ({config.batch_size} now), or switch gradient checkpointing on."
            )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise RunError(last.removeprefix("error: "))
        return Probe(**json.loads((place / ANSWER).read_text("utf-8")))


def measure(place: Path) -> Probe:
    """Take the steps of the settings in `place`, in this process."""
    config = read_config(place / CONFIG)
    dataset = read_dataset(Path(config.dataset))
    n_parts = min(config.gradient_accumulation, MOST_PARTS)
    began = time.monotonic()
    session = _opened(config, dataset, place, n_parts)
    free = _free_memory(session)
    load_s = time.monotonic() - began
    step_s = _step_s(session) * config.gradient_accumulation / n_parts
    n_to_encode, encode_s = _encoding(session, dataset)
    forward_s = FORWARD * step_s / (config.batch_size * config.gradient_accumulation)
    listen_s = _listening(config, session, dataset, forward_s, encode_s)
    total_s = load_s + n_to_encode * encode_s + config.max_steps * step_s + listen_s
    return Probe(
        device=_device(session),
        memory_bytes=_peak(session),
        memory_free=free,
        parameters=sum(each.numel() for each in session.trained.parameters.values()),
        load_s=load_s,
        step_s=step_s,
        n_to_encode=n_to_encode,
        encode_s=encode_s,
        listen_s=listen_s,
        total_s=total_s,
        disk_bytes=_disk(config, session),
    )


def _opened(config: FinetuneConfig, dataset: Dataset, place: Path, n_parts: int) -> "Session":
    from training.finetune import out_of_memory
    from training.loading import locate
    from training.session import open_session

    locate(config.base)
    excerpt = _excerpt(dataset, place / "excerpt")
    with out_of_memory(config, "while it was loaded"):
        return open_session(
            dataclasses.replace(
                config, dataset=excerpt, gradient_accumulation=n_parts, compile=False
            )
        )


def _excerpt(dataset: Dataset, folder: Path) -> Path:
    """A few of the pictures as a dataset of their own: its cache must not be the real one's."""
    chosen = {each.path.name for each in spread(dataset.train, 8)}
    rows = [row for row in read_metadata(dataset.folder)["train"] if row["file_name"] in chosen]
    (folder / "train").mkdir(parents=True)
    write_metadata(folder, {"train": rows})
    for name in chosen:
        shutil.copy(dataset.folder / "train" / name, folder / "train" / name)
    shutil.copy(dataset.folder / MANIFEST, folder / MANIFEST)
    return folder


def _step_s(session: "Session") -> float:
    from training.finetune import out_of_memory
    from training.session import take_step

    with out_of_memory(session.config, "in the first steps"):
        float(take_step(session).loss)  # the first one also warms up
        began = time.monotonic()
        for _ in range(TIMED_STEPS):
            last = take_step(session)
        float(last.loss)  # waits for a GPU
        return (time.monotonic() - began) / TIMED_STEPS


def _encoding(session: "Session", dataset: Dataset) -> tuple[int, float]:
    from training.cache import encode, latents_path

    vae = session.pipeline.vae.to(session.accelerator.device)
    if latents_path(vae, dataset, dataset.train).exists():
        return 0, 0.0
    few = dataset.train[:2]
    began = time.monotonic()
    encode(vae, few)
    return len(dataset.train), (time.monotonic() - began) / len(few)


def _listening(
    config: FinetuneConfig, session: "Session", dataset: Dataset, forward_s: float, encode_s: float
) -> float:
    from training.listening import STEPS
    from training.session import MAX_HELD_OUT

    listens = config.max_steps // config.sample_every if config.sample_every else 0
    measures = config.max_steps // config.validate_every if config.validate_every else 0
    clip_s = 2 * STEPS * forward_s + 2 * encode_s + SOUND_S  # guided: two passes a step
    held_out = min(len(dataset.held_out), MAX_HELD_OUT)
    return listens * len(session.listener.asks) * clip_s + measures * held_out * forward_s


def _disk(config: FinetuneConfig, session: "Session") -> int:
    trained = sum(each.nbytes for each in session.trained.parameters.values())
    kept = config.keep_checkpoints + 1  # one more while it is written
    copies = 3 + bool(config.ema_decay)  # weights, two moments, the average
    parts = (session.pipeline.unet, session.pipeline.vae, session.pipeline.text_encoder)
    model = sum(2 * each.numel() for part in parts for each in part.parameters())
    return kept * copies * trained + model


def _device(session: "Session") -> str:
    import torch

    if session.accelerator.device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"the processor ({torch.get_num_threads()} threads)"


def _free_memory(session: "Session") -> int:
    if session.accelerator.device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info()[0]
    import psutil

    return psutil.virtual_memory().available


def _peak(session: "Session") -> int:
    if session.accelerator.device.type == "cuda":
        import torch

        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(place: Path) -> None:
    """Measure what the settings in a folder take, and write the answer there.

    Args:
        place: the folder.
    """
    answer = measure(place)
    (place / ANSWER).write_text(json.dumps(dataclasses.asdict(answer)), "utf-8")


if __name__ == "__main__":
    from core.command import run

    run(main, positional=True)
