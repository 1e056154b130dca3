"""Stage 3, two annotators of one recording: how far they agree, and where they do not.

What is heard at a time is one word: violin where a violin passage is marked, else the section that
is. Boundaries are compared by the hit rate within 3 s and labels by the pairwise F of frames that
belong together, both of mir_eval (Turnbull et al., ISMIR 2007; Levy and Sandler, TASLP 2008), and
by Cohen's kappa of whole seconds (scikit-learn). Only the time that either of them marked counts:
what both left alone says nothing of what they hear.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from core.command import run
from core.edits import clock, is_firm
from core.errors import LibraryError
from core.library import Library
from core.records import VIOLIN_LANE, Segment
from core.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

WINDOW_S = 3.0  # how far apart two boundaries may be and still be one
UNMARKED = "unmarked"
_MOST_FRAMES = 5_000  # mir_eval compares all pairs of frames: 25 MB at this many
_FRAME_S = 0.1  # mir_eval's own, for what is short enough


@dataclass(frozen=True)
class Difference:
    """A stretch of which two annotators say different things."""

    start_s: float
    end_s: float
    one: str
    other: str


@dataclass(frozen=True)
class Agreement:
    """How far two annotators agree; each measure is 1 for the same annotation."""

    one: str
    other: str
    boundary_f: float
    pairwise_f: float
    kappa: float
    same_share: float  # of the time that either marked
    compared_s: float
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Heard:
    """A stretch of which an annotator says one word."""

    start_s: float
    end_s: float
    label: str


def annotators(segments: Iterable[Segment]) -> list[str]:
    """Who marked these, the most industrious first."""
    length: dict[str, float] = {}
    for each in segments:
        if each.annotator and is_firm(each):
            length[each.annotator] = length.get(each.annotator, 0.0) + each.duration_s
    return sorted(length, key=length.__getitem__, reverse=True)


def heard(segments: Iterable[Segment], annotator: str) -> list[Heard]:
    """What an annotator says is heard, by time: violin where it is marked, else the section."""
    ours = sorted(
        (each for each in segments if each.annotator == annotator and is_firm(each)),
        key=lambda each: each.start_s,
    )
    edges = sorted({time for each in ours for time in (each.start_s, each.end_s)})
    lanes = [
        deque(each for each in ours if each.lane == VIOLIN_LANE),
        deque(each for each in ours if each.lane != VIOLIN_LANE),
    ]
    found: list[Heard] = []
    before: Segment | None = None
    for start, end in pairwise(edges):
        for lane in lanes:
            while lane and lane[0].end_s <= start:
                lane.popleft()
        now = next((lane[0] for lane in lanes if lane and lane[0].start_s <= start), None)
        if now is not None and now is before:  # cut by the edge of what lies under it
            found[-1] = Heard(found[-1].start_s, end, now.section)
        elif now is not None:
            found.append(Heard(start, end, now.section))
        before = now
    return found


def agreement(segments: Iterable[Segment], one: str, other: str) -> Agreement:
    """Compare what two annotators marked in one recording.

    Raises
    ------
    LibraryError
        If one of them marked nothing.
    """
    segments = list(segments)
    a, b = heard(segments, one), heard(segments, other)
    for who, marked in ((one, a), (other, b)):
        if not marked:
            known = ", ".join(annotators(segments)) or "nobody"
            raise LibraryError(f"{who!r} marked nothing here. Marked it has: {known}.")
    spans = _compared(a, b)
    total = sum(each.end_s - each.start_s for each in spans)
    apart = tuple(each for each in spans if each.one != each.other)
    differing = sum(each.end_s - each.start_s for each in apart)
    return Agreement(
        one,
        other,
        _boundary_f(a, b),
        _pairwise_f(spans),
        _kappa(spans),
        1 - differing / total,
        total,
        apart,
    )


def _compared(a: Sequence[Heard], b: Sequence[Heard]) -> list[Difference]:
    """What both say of each stretch that either marked."""
    edges = sorted({time for each in (*a, *b) for time in (each.start_s, each.end_s)})
    spans: list[Difference] = []
    i = j = 0
    for start, end in pairwise(edges):
        while i < len(a) and a[i].end_s <= start:
            i += 1
        while j < len(b) and b[j].end_s <= start:
            j += 1
        one = a[i].label if i < len(a) and a[i].start_s <= start else UNMARKED
        other = b[j].label if j < len(b) and b[j].start_s <= start else UNMARKED
        if (one, other) == (UNMARKED, UNMARKED):
            continue
        last = spans[-1] if spans else None
        if last and (last.end_s, last.one, last.other) == (start, one, other):
            spans[-1] = Difference(last.start_s, end, one, other)
        else:
            spans.append(Difference(start, end, one, other))
    return spans


def _boundary_f(a: Sequence[Heard], b: Sequence[Heard]) -> float:
    import mir_eval

    one, other = _intervals(a), _intervals(b)
    return float(mir_eval.segment.detection(one, other, window=WINDOW_S)[2])


def _pairwise_f(spans: Sequence[Difference]) -> float:
    """Of the stretches that either marked, moved together so that no gap is left."""
    import mir_eval
    import numpy as np

    edges = np.cumsum([0.0, *(each.end_s - each.start_s for each in spans)])
    intervals = np.column_stack([edges[:-1], edges[1:]])
    frame = max(_FRAME_S, edges[-1] / _MOST_FRAMES)
    labels = [each.one for each in spans], [each.other for each in spans]
    with np.errstate(invalid="ignore"):  # a single frame has no pairs
        found = mir_eval.segment.pairwise(
            intervals, labels[0], intervals, labels[1], frame_size=frame
        )
    return float(np.nan_to_num(found[2]))


def _kappa(spans: Sequence[Difference]) -> float:
    """Chance-corrected agreement of whole seconds, each by what is said of its middle."""
    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    first, last = int(spans[0].start_s), int(np.ceil(spans[-1].end_s))
    middles = np.arange(first, last) + 0.5
    where = np.searchsorted([each.start_s for each in spans], middles, side="right") - 1
    pairs = [
        (spans[k].one, spans[k].other)
        for k, middle in zip(where, middles, strict=True)
        if k >= 0 and middle < spans[k].end_s
    ]
    if not pairs or all(one == other for one, other in pairs):
        return 1.0 if pairs else 0.0  # one label throughout leaves nothing to chance: 0 / 0
    one, other = zip(*pairs, strict=True)
    return float(cohen_kappa_score(one, other))


def _intervals(found: Sequence[Heard]) -> "np.ndarray":
    import numpy as np

    return np.array([(each.start_s, each.end_s) for each in found])


def main(
    recording: str, one: str | None = None, other: str | None = None, workspace: Path | None = None
) -> str:
    """Say how far two annotators of a recording agree, and where they do not.

    Parameters
    ----------
    recording
        The recording's id.
    one
        An annotator; whoever marked most unless given.
    other
        Another; whoever marked second most unless given.
    workspace
        Where everything is kept.
    """
    library = Library.of(Workspace.at(workspace))
    segments = library.segments(library.recording(recording).id)
    one, other = pair(segments, one, other)
    found = agreement(segments, one, other)
    lines = [
        f"{one} and {other}: {100 * found.same_share:.1f} % of {clock(found.compared_s)} the same",
        f"boundaries within {WINDOW_S:g} s, F: {found.boundary_f:.3f}",
        f"frames together, F: {found.pairwise_f:.3f}",
        f"Cohen's kappa per second: {found.kappa:.3f}",
    ]
    for each in found.differences:
        span = f"{clock(each.start_s)} to {clock(each.end_s)}"
        lines.append(f"{span}: {one} says {each.one}, {other} {each.other}")
    return "\n".join(lines)


def pair(
    segments: Iterable[Segment], one: str | None = None, other: str | None = None
) -> tuple[str, str]:
    """The two to compare: those named, else whoever marked most."""
    rest = [name for name in annotators(segments) if name not in (one, other)]
    if len(rest) < (one is None) + (other is None):
        raise LibraryError(
            "Fewer than two named annotators marked this recording. Let a second one mark it "
            "under a name of their own."
        )
    one = one if one is not None else rest.pop(0)
    return one, other if other is not None else rest.pop(0)


if __name__ == "__main__":
    run(main, positional=True)
