"""Stage 2, beside a file: a table that says what is heard in it.

A CSV with a column `file` and any of the others below, one row a recording. Ragas and talas may be
spelled in any way `core.theory` knows. A cell left empty says nothing.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from core import theory
from core.errors import DownloadError, StudioError
from core.records import Artist, Recording

COLUMNS = (
    "file",
    "title",
    "artist",
    "instrument",
    "raga",
    "tala",
    "composer",
    "composition",
    "tonic_hz",
    "rights",
)


@dataclass(frozen=True)
class Labels:
    """What a table says, by file; `{}` if there is no table."""

    rows: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Labels":
        """Read a CSV.

        Raises
        ------
        DownloadError
            If it is no such table; each bad line is named with what to do.
        """
        lines = csv.DictReader(io.StringIO(_text(path)), skipinitialspace=True)
        unknown = [str(name) for name in lines.fieldnames or () if name not in COLUMNS]
        if "file" not in (lines.fieldnames or ()) or unknown:
            raise DownloadError(
                f"{path.name}: its columns are {lines.fieldnames}. Begin with a line of column "
                f"names: file, and any of {', '.join(COLUMNS[1:])}."
            )
        rows, wrong = {}, []
        for cells in lines:
            try:
                name, said = _row(cells)
                if name in rows:
                    raise DownloadError(f"{name!r} has a row already. Keep one of them.")
                rows[name] = said
            except StudioError as error:
                wrong.append(f"{path.name}:{lines.line_num}: {error}")
        if wrong:
            raise DownloadError("\n".join(wrong))
        return cls(rows)

    def key(self, path: Path) -> str | None:
        """The name under which the table speaks of `path`: all of it, or how it ends."""
        parts = path.parts
        names = (PurePath(*parts[k:]).as_posix() for k in range(len(parts)))
        return next((name for name in names if name in self.rows), None)

    def told(self, recording: Recording, key: str | None) -> Recording:
        """The recording with what the table says of it."""
        return replace(recording, **self.rows[key]) if key else recording


def artists_of(text: str, instrument: str | None = None) -> dict[str, object]:
    """The fields of a recording that names like "A; B" fill; the instrument is the lead's.

    >>> artists_of("A; B", "veena")["artists"]
    (Artist(name='A', instrument='veena'), Artist(name='B', instrument=None))
    """
    names = [name for name in map(str.strip, text.split(";")) if name]
    if not names:
        return {}
    lead = Artist(names[0], instrument or None)
    return {"artists": (lead, *map(Artist, names[1:])), "lead_artist": names[0]}


def _row(cells: Mapping[str | None, str | None]) -> tuple[str, dict[str, object]]:
    if None in cells:
        raise DownloadError("There are more cells than columns. Put text with commas in quotes.")
    said: dict = {name: cell.strip() for name, cell in cells.items() if cell and cell.strip()}
    name = said.pop("file", "")
    if not name:
        raise DownloadError("It names no file. Fill the column 'file'.")
    if "raga" in said:
        said["raga"] = theory.raga(said["raga"]).name
    if "tala" in said:
        said["tala"] = theory.tala(said["tala"]).name
    if "tonic_hz" in said:
        said["tonic_hz"] = _number(said["tonic_hz"])
    said |= artists_of(said.pop("artist", ""), said.pop("instrument", None))
    Recording(**{"id": name, "title": "", "duration_s": 1.0, "rights": "own", "source": ""} | said)
    return PurePath(name.replace("\\", "/")).as_posix(), said


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DownloadError(f"tonic_hz is {text!r}. Give a number of Hz such as 146.8.") from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")  # as spreadsheets save "Unicode text"
        return content.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise DownloadError(
            f"The labels {str(path)!r} cannot be read: {error.strerror}. Give the path of a CSV."
        ) from error
    except UnicodeDecodeError as error:
        raise DownloadError(f"{path.name} is not UTF-8. Save it as CSV in UTF-8.") from error
