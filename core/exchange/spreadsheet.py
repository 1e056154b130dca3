"""CSV tables: a line of column names, then one row a region; with commas, semicolons or tabs.

A cell that a spreadsheet would run as a formula (it starts with = + - @ or a tab) is written with
an apostrophe before it, which reading takes away again. A table without column names is read as
start, end and label.
"""

import csv
import io
import re
from collections.abc import Iterator

from core.errors import AnnotationError
from core.exchange.marks import (
    FIELDS,
    KEPT_ID,
    Faults,
    Mark,
    decoded,
    field_named,
    fields_of,
    seconds,
    shown,
)
from core.records import Recording, Segment

COLUMNS = ("start_s", "end_s", "section", *FIELDS, "recording_id", KEPT_ID)

_TIMES = {
    "start": ("start_s", "start", "start_time", "begin", "onset", "onset_s", "from", "time"),
    "end": ("end_s", "end", "end_time", "stop", "offset", "offset_s", "to"),
    "duration": ("duration_s", "duration", "dur", "length"),
    "label": ("section", "label", "labels", "name", "class", "type"),
    "recording": ("recording_id", "recording", "file", "filename", "audio"),
}
_FORMULA = re.compile("'*[=+@\t\r-]")
_ESCAPED = re.compile("'+[=+@\t\r-]")
_DELIMITERS = ",;\t"


def read(content: bytes) -> list[Mark]:
    """The rows of a table; `tier` is what a column `recording_id` or `file` holds.

    Raises
    ------
    AnnotationError
        If it has no columns of times and labels, or rows that make no region, each by its line.
    """
    text = decoded(content)
    rows = _rows(text)
    first = next(rows, None)
    if first is None:
        return []
    columns = _columns(first[1])
    if columns is None:
        rows, columns = _rows(text), {"start": 0, "end": 1, "label": 2}
    faults, marks = Faults("This table cannot be taken as it is."), []
    for line, cells in rows:
        with faults.at(f"line {line}"):
            marks.append(_mark(dict(_named(columns, cells)), f"line {line}"))
    faults.settle()
    return marks


def write(recording: Recording, segments: list[Segment]) -> bytes:
    """A table of all that is said of each segment, in UTF-8."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    for each in segments:
        said = {name: escaped(text) for name, text in fields_of(each).items()}
        times = {"start_s": f"{each.start_s:.6f}", "end_s": f"{each.end_s:.6f}"}
        ours = {"section": each.section, "recording_id": recording.id, KEPT_ID: escaped(each.id)}
        writer.writerow(times | said | ours)
    return table.getvalue().encode()


def escaped(cell: str) -> str:
    """`cell` such that no spreadsheet runs it.

    >>> escaped("=1+1"), escaped("'=1"), escaped("Adi")
    ("'=1+1", "''=1", 'Adi')
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """The inverse of `escaped`."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for cells in rows:
            if any(map(str.strip, cells)):
                yield rows.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise AnnotationError(
            f"line {rows.line_num}: {error}. Export the table again as CSV."
        ) from error


def _delimiter(text: str) -> str:
    """The sign that parts the cells of the first line, which holds no texts with signs in them."""
    head = text.lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _columns(heads: list[str]) -> dict[str, int] | None:
    """The place of each column we read by its name; `None` if the first row is a region itself."""
    folded = [head.strip("'").casefold().replace(" ", "_") for head in heads]
    columns = {}
    for place, head in enumerate(folded):
        if name := field_named(head):
            columns.setdefault(name, place)
    for key, names in _TIMES.items():
        if found := next((name for name in names if name in folded), None):
            columns[key] = folded.index(found)
    if {"start", "label"} <= columns.keys() and columns.keys() & {"end", "duration"}:
        return columns
    try:
        seconds(heads[0]), seconds(heads[1])
    except (AnnotationError, IndexError):
        raise AnnotationError(
            f"line 1: its columns are {shown(heads)}. Name one start_s, one end_s or duration_s, "
            f"and one section; the others may be {', '.join(FIELDS)}."
        ) from None
    return None


def _named(columns: dict[str, int], cells: list[str]) -> Iterator[tuple[str, str]]:
    for name, place in columns.items():
        if place < len(cells):
            yield name, unescaped(cells[place])


def _mark(cells: dict[str, str], where: str) -> Mark:
    start = seconds(cells.pop("start", ""), "start")
    end, duration = cells.pop("end", ""), cells.pop("duration", "")
    is_lasting = duration and not end
    end_s = start + seconds(duration, "duration") if is_lasting else seconds(end, "end")
    label, tier = cells.pop("label", ""), cells.pop("recording", "")
    return Mark(start, end_s, label, where, cells, tier)
