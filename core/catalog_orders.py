"""Stages 1 to 2: rows of the catalogue become videos to fetch, with what is known of each.

A timed row becomes a draft of a segment. A row of a whole video says what the recording is, and
drafts one segment over all of it. All rows of a video that were read come along, not only those
that were ticked: nobody has to draw what the catalogue knows.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core import theory
from core.artists import instrument_of
from core.catalog_names import resolved
from core.errors import CatalogError
from core.records import SECTIONS, Artist, Segment
from core.youtube import Order

if TYPE_CHECKING:
    import pandas as pd

WHOLE_S = 24 * 3600.0  # where a draft over a whole video ends: it is cut to the recording

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NAMED = ("kriti", "tillana", "viruttam")  # sections whose song is a composition


class Row(NamedTuple):
    """A row of the catalogue; None is not said."""

    video_id: str
    start_s: float | None = None
    end_s: float | None = None
    song: str | None = None
    section: str = "other"
    raga: str | None = None
    tala: str | None = None
    composer: str | None = None
    artist: str | None = None
    uploads: str | None = None  # ids of other videos of the same performance

    @property
    def others(self) -> list[str]:
        """The other videos of the same performance."""
        return (self.uploads or "").split()

    def uploaded_as(self, video_id: str) -> "Row":
        """The row as another of its videos would have it."""
        left = [each for each in self.others if each != video_id]
        return self._replace(video_id=video_id, uploads=" ".join(left) or None)


def rows_of(frame: "pd.DataFrame") -> list[Row]:
    """The rows of a table of the catalogue."""
    columns = [[_said(value) for value in frame[name]] for name in Row._fields]
    return [Row(*values) for values in zip(*columns, strict=True)]


def orders_of(ticked: Iterable[Row], known: Iterable[Row] = ()) -> list[Order]:
    """One order for each video of the ticked rows, in their order; `known` is what else was read.

    Where both say something of one stretch, the ticked row holds.
    """
    by_video: dict[str, dict[tuple, Row]] = {}
    for row in ticked:
        by_video.setdefault(row.video_id, {})[row.start_s, row.end_s] = row
    for row in known:
        if row.video_id in by_video:
            by_video[row.video_id].setdefault((row.start_s, row.end_s), row)
    return [_order(video, list(rows.values())) for video, rows in by_video.items()]


def read_rows(path: Path) -> list[Row]:
    """The rows that `python -m core.catalog --out` wrote.

    Raises
    ------
    CatalogError
        If it is no such table; each bad line is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(
            f"{str(path)!r} cannot be read: {error}. Give a CSV in UTF-8."
        ) from error
    lines = csv.DictReader(io.StringIO(text))
    if "video_id" not in (lines.fieldnames or ()):
        raise CatalogError(
            f"{path.name} has no column 'video_id'. Give a CSV that python -m core.catalog --out "
            "wrote."
        )
    rows, wrong = [], []
    for cells in lines:
        try:
            rows.append(_row(cells))
        except ValueError as error:
            wrong.append(f"{path.name}:{lines.line_num}: {error}")
    if wrong:
        raise CatalogError("\n".join(wrong))
    return rows


def _row(cells: Mapping[str, str]) -> Row:
    said = {name: (cells.get(name) or "").strip() or None for name in Row._fields}
    if not _VIDEO_ID.fullmatch(said["video_id"] or ""):
        raise CatalogError(f"{said['video_id']!r} is no id of a video: eleven letters and digits.")
    if not all(map(_VIDEO_ID.fullmatch, (said["uploads"] or "").split())):
        raise CatalogError(f"uploads is {said['uploads']!r}. Give ids of videos, or nothing.")
    times = [float(said[name]) if said[name] else None for name in ("start_s", "end_s")]
    start_s, end_s = times
    if (start_s is None) != (end_s is None) or (
        start_s is not None and not 0 <= start_s < end_s < WHOLE_S
    ):
        raise CatalogError(f"It runs from {start_s} s to {end_s} s. Give both, the earlier first.")
    if said["section"]:
        said["section"] = theory.section(said["section"])
    return Row(
        **{**said, "start_s": start_s, "end_s": end_s, "section": said["section"] or "other"}
    )


def _order(video_id: str, rows: list[Row]) -> Order:
    timed = [row for row in rows if row.start_s is not None]
    whole = [row for row in rows if row.start_s is None]
    said = _of_all(rows)
    if len(whole) == 1 and not timed:
        said |= _fields(whole[0])
    drafts = [_draft(video_id, row) for row in timed or whole[:1]]
    return Order(video_id, said, tuple(drafts), tuple(_kept(row) for row in rows))


def _of_all(rows: list[Row]) -> dict[str, object]:
    """Who is heard, if all rows agree."""
    artists = {row.artist for row in rows if row.artist}
    if len(artists) != 1:
        return {}
    name = artists.pop()
    return {"lead_artist": name, "artists": (Artist(name, instrument_of(name)),)}


def _fields(row: Row) -> dict[str, str]:
    """What a row says, in theory's spelling; what theory does not know is left to the note."""
    said = {
        "raga": resolved(theory.raga, row.raga) if row.raga else None,
        "tala": resolved(theory.tala, row.tala) if row.tala else None,
        "composer": row.composer,
        "composition": row.song if row.section in _NAMED else None,
    }
    return {name: value for name, value in said.items() if value}


def _draft(video_id: str, row: Row) -> Segment:
    return Segment(
        f"yt-{video_id}",
        row.start_s or 0.0,
        WHOLE_S if row.end_s is None else row.end_s,
        row.section if row.section in SECTIONS else "other",
        artist=row.artist,
        origin="catalog",
        note=", ".join(filter(None, (row.song, row.raga))) or None,
        **_fields(row),
    )


def _kept(row: Row) -> dict[str, object]:
    return {name: value for name, value in row._asdict().items() if value is not None}


def _said(value: object) -> object:
    """A cell, or None where the table says nothing."""
    return None if isinstance(value, float) and math.isnan(value) else value
