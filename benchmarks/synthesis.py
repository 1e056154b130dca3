"""How fast sample concerts are rendered: seconds of sound for each second of one core.

python benchmarks/synthesis.py --minutes 4 --seeds 5
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import logging

import numpy as np

from core.command import run
from core.synthesis import render

log = logging.getLogger(__name__)


def main(minutes: float = 4.0, seeds: int = 5) -> None:
    """Render some concerts and say how many times faster than they play."""
    render(0, 0.5)  # the tables of ragas are read once
    speeds = []
    for seed in range(1, seeds + 1):
        start = time.process_time()
        concert = render(seed, minutes)
        speeds.append(len(concert.y) / concert.sr / (time.process_time() - start))
        log.info("seed %d: %.0f x real time", seed, speeds[-1])
    log.info("%g-minute concerts, median %.0f x real time", minutes, np.median(speeds))


if __name__ == "__main__":
    run(main)
