"""Stage 3, how far: how much of a recording is marked, and how much of that is approved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.records import Recording, Segment


@dataclass(frozen=True)
class Progress:
    """Shares of a recording's length, 0..1, and how many segments there are."""

    marked: float
    approved: float
    n_segments: int


def progress(recording: Recording, segments: Sequence[Segment]) -> Progress:
    """How far the recording's annotation has come; what was rejected does not count."""
    counted = [segment for segment in segments if segment.status != "rejected"]
    marked = [each for each in counted if each.origin == "human" or each.status == "approved"]
    approved = [each for each in counted if each.status == "approved"]
    return Progress(
        covered_s(marked) / recording.duration_s,
        covered_s(approved) / recording.duration_s,
        len(counted),
    )


def covered_s(segments: Iterable[Segment]) -> float:
    """Seconds that lie in at least one of these segments of one recording."""
    total, reached = 0.0, 0.0
    for segment in sorted(segments, key=lambda each: each.start_s):
        total += max(0.0, segment.end_s - max(reached, segment.start_s))
        reached = max(reached, segment.end_s)
    return total
