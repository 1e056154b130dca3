"""Stage 1, rows of the catalogue to read and to hand on: lines of text, and a CSV."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.workspace import replacing

if TYPE_CHECKING:
    import pandas as pd

_WIDEST = 40  # letters of a column that is printed


def shown(rows: "pd.DataFrame") -> str:
    """The rows as lines to read, `-` where nothing is said."""
    if rows.empty:
        return "No row is like that. Take one of the conditions back."
    columns = []
    for name in rows.columns:
        values = rows[name].astype(object).where(rows[name].notna(), "-")
        cells = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        cells = [cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 1]}…" for cell in cells]
        width = max(map(len, [name, *cells]))
        is_number = rows[name].dtype.kind in "fi"
        columns.append([f"{cell:{'>' if is_number else '<'}{width}}" for cell in (name, *cells)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def write_rows(rows: "pd.DataFrame", path: Path) -> None:
    """Write rows as a CSV, which `python -m core.download --rows` reads."""
    with replacing(path) as part:
        rows.to_csv(part, index=False)
