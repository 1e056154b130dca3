"""Learn ragas from what people approved in the library.

    approved segments with a raga, of recordings with a tonic --learn--> models/ragas.npz

`python -m core.raga AUDIO --learned models/ragas.npz` then ranks by what was learned.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from core.command import run
from core.errors import DatasetError
from core.library import Library
from core.records import Segment
from core.tdms import Melody, Recogniser
from core.workspace import Workspace

log = logging.getLogger(__name__)
SUNG = {"alapanai", "tanam", "kriti", "neraval", "kalpanaswaram", "violin", "viruttam", "tillana"}
SHORTEST_S = 15.0
LONGEST_S = 180.0  # of one segment: a long kriti says no more than its first minutes


def learn(workspace: Workspace, library: Library) -> Recogniser:
    """Learn from every approved segment with a raga whose recording has a tonic.

    Raises
    ------
    DatasetError
        If these hold fewer than two ragas.
    """
    melodies = list(_melodies(workspace, library))
    counts = Counter(melody.raga for melody in melodies)
    if len(counts) < 2:
        raise DatasetError(
            f"{len(counts)} raga is to be learned from; at least 2 are needed. Approve segments of "
            f"{SHORTEST_S:.0f} s or more with a raga, of recordings whose tonic is set."
        )
    log.info("Learned from %s.", ", ".join(f"{n} x {raga}" for raga, n in counts.most_common()))
    return Recogniser.fit(melodies)


def _melodies(workspace: Workspace, library: Library) -> Iterator[Melody]:
    from core import audio
    from core.pitch import SR, f0

    tonics = {recording.id: recording.tonic_hz for recording in library.recordings()}
    for segment in library.segments(status="approved"):
        tonic_hz = tonics[segment.recording_id]
        if tonic_hz and _is_sung(segment):
            end_s = min(segment.end_s, segment.start_s + LONGEST_S)
            path = workspace.audio(segment.recording_id)
            y, sr = audio.load(path, sr=SR, start_s=segment.start_s, end_s=end_s)
            yield Melody(f0(y, sr), tonic_hz, segment.raga)


def _is_sung(segment: Segment) -> bool:
    long_enough = segment.end_s - segment.start_s >= SHORTEST_S
    return segment.raga is not None and segment.section in SUNG and long_enough


def main(workspace: Path | None = None) -> str:
    """Learn the ragas of the library's approved segments.

    Parameters
    ----------
    workspace
        Where the library is; by default $STUDIO_WORKSPACE, else the folder beside app.py.
    """
    place = Workspace.at(workspace)
    path = place.models() / "ragas.npz"
    learn(place, Library.of(place)).save(path)
    return str(path)


if __name__ == "__main__":
    run(main)
