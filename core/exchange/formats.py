"""The formats by name, what each can hold, and which of them a file is in."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import AnnotationError
from core.exchange import elan, jams_file, label_studio, lines, praat, spreadsheet
from core.exchange.marks import FIELDS, KEPT_ID, Mark, decoded, seconds
from core.records import Recording, Segment


@dataclass(frozen=True)
class Format:
    """How one kind of file is read and written."""

    name: str  # as the command takes it
    title: str  # as a person reads it
    suffix: str
    read: Callable[[bytes], list[Mark]]
    write: Callable[[Recording, list[Segment]], bytes]
    holds: tuple[str, ...] = ()  # of the fields of a segment beside times and section
    rounds_to_ms: bool = False
    is_by_recording: bool = False  # one file may be about many; a tier begins with the name


_ALL = (*FIELDS, KEPT_ID)

FORMATS = {
    each.name: each
    for each in (
        Format(
            "csv",
            "CSV table",
            ".csv",
            spreadsheet.read,
            spreadsheet.write,
            _ALL,
            is_by_recording=True,
        ),
        Format("audacity", "Audacity labels", ".txt", lines.read_audacity, lines.write_audacity),
        Format("textgrid", "Praat TextGrid", ".TextGrid", praat.read, praat.write, FIELDS, True),
        Format("eaf", "ELAN", ".eaf", elan.read, elan.write, FIELDS, True),
        Format("jams", "JAMS", ".jams", jams_file.read, jams_file.write, _ALL),
        Format(
            "rttm",
            "RTTM",
            ".rttm",
            lines.read_rttm,
            lines.write_rttm,
            ("confidence",),
            is_by_recording=True,
        ),
        Format(
            "label-studio",
            "Label Studio JSON",
            ".json",
            label_studio.read,
            label_studio.write,
            _ALL,
            is_by_recording=True,
        ),
        Format(
            "sonic-visualiser",
            "Sonic Visualiser regions",
            ".csv",
            lines.read_sonic_visualiser,
            lines.write_sonic_visualiser,
        ),
        Format("saraga", "Saraga sections", ".txt", lines.read_saraga, lines.write_saraga),
    )
}

_NOT_TEXT = {
    b"RIFF": "a wav file",
    b"fLaC": "a FLAC file",
    b"ID3": "an mp3 file",
    b"OggS": "an Ogg file",
    b"PK\x03\x04": "a zip archive (or a spreadsheet's own format: save it as CSV)",
    b"%PDF": "a PDF",
}
_ALSO = {"praat": "textgrid", "elan": "eaf", "sv": "sonicvisualiser", "labels": "audacity"}
_HEAD = 4096  # bytes that tell the formats apart
_RTTM = re.compile(rf"(SPEAKER|{'|'.join(lines.RTTM_OTHERS)})\s")


def format_named(name: str) -> Format:
    """The format that the command calls `name`, or that is known by that name.

    >>> format_named("Praat").name, format_named("LabelStudio").name
    ('textgrid', 'label-studio')
    """
    folded = re.sub("[^a-z]", "", name.casefold())
    folded = _ALSO.get(folded, folded)
    for known in FORMATS.values():
        if known.name.replace("-", "") == folded:
            return known
    raise AnnotationError(f"No format {name!r}. There are: {', '.join(FORMATS)}.")


def recognise(content: bytes) -> Format:
    """The format of a file by what it holds, whatever it is called.

    Raises
    ------
    AnnotationError
        If it is none of `FORMATS`, with what it seems to be.
    """
    for start, what in _NOT_TEXT.items():
        if content.startswith(start):
            raise AnnotationError(f"This is {what}, not a file of labels.")
    if content.startswith(b"ooBinaryFile"):
        return FORMATS["textgrid"]
    text = _head(content).lstrip()
    if not text:
        raise AnnotationError("This file is empty. Choose one that holds labels.")
    if text[0] in "{[":
        return _of_json(content)
    if text[0] == "<":
        return _of_xml(text)
    if "ooTextFile" in text.partition("\n")[0]:
        return FORMATS["textgrid"]
    return _of_lines(text)


def _head(content: bytes) -> str:
    """The text of the beginning; a character cut in two is left out."""
    head = content[:_HEAD]
    for cut in range(4):
        try:
            return decoded(head[: len(head) - cut])
        except AnnotationError as error:
            fault = error
    raise fault


def _of_json(content: bytes) -> Format:
    try:
        told = json.loads(decoded(content))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, AnnotationError) else jams_file.not_json(error) from error
    is_jams = isinstance(told, dict) and "file_metadata" in told
    return FORMATS["jams" if is_jams else "label-studio"]


def _of_xml(text: str) -> Format:
    if "<ANNOTATION_DOCUMENT" in text:
        return FORMATS["eaf"]
    if "<sv>" in text:
        raise AnnotationError(
            "This is a Sonic Visualiser layer or session. Export its region layer as CSV."
        )
    raise AnnotationError("This XML is not ELAN's (ANNOTATION_DOCUMENT). Export the labels anew.")


def _of_lines(text: str) -> Format:
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith(";;")]
    first = rows[0] if rows else ""
    if _RTTM.match(first):
        return FORMATS["rttm"]
    tabs, commas = first.split("\t"), first.split(",")
    if len(tabs) >= 4 and all(map(_is_time, tabs[:3])):
        return FORMATS["saraga"]
    if len(tabs) >= 2 and all(map(_is_time, tabs[:2])):
        return FORMATS["audacity"]
    heads = [head.strip().casefold() for head in commas[:3]]
    if heads == ["time", "value", "duration"]:
        return FORMATS["sonic-visualiser"]
    if len(commas) >= 4 and all(map(_is_time, commas[:3])):
        return FORMATS["sonic-visualiser"]
    if len(commas) == 2 and _is_time(commas[0]) and not _is_time(commas[1]):
        return FORMATS["sonic-visualiser"]  # its time instants: time,label
    return FORMATS["csv"]


def _is_time(text: str) -> bool:
    try:
        seconds(text)
    except AnnotationError:
        return False
    return True
