"""How fast a folder of 1,000 files is imported: by one process, and by all processors.

    python benchmarks/importing.py [--files 1000]

The files are ten seconds long: short, so that what every file costs counts (hash, decode, one Opus
copy, the waveform's outline, the library). Both runs start from an empty workspace, and in the
first the start of the processes is counted too; files a second, and their ratio.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import soundfile

from core.download import Importer
from core.executors import processors
from core.library import Library
from core.workspace import Workspace

SR = 22_050
SECONDS = 10.0


def write_files(folder: Path, n_files: int) -> None:
    """As many different tones, each a FLAC."""
    folder.mkdir()
    t = np.arange(round(SECONDS * SR)) / SR
    for k in range(n_files):
        y = 0.3 * np.sin(2 * np.pi * (200 + k) * t)
        soundfile.write(folder / f"{k:04}.flac", y.astype(np.float32), SR)


def import_all(files: Path, root: Path, jobs: int) -> float:
    """Import the folder; files a second."""
    workspace = Workspace.at(root)
    library = Library.of(workspace)
    shares = []
    began = time.perf_counter()
    found = Importer(workspace, library, jobs=jobs).run(
        [files], "own", lambda share, _: shares.append(share)
    )
    took = time.perf_counter() - began
    assert len(found) == len(library.recordings()) == len(shares)
    assert shares == sorted(shares)
    assert not found.failed
    library.close()
    return len(found) / took


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1000)
    n_files = parser.parse_args().files
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_files(root / "files", n_files)
        many = import_all(root / "files", root / "many", 0)
        print(f"{n_files} files, {processors()} processes: {many:.1f} files a second", flush=True)
        few = root / "few"
        write_files(few, max(1, n_files // 5))
        one = import_all(few, root / "one", 1)
        print(f"{n_files // 5} files, 1 process: {one:.1f} files a second, ratio {many / one:.2f}")
