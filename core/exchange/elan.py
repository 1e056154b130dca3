"""ELAN annotation files (EAF), through pympi-ling; times are whole milliseconds."""

import math
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from core.errors import AnnotationError
from core.exchange.marks import Faults, Mark
from core.exchange.tiers import Interval, Tier, marks_of, tiers_of
from core.records import Recording, Segment

_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)  # no EAF has one; bombs do
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(content: bytes) -> list[Mark]:
    """The annotations of an EAF; one that hangs on another has the times of that one.

    What is not aligned has times that are no numbers.

    Raises
    ------
    AnnotationError
        If it is no EAF, is cut off, or its annotations hang on what is not there.
    """
    document = _parsed(content)
    faults = Faults("This EAF cannot be taken as it is.")
    tiers = [_tier(document, name, faults) for name in document.get_tier_names()]
    faults.settle()
    return marks_of(tiers)


def write(recording: Recording, segments: list[Segment]) -> bytes:
    """An EAF of tiers that stand by themselves."""
    from pympi.Elan import Eaf, to_string

    document = Eaf(author="Carnatic Riffusion Studio")
    document.remove_tier("default")
    for tier in tiers_of(segments) or [Tier("sections", ())]:
        document.add_tier(tier.name)
        for each in tier.intervals:
            start, end = round(1000 * each.start_s), round(1000 * each.end_s)
            document.add_annotation(tier.name, start, end, _NOT_XML.sub("�", each.text))
    document.add_property("recording", recording.id)
    return to_string(document, encoding="UTF-8")


def _parsed(content: bytes) -> Any:
    from pympi.Elan import Eaf

    if _DOCTYPE.search(content):
        raise AnnotationError(
            "This XML declares a document type, which no EAF does. Export it anew."
        )
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        line, column = error.position
        raise AnnotationError(
            f"line {line}, column {column + 1}: {error.msg}. The EAF is cut off or damaged: "
            "save it again in ELAN."
        ) from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise AnnotationError(
            f"line 1: this XML is a <{root.tag}>, not ELAN's ANNOTATION_DOCUMENT."
        )
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a version that pympi does not know yet
            path = Path(folder) / "read.eaf"
            path.write_bytes(content)
            return Eaf(str(path))
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise AnnotationError(
            f"This EAF lacks what every EAF has ({error}). Open it in ELAN and save it again."
        ) from error


def _tier(document: Any, name: str, faults: Faults) -> Tier:
    intervals = []
    try:
        told = document.get_annotation_data_for_tier(name)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        faults.add(f"tier {name!r}", f"its annotations hang on what is not there ({error}).")
        told = []
    for n, (start, end, text, *_) in enumerate(told, start=1):
        where = f"tier {name!r}, annotation {n}"
        times = [math.nan if time is None else time / 1000 for time in (start, end)]
        intervals.append(Interval(*times, text, where))  # without times: only if it is wanted
    return Tier(name, tuple(intervals))
