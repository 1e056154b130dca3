"""Segments become a file of another tool, and what it cannot hold is said."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from core.edits import TOUCHING_S
from core.exchange.formats import Format, format_named
from core.exchange.marks import FIELDS
from core.records import Recording, Segment, Status


@dataclass(frozen=True)
class Exported:
    """A file's content, and a line for each thing that it lacks."""

    format: Format
    content: bytes
    count: int
    losses: tuple[str, ...]


def chosen(
    segments: Iterable[Segment], status: Status | None = None, annotator: str | None = None
) -> list[Segment]:
    """The segments of one status or of one annotator, or all."""
    return [
        each
        for each in segments
        if status in (None, each.status) and annotator in (None, each.annotator)
    ]


def export(recording: Recording, segments: Iterable[Segment], format: str) -> Exported:
    """The segments as a file in this format.

    What was rejected is left out where the format cannot say that it was.
    """
    kind = format_named(format)
    told = sorted(segments, key=lambda each: (each.start_s, each.end_s))
    kept = _kept(told, kind)
    return Exported(kind, kind.write(recording, kept), len(kept), losses(told, format))


def losses(segments: Iterable[Segment], format: str) -> tuple[str, ...]:
    """What a file of this format would lack of these segments, a line each."""
    kind = format_named(format)
    told = sorted(segments, key=lambda each: (each.start_s, each.end_s))
    kept = _kept(told, kind)
    return (*_left_out(len(told) - len(kept), kind), *_losses(kept, kind))


def _kept(segments: list[Segment], kind: Format) -> list[Segment]:
    return [each for each in segments if "status" in kind.holds or each.status != "rejected"]


def _left_out(count: int, kind: Format) -> Iterable[str]:
    if count:
        yield f"{count} rejected, left out: {kind.title} cannot say that they are."


def _losses(segments: list[Segment], kind: Format) -> Iterable[str]:
    said: Counter[str] = Counter()
    for each in segments:
        said.update(name for name in FIELDS if _says(each, name))
    lost = [f"{name} of {said[name]}" for name in FIELDS if said[name] and name not in kind.holds]
    if lost:
        yield f"{kind.title} cannot hold: {', '.join(lost)}."
    proposed = sum(each.origin not in ("human", "import") for each in segments)
    if proposed and "origin" not in kind.holds:
        yield f"{proposed} proposals look like any other region."
    if kind.rounds_to_ms:
        yield "Times are rounded to milliseconds."
    if overlaps := _overlaps(segments, kind):
        yield (
            f"{overlaps} regions lie over another of their lane, which {kind.title} cannot tell "
            "apart: the file would not import again. Export one annotator, or what is approved."
        )


def _says(segment: Segment, name: str) -> bool:
    plain = {"origin": ("human", "import"), "status": ("draft",)}
    value = getattr(segment, name)
    return value is not None and value not in plain.get(name, ())


def _overlaps(segments: list[Segment], kind: Format) -> int:
    if {"origin", "annotator"} <= set(kind.holds):
        return 0
    count, ends = 0, {}
    for each in segments:
        count += each.start_s < ends.get(each.lane, 0.0) - TOUCHING_S
        ends[each.lane] = max(ends.get(each.lane, 0.0), each.end_s)
    return count
