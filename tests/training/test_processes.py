"""Several processes of one run, as `torchrun` and `accelerate launch` on GPUs start them.

On processors alone `accelerate launch` wants MPI; torchrun needs nothing but gloo.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import PROJECT
from tests.training.lesson import small_dataset, small_model
from training.run_folder import read_status, rows_from

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def train(words: list, run: Path, **settings) -> list[float]:
    """The losses of a run of four steps."""
    flags = {"output": run, "max_steps": 4, "sample_every": 0, "save_every": 2, **settings}
    flags["mixed_precision"] = "no"  # half precision rounds other sums otherwise
    words = [*words, *(f"--{name.replace('_', '-')}={value}" for name, value in flags.items())]
    done = subprocess.run(
        [str(word) for word in words],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [row["loss"] for row in rows_from(run)[0]]


def test_two_processes_learn_as_one_with_twice_the_batch(tmp_path):
    dataset, base = small_dataset(tmp_path / "data"), small_model(tmp_path / "base")
    command = ["-m", "training.finetune", f"--dataset={dataset}", f"--base={base}"]
    alone = train([sys.executable, *command], tmp_path / "alone", batch_size=4)
    launcher = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2",
        f"--master_port={free_port()}",
    ]  # fmt: skip
    shared = train([*launcher, *command], tmp_path / "shared", batch_size=2)
    assert shared == pytest.approx(alone, rel=1e-5)  # sums are taken in another order
    assert read_status(tmp_path / "shared").state == "finished"
    log = (tmp_path / "shared/log.txt").read_text()
    assert log.count("Writing the model.") == 1
