"""From the launch to the first step, and what it costs a run to be watched.

    python benchmarks/launching.py [--steps 40]

The demo model learns a few random pictures. The time to its first step stands beside that of a
process that does nothing but `import torch, diffusers` (and the classes a model needs). Then the
same run goes on with the Train tab open in Chromium and without, in turns, and the median times of
a step are compared.
"""

import itertools
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import numpy as np
from PIL import Image

from core.library import Library
from core.spectrogram import svara
from core.workspace import PROJECT, Workspace
from training import jobs
from training.config import FinetuneConfig

log = logging.getLogger(__name__)

ROWS, COLUMNS = 256, 512
IMPORTS = "import torch, diffusers; from diffusers import StableDiffusionPipeline as _"
PATIENCE_S = 600


def make_dataset(folder: Path) -> Path:
    """An exported folder of eight random pictures."""
    rng = np.random.default_rng(0)
    (folder / "train").mkdir(parents=True)
    rows = []
    for i in range(8):
        levels = rng.integers(0, 255, (ROWS, COLUMNS)).astype(np.uint8)
        Image.fromarray(levels).save(folder / "train" / f"{i}.png")
        rows.append(json.dumps({"file_name": f"{i}.png", "text": f"Kriti in raga Mohanam {i}"}))
    (folder / "train/metadata.jsonl").write_text("\n".join(rows))
    codec = replace(svara(146.8), n_rows=ROWS, width=COLUMNS).parameters()
    codec.pop("tonic_hz")
    (folder / "manifest.json").write_text(json.dumps({"codec": codec, "config": {}}))
    return folder


def imported_s() -> float:
    """How long it takes a process to import what a training needs."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, cwd=PROJECT)
    return time.perf_counter() - began


def until_step(workspace: Workspace, run_id: str, step: int) -> None:
    """Wait until the run has taken so many steps."""
    give_up = time.monotonic() + PATIENCE_S
    while len(jobs.metrics(workspace, run_id)) < step:
        found = jobs.status(workspace, run_id)
        assert not found.has_ended, found.message
        assert time.monotonic() < give_up
        time.sleep(0.05)


def step_s(workspace: Workspace, run_id: str, first: int, last: int) -> list[float]:
    """The seconds that each step from `first` to `last` took."""
    rows = jobs.metrics(workspace, run_id)[first:last]
    return [b["seconds"] - a["seconds"] for a, b in itertools.pairwise(rows)]


def watched(workspace: Workspace, run_id: str, n_steps: int) -> tuple[list[float], list[float]]:
    """Seconds of a step with the page closed and open, four turns each."""
    from playwright.sync_api import sync_playwright

    from studio.build import build_studio, launch_settings
    from tests.conftest import CHROMIUM_FLAGS
    from tests.provide import chromium

    library = Library.of(workspace)
    page = build_studio(workspace, library)
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, **launch_settings(workspace, library)
    )
    closed: list[float] = []
    opened: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        for _ in range(4):
            first = len(jobs.metrics(workspace, run_id))
            until_step(workspace, run_id, first + n_steps)
            closed += step_s(workspace, run_id, first, first + n_steps)
            tab = browser.new_page()
            tab.goto(f"{url}?tab=train")
            tab.wait_for_selector("#train-state .run", timeout=120_000)
            tab.wait_for_timeout(5_000)  # opening it is not watching it
            first = len(jobs.metrics(workspace, run_id))
            until_step(workspace, run_id, first + n_steps)
            opened += step_s(workspace, run_id, first, first + n_steps)
            tab.close()
    page.close()
    return closed, opened


def main(steps: int = 40, threads: int = 1) -> None:
    """Measure and log both.

    Args:
        steps: in each of the eight turns.
        threads: of the processor, for the run.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(Path(folder))
        dataset = make_dataset(workspace.dataset("random"))
        more = {"sample_every": 0, "save_every": 0, "validate_every": 0, "batch_size": 1}
        config = FinetuneConfig(dataset, max_steps=10**6, **more)
        imports = imported_s()
        began = time.perf_counter()
        run_id = jobs.launch(workspace, config)
        until_step(workspace, run_id, 1)
        first = time.perf_counter() - began
        log.info("to the first step %.1f s, of which imports %.1f s", first, imports)
        log.info("beside the imports: %.1f s", first - imports)
        try:
            closed, opened = (statistics.median(each) for each in watched(workspace, run_id, steps))
        finally:
            jobs.stop(workspace, run_id)
            while not jobs.status(workspace, run_id).has_ended:
                time.sleep(0.2)
        log.info("a step: %.3f s unwatched, %.3f s watched: %.3f", closed, opened, opened / closed)


if __name__ == "__main__":
    from core.command import run

    run(main)
