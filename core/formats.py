"""Stage 5, the layouts: what tools other than `datasets`' imagefolder open.

    imagefolder   {split}/x.png + metadata.jsonl
    webdataset    {split}/{split}-000000.tar of x.png, x.txt and x.json, about 1 GB each
    audiofolder   {split}/x.flac + metadata.jsonl: the sound instead of its picture
    kohya         {split}/1_carnatic/x.png + x.txt, and metadata.jsonl one folder up

Every byte depends on the clips alone: tars carry no owner and no time.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from core.metadata import Row, write_metadata
from core.splits import SPLITS

Layout = Literal["imagefolder", "webdataset", "audiofolder", "kohya"]

TAR_BYTES = 1_000_000_000  # what loaders over a network like best
KOHYA_FOLDER = "1_carnatic"  # its trainer reads how often to repeat a folder from the name


def suffix_of(layout: Layout) -> str:
    """What a clip's file ends in."""
    return ".flac" if layout == "audiofolder" else ".png"


def arrange(
    folder: Path, layout: Layout, rows: Mapping[str, Sequence[Row]], tar_bytes: int = TAR_BYTES
) -> None:
    """Bring a folder of `{split}/<clip>` files into `layout`, and write its tables."""
    if layout == "webdataset":
        for split in SPLITS:
            if rows.get(split):
                _pack(folder / split, split, rows[split], tar_bytes)
        return
    if layout == "kohya":
        for split, of_split in rows.items():
            for row in of_split:
                _beside(folder / split, row)
    write_metadata(folder, rows)


def _beside(folder: Path, row: Row) -> None:
    """Move a picture into kohya's folder and write its caption beside it."""
    name = str(row["file_name"])
    target = folder / KOHYA_FOLDER / name
    target.parent.mkdir(exist_ok=True)
    (folder / name).rename(target)
    target.with_suffix(".txt").write_text(f"{row['text']}\n", encoding="utf-8")
    row["file_name"] = f"{KOHYA_FOLDER}/{name}"


def _pack(folder: Path, split: str, rows: Sequence[Row], tar_bytes: int) -> None:
    """Move a split's clips into tars; each picture is deleted once its tar is whole."""
    ordered = sorted(rows, key=lambda row: str(row["file_name"]))
    for number, shard in enumerate(_by_size(folder, ordered, tar_bytes)):
        with tarfile.open(
            folder / f"{split}-{number:06d}.tar", "w", format=tarfile.USTAR_FORMAT
        ) as tar:
            for row in shard:
                path = folder / str(row["file_name"])
                _add(tar, path.name, path.read_bytes())
                _add(tar, f"{path.stem}.txt", str(row["text"]).encode())
                _add(tar, f"{path.stem}.json", json.dumps(row, ensure_ascii=False).encode())
        for row in shard:
            (folder / str(row["file_name"])).unlink()


def _by_size(folder: Path, rows: Sequence[Row], tar_bytes: int) -> Iterator[list[Row]]:
    shard: list[Row] = []
    filled = 0
    for row in rows:
        size = (folder / str(row["file_name"])).stat().st_size
        if shard and filled + size > tar_bytes:
            yield shard
            shard, filled = [], 0
        shard.append(row)
        filled += size
    if shard:
        yield shard


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))
