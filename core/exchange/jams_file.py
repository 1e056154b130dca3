"""JAMS files (Humphrey et al., ISMIR 2014), through jams.

What is marked is a `segment_open` annotation for each annotator, as any reader of JAMS takes it.
What else is said of each segment stands in a `blob` annotation beside it, under the same times.
"""

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from core.errors import AnnotationError
from core.exchange.marks import FIELDS, KEPT_ID, Faults, Mark, decoded, fields_of, number
from core.records import Recording, Segment

_TOOL = "Carnatic Riffusion Studio"
_LABELS = ("segment_open", "segment_tut", "tag_open", "multi_segment")
_LABELS += ("segment_salami_function", "segment_salami_upper", "segment_salami_lower")
_FIELDS = "blob"


def read(content: bytes) -> list[Mark]:
    """The observations of all annotations that label stretches of time.

    Raises
    ------
    AnnotationError
        If it is no JAMS, is cut off, or has times that are no numbers.
    """
    jam = _parsed(content)
    beside = [each for each in jam.annotations if _is_ours(each)]
    labelled = [each for each in jam.annotations if each.namespace in _LABELS]
    if not labelled and len(jam.annotations):
        found = sorted({str(each.namespace) for each in jam.annotations})
        raise AnnotationError(
            f"This JAMS marks no segments: it holds {', '.join(found)}. "
            f"Give one with any of {', '.join(_LABELS)}."
        )
    faults = Faults("This JAMS cannot be taken as it is.")
    fields = _fields(beside)
    marks = [
        mark for k, each in enumerate(labelled, start=1) for mark in _marks(each, k, faults, fields)
    ]
    faults.settle()
    return marks


def write(recording: Recording, segments: list[Segment]) -> bytes:
    """A JAMS file that passes the format's own validation."""
    import jams

    jam = jams.JAMS()
    jam.file_metadata.duration = recording.duration_s
    jam.file_metadata.title = recording.title
    jam.file_metadata.artist = recording.lead_artist or ""
    jam.file_metadata.identifiers = {"recording": recording.id}
    groups: dict[str | None, list[Segment]] = defaultdict(list)
    for segment in sorted(segments, key=lambda each: (each.start_s, each.end_s)):
        groups[segment.annotator].append(segment)
    for annotator, group in groups.items():
        marked = _annotation("segment_open", annotator, recording)
        beside = _annotation(_FIELDS, annotator, recording)
        for each in group:
            when = {"time": each.start_s, "duration": each.duration_s}
            said = {**fields_of(each), KEPT_ID: each.id}
            marked.append(**when, value=each.section, confidence=each.confidence)
            beside.append(**when, value=said, confidence=None)
        jam.annotations += [marked, beside]
    return jam.dumps(indent=1, ensure_ascii=False).encode()


def _annotation(namespace: str, annotator: str | None, recording: Recording) -> Any:
    import jams

    about = jams.AnnotationMetadata(
        annotator={"name": annotator} if annotator else {}, annotation_tools=_TOOL
    )
    return jams.Annotation(
        namespace, duration=recording.duration_s, time=0.0, annotation_metadata=about
    )


def _parsed(content: bytes) -> Any:
    text = decoded(content)
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from error
    import jams

    try:
        return jams.load(io.StringIO(text), validate=False, fmt="jams")
    except (TypeError, ValueError, KeyError, AttributeError, jams.JamsError) as error:
        raise AnnotationError(f"This JSON is no JAMS ({error}). Export it anew.") from error


def not_json(error: Exception) -> AnnotationError:
    """That a file is no whole JSON, and where it breaks."""
    if isinstance(error, json.JSONDecodeError):
        return AnnotationError(
            f"line {error.lineno}, column {error.colno}: {error.msg}. The JSON is cut off or "
            "damaged: export it again."
        )
    return AnnotationError(f"This JSON cannot be read ({error}). Export it again.")


def _is_ours(annotation: Any) -> bool:
    tool = getattr(annotation.annotation_metadata, "annotation_tools", None)
    return annotation.namespace == _FIELDS and tool == _TOOL


def _fields(beside: list[Any]) -> dict[tuple, list[dict]]:
    """What is said beside the labels, by the times it is said of."""
    found = defaultdict(list)
    for annotation in beside:
        for each in annotation.data:
            times = (each.time, each.duration)
            if isinstance(each.value, dict) and all(isinstance(t, float | int) for t in times):
                names = (*FIELDS, KEPT_ID)
                said = {name: each.value.get(name) or "" for name in names}
                found[_annotator(annotation), each.time, each.duration].append(said)
    return found


def _annotator(annotation: Any) -> str | None:
    about = getattr(annotation.annotation_metadata, "annotator", None)
    name = getattr(about, "name", None)  # jams makes an object of every dict
    return name if isinstance(name, str) else None


def _marks(annotation: Any, k: int, faults: Faults, fields: dict) -> Iterator[Mark]:
    annotator = _annotator(annotation)
    by = f" by {annotator}" if annotator else ""
    tier = f"annotation {k} ({annotation.namespace}{by})"
    for n, each in enumerate(annotation.data, start=1):
        where = f"{tier}, observation {n}"
        with faults.at(where):
            start = number(each.time, "time")
            duration = number(each.duration, "duration")
            label, level = _label(each.value)
            said: dict = {"annotator": annotator} if annotator else {}
            if each.confidence is not None:
                said["confidence"] = each.confidence
            if also := fields.get((annotator, each.time, each.duration)):
                said |= also.pop(0)
            yield Mark(start, start + duration, label, where, said, f"{tier}{level}")


def _label(value: Any) -> tuple[str, str]:
    if isinstance(value, dict):
        return str(value.get("label", "")), f", level {value.get('level', 0)}"
    return "" if value is None else str(value), ""
