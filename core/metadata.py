"""Stage 5, the table beside the pictures: one row for each clip, in `metadata.jsonl`.

Loaders infer each column's type from each split by itself and refuse splits that differ, so a word
that is not known is "" here (not null, which has no type), and a number that some split never knows
is left out of all of them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.splits import SPLITS

FILE = "metadata.jsonl"
OPTIONAL_NUMBERS = ("tonic_hz", "mridangam_level")

Row = dict[str, object]


def write_metadata(folder: Path, rows: Mapping[str, Sequence[Row]]) -> None:
    """Write each split's table into its folder; `rows` is by split."""
    present = {split: rows[split] for split in SPLITS if rows.get(split)}
    dropped = [
        name
        for name in OPTIONAL_NUMBERS
        if any(all(row.get(name) is None for row in of_split) for of_split in present.values())
    ]
    for split, of_split in present.items():
        lines = (
            json.dumps({k: v for k, v in row.items() if k not in dropped}, ensure_ascii=False)
            for row in sorted(of_split, key=lambda row: str(row["file_name"]))
        )
        (folder / split / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_metadata(folder: Path, splits: Iterable[str] = SPLITS) -> dict[str, list[Row]]:
    """The tables of an exported dataset, by split; a split it lacks is not in the result."""
    return {
        split: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for split in splits
        if (path := folder / split / FILE).exists()
    }
