"""How fast the catalogue is read: a page of 3.3 M characters, and a search in 100,000 rows.

    python benchmarks/catalog.py

Synthetic pages in the form of the site's own, as large as its largest page (3,336,726 characters)
and beyond. Each is read in a process of its own, whose peak memory is reported; the time is from
the text of the page to the rows of one raga, alapanai alone, of at least three minutes, folded.
"""

import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZES = {"a page of 3,336,726 characters": 3_336_726, "a page of 100,000 rows": None}
N_ROWS = 100_000
IDS = {"raga": 600, "song": 8400, "composer": 430, "artist": 740}


def write_catalogue(root: Path, n_characters: int | None) -> int:
    """A catalogue with one artist's page; how many rows that has."""
    from core import theory

    ragas = [raga.name for raga in theory.ragas()][: IDS["raga"]]
    ids = {kind: {str(k): [f"{kind} {k}", ""] for k in range(1, n)} for kind, n in IDS.items()}
    ids["raga"] = {str(k): [name, ""] for k, name in enumerate(ragas, 2)}
    ids["song"]["20058"] = ["Ragam", "rAgam"]
    ids["type"] = {"0": ["UnknownType", "?"], "58": ["Ragam", "rAgam"]}
    (root / "artist").mkdir()
    (root / "id.json").write_text(json.dumps(ids))
    chance = random.Random(1)
    rows, size = [], 0
    while size < n_characters if n_characters else len(rows) < N_ROWS:
        rows.append(a_row(chance))
        size += len(json.dumps(rows[-1])) + 2
    page = {"title": {"T": 4, "H": "artist 4"}, "songs": rows}
    text = json.dumps(page)
    if n_characters:
        text += " " * (n_characters - len(text))
    (root / "artist" / "artist 4.json").write_text(text)
    return len(rows)


def a_row(chance: random.Random) -> dict:
    """A row as the site has them: many are parts of longer videos, some are alapanais."""
    video = "".join(
        chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=11)
    )
    start, length = chance.randrange(9000), chance.randrange(60, 2400)
    part = f"&start={start}&end={start + length}" if chance.random() < 0.4 else ""
    return {
        "I": video + part,
        "T": 0,
        "S": 20058 if chance.random() < 0.1 else chance.randrange(1, IDS["song"]),
        "R": chance.randrange(0, IDS["raga"]),
        "C": chance.randrange(0, IDS["composer"]),
        "A": 4,
        "D": f"{length // 60}:{length % 60:02}",
        "V": f"{chance.randrange(300_000):,}",
        "J": "m",
    }


def search(root: str) -> None:
    """Search that catalogue once; print seconds, the peak of memory in MB and rows."""
    import pandas  # noqa: F401  # loading it is no part of the work

    from core.catalog import Catalog
    from core.catalog_search import Wanted
    from core.catalog_source import Folder

    catalog = Catalog(Folder(Path(root)))
    wanted = Wanted(artist="artist 4", raga="Kalyani", section="alapanai", min_minutes=3)
    began, worked = time.perf_counter(), time.process_time()
    found = catalog.search(wanted)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{took:.2f} s ({worked:.2f} s of CPU), peak {peak_mb:.0f} MB, {len(found.rows)} rows found"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        search(sys.argv[1])
        sys.exit()
    for what, n_characters in SIZES.items():
        with TemporaryDirectory() as folder:
            n_rows = write_catalogue(Path(folder), n_characters)
            done = subprocess.run(
                [sys.executable, __file__, folder], capture_output=True, text=True, check=True
            )
            print(f"{what} ({n_rows} rows): {done.stdout.strip()}")
