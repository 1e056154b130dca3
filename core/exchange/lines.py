"""Formats of one region a line: Audacity labels, Saraga sections, RTTM, Sonic Visualiser regions.

    Audacity          start TAB end TAB label       a line that starts with a backslash: frequencies
    Saraga            start TAB level TAB DURATION TAB label
    RTTM              SPEAKER file channel start duration <NA> <NA> name confidence <NA>
    Sonic Visualiser  time,value,duration,label     the value is a region's height in the picture

Sources: the Audacity manual, "Importing and Exporting Labels"; mirdata's loader of Saraga; NIST's
RT-09 plan, appendix A; Sonic Visualiser's Event and RegionModel.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator

from core.errors import AnnotationError
from core.exchange.marks import Faults, Mark, decoded, seconds
from core.records import SECTIONS, Recording, Segment

_NOT_SAID = "<NA>"
_RTTM_FIELDS = 9  # the tenth, lookahead, came later and is often left out
_RTTM_ROWS = "SPEAKER"
RTTM_OTHERS = ("SPKR-INFO", "LEXEME", "NON-LEX", "NON-SPEECH", "NOSCORE", "NO_RT_METADATA")

_Row = list[str]


def read_audacity(content: bytes) -> list[Mark]:
    """The labels of an Audacity label track."""

    def mark(cells: _Row, where: str) -> Mark | None:
        if cells[0] == "\\":
            return None
        if len(cells) < 2:
            raise AnnotationError("there is no end. Give start, end and label between tabs.")
        label = "\t".join(cells[2:])
        return Mark(seconds(cells[0], "start"), seconds(cells[1], "end"), label, where)

    return _read(content, "Audacity label track", _tabbed, mark)


def write_audacity(recording: Recording, segments: list[Segment]) -> bytes:
    """A label track."""
    return _lines(f"{s.start_s:.6f}\t{s.end_s:.6f}\t{s.section}" for s in segments)


def read_saraga(content: bytes) -> list[Mark]:
    """The sections of a Saraga `*.sections-manual-p.txt`."""

    def mark(cells: _Row, where: str) -> Mark | None:
        if len(cells) < 4:
            raise AnnotationError(
                f"it has {len(cells)} columns. Give start, level, duration and label between tabs."
            )
        start = seconds(cells[0], "start")
        return Mark(start, start + seconds(cells[2], "duration"), cells[3], where)

    return _read(content, "Saraga section file", _tabbed, mark)


def write_saraga(recording: Recording, segments: list[Segment]) -> bytes:
    """Sections as Saraga has them, on level 1; violin passages are on level 2."""
    return _lines(
        f"{s.start_s:.9f}\t{2 if s.lane == 'violin' else 1}\t{s.duration_s:.9f}\t{s.section}"
        for s in segments
    )


def read_rttm(content: bytes) -> list[Mark]:
    """The speaker rows of an RTTM; `tier` is the file that a row speaks of."""

    def mark(cells: _Row, where: str) -> Mark | None:
        if cells[0] != _RTTM_ROWS:
            return None
        if len(cells) < _RTTM_FIELDS:
            raise AnnotationError(
                f"it has {len(cells)} fields. A speaker row has {_RTTM_FIELDS} or 10."
            )
        start = seconds(cells[3], "start")
        end = start + seconds(cells[4], "duration")
        said = {} if cells[8] == _NOT_SAID else {"confidence": cells[8]}
        label = "" if cells[7] == _NOT_SAID else cells[7].replace("_", " ")
        return Mark(start, end, label, where, said, cells[1])

    return _read(content, "RTTM", _spaced, mark)


def write_rttm(recording: Recording, segments: list[Segment]) -> bytes:
    """Speaker rows whose names are sections; spaces become underscores."""
    return _lines(
        f"{_RTTM_ROWS} {recording.id} 1 {s.start_s:.6f} {s.duration_s:.6f} {_NOT_SAID} {_NOT_SAID} "
        f"{s.section.replace(' ', '_')} "
        f"{_NOT_SAID if s.confidence is None else repr(float(s.confidence))} {_NOT_SAID}"
        for s in segments
    )


def read_sonic_visualiser(content: bytes) -> list[Mark]:
    """The regions of a layer that Sonic Visualiser exported as CSV, with or without headings.

    A layer of time instants has only times and labels; its marks are points.
    """

    def mark(cells: _Row, where: str) -> Mark | None:
        if where == "line 1" and cells[0].casefold() == "time":
            return None
        if len(cells) == 2:
            return Mark(seconds(cells[0]), seconds(cells[0]), cells[1], where)
        if len(cells) < 3:
            raise AnnotationError(
                f"it has {len(cells)} columns. A region has time, value, duration and label; "
                "export a region layer, with its times in seconds."
            )
        start = seconds(cells[0], "time")
        label = cells[3] if len(cells) > 3 else ""
        return Mark(start, start + seconds(cells[2], "duration"), label, where)

    return _read(content, "Sonic Visualiser region layer", _comma_separated, mark)


def write_sonic_visualiser(recording: Recording, segments: list[Segment]) -> bytes:
    """Regions at a height for each kind of section, so that kinds lie on lines of their own."""
    return _lines(
        f"{s.start_s:.9f},{SECTIONS.index(s.section) + 1},{s.duration_s:.9f},{s.section}"
        for s in segments
    )


def _read(
    content: bytes,
    what: str,
    rows: Callable[[str], Iterator[tuple[int, _Row]]],
    mark: Callable[[_Row, str], Mark | None],
) -> list[Mark]:
    """The mark of each row that has one; all faulty rows are named in one error."""
    faults, marks = Faults(f"This {what} cannot be taken as it is."), []
    for line, cells in rows(decoded(content)):
        with faults.at(f"line {line}"):
            marks.append(mark(cells, f"line {line}"))
    faults.settle()
    return [each for each in marks if each is not None]


def _tabbed(text: str) -> Iterator[tuple[int, _Row]]:
    for n, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield n, [cell.strip() for cell in line.split("\t")]


def _spaced(text: str) -> Iterator[tuple[int, _Row]]:
    for n, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.startswith(";;"):
            yield n, line.split()


def _comma_separated(text: str) -> Iterator[tuple[int, _Row]]:
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in rows:
            if any(map(str.strip, cells)):
                yield rows.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise AnnotationError(f"line {rows.line_num}: {error}. Export the layer again.") from error


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
