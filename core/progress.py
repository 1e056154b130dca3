"""Stage 3, how far: how much of each recording is marked and approved, by whom, and of what."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.command import run
from core.edits import clock, is_firm
from core.fields import known_fields
from core.library import Library
from core.records import Recording, Segment
from core.review import Reviewed, reviews
from core.workspace import Workspace


@dataclass(frozen=True)
class Progress:
    """Shares of a recording's length, 0..1, and how many segments there are."""

    marked: float
    approved: float
    n_segments: int


@dataclass(frozen=True)
class Work:
    """How far one recording is, and the seconds that each person marked and approved of it."""

    recording: Recording
    done: Progress
    marked_by: dict[str | None, float]
    approved_by: dict[str | None, float]
    waiting: int  # segments that someone marked and nobody approved
    sent_back: int


@dataclass(frozen=True)
class Hours:
    """Hours of one section, raga or tala: all that was marked, and what of it is approved."""

    name: str
    marked: float
    approved: float


def progress(recording: Recording, segments: Sequence[Segment]) -> Progress:
    """How far the recording's annotation has come; what was rejected does not count."""
    counted = [segment for segment in segments if segment.status != "rejected"]
    marked = [each for each in counted if is_firm(each)]
    approved = [each for each in counted if each.status == "approved"]
    return Progress(
        min(1.0, covered_s(marked) / recording.duration_s),
        min(1.0, covered_s(approved) / recording.duration_s),
        len(counted),
    )


def covered_s(segments: Iterable[Segment]) -> float:
    """Seconds that lie in at least one of these segments of one recording."""
    total, reached = 0.0, 0.0
    for segment in sorted(segments, key=lambda each: each.start_s):
        total += max(0.0, segment.end_s - max(reached, segment.start_s))
        reached = max(reached, segment.end_s)
    return total


def work(library: Library, recording: Recording) -> Work:
    """How far a recording is, and who did it."""
    found = reviews(library, recording.id)
    approved = [each for each in found if each.stage == "approved"]
    return Work(
        recording,
        progress(recording, library.segments(recording.id)),
        _by_person((each.segment.annotator, each) for each in found),
        _by_person((each.reviewer, each) for each in approved),
        sum(each.stage == "waiting" for each in found),
        sum(each.stage == "sent back" for each in found),
    )


def hours(library: Library, what: str) -> list[Hours]:
    """Hours of each section, raga or tala in the whole library, the longest first.

    A segment's raga and tala are inherited from its recording where they must hold for it. What
    two annotators marked alike counts once.
    """
    recordings = {each.id: each for each in library.recordings()}
    groups: dict[tuple[str, str], list[Segment]] = defaultdict(list)
    names: dict[tuple, str | None] = {}
    for segment in filter(is_firm, library.segments()):
        alike = (segment.recording_id, segment.section, segment.raga, segment.tala)
        if alike not in names:
            names[alike] = known_fields(segment, recordings[segment.recording_id]).get(what)
        if name := names[alike]:
            groups[name, segment.recording_id].append(segment)
    marked: dict[str, float] = defaultdict(float)
    approved: dict[str, float] = defaultdict(float)
    for (name, _), segments in groups.items():
        marked[name] += covered_s(segments) / 3600
        approved[name] += covered_s(s for s in segments if s.status == "approved") / 3600
    longest = sorted(marked, key=lambda name: (-marked[name], name))
    return [Hours(name, marked[name], approved[name]) for name in longest]


def main(workspace: Path | None = None) -> str:
    """Say how far each recording is and by whom, and the hours of each section, raga and tala.

    Parameters
    ----------
    workspace
        Where everything is kept.
    """
    library = Library.of(Workspace.at(workspace))
    lines = []
    for recording in library.recordings():
        found = work(library, recording)
        lines.append(
            f"{recording.title}: {found.done.marked:.0%} marked ({_people(found.marked_by)}), "
            f"{found.done.approved:.0%} approved ({_people(found.approved_by)}), "
            f"{found.waiting} waiting, {found.sent_back} sent back"
        )
    for what in ("section", "raga", "tala"):
        lines += [
            f"{what} {each.name}: {each.marked:.2f} h, {each.approved:.2f} h approved"
            for each in hours(library, what)
        ]
    return "\n".join(lines) or "No recording yet. Import one with python -m core.download."


def _people(lengths: Mapping[str | None, float]) -> str:
    return ", ".join(f"{name or 'no name'} {clock(lengths[name])}" for name in lengths) or "nobody"


def _by_person(pairs: Iterable[tuple[str | None, Reviewed]]) -> dict[str | None, float]:
    groups: dict[str | None, list[Segment]] = defaultdict(list)
    for person, each in pairs:
        groups[person].append(each.segment)
    return {person: covered_s(segments) for person, segments in groups.items()}


if __name__ == "__main__":
    run(main)
