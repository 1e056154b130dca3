"""Learn ragas from what people approved in the library.

    approved segments with a raga, of recordings with a tonic --learn--> models/ragas.npz

`python -m core.raga AUDIO --learned models/ragas.npz` then ranks by what was learned. The features
of the CompMusic raga datasets (Gulati et al. 2016; pitch tracks and tonics, without any audio) can
be learned from too: see `features_of`.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core import theory
from core.command import run
from core.errors import DatasetError, TheoryError
from core.library import Library
from core.pitch import FRAME_S, PitchTrack
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


def features_of(folder: Path, longest_s: float = LONGEST_S) -> list[Melody]:
    """Melodies of an unpacked CompMusic raga dataset.

    Expected are a `path_mbid_ragaid.json` (path and raga id of each recording), a
    `ragaId_to_ragaName_mapping.json`, and together `<path>.pitch` (lines of seconds and Hz,
    0 where unvoiced) and `<path>.tonic` or `.tonicFine` (Hz). A recording is represented by the
    voiced frames of its middle. What is in a raga that nobody knows here is left out, with a word.

    Raises
    ------
    DatasetError
        If the folder holds no such files.
    """
    names = _json_below(folder, "ragaId_to_ragaName_mapping.json")
    listed = _json_below(folder, "path_mbid_ragaid.json")
    rows = listed.values() if isinstance(listed, dict) else listed
    raga_of = {Path(row["path"]).stem: names.get(row["ragaid"]) for row in rows}
    found, unknown = [], Counter()
    for path in sorted(folder.rglob("*.pitch")):
        name = raga_of.get(path.stem)
        try:
            raga = theory.raga(name).name if name else None
        except TheoryError:
            raga = None
        if raga is None:
            unknown[name or "recordings without a raga"] += 1
            continue
        found.append(_melody_of(path, raga, longest_s))
    if unknown:
        log.warning("Left out: %s.", ", ".join(f"{n} x {name}" for name, n in unknown.items()))
    if not found:
        raise DatasetError(
            f"{folder} holds no .pitch file of a known raga. Unpack the features there."
        )
    return found


def _json_below(folder: Path, name: str):
    path = next(iter(sorted(folder.rglob(name))), None)
    if path is None:
        raise DatasetError(
            f"No {name} in {folder}. Unpack a CompMusic raga dataset's features there."
        )
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}). Unpack it again.") from error


def _melody_of(path: Path, raga: str, longest_s: float) -> Melody:
    tonic = next(
        (p for p in (path.with_suffix(".tonicFine"), path.with_suffix(".tonic")) if p.exists()),
        None,
    )
    if tonic is None:
        raise DatasetError(f"{path} has no .tonic beside it. Unpack the features again.")
    try:
        times_s, hz = np.loadtxt(path, usecols=(0, 1), unpack=True, ndmin=2)
        tonic_hz = float(tonic.read_text("utf-8").split()[0])
    except (ValueError, IndexError) as error:
        raise DatasetError(f"{path} holds no pitch track ({error}). Unpack it again.") from error
    margin_s = max(0.0, times_s[-1] - longest_s) / 2
    frames_s = np.arange(margin_s, times_s[-1] - margin_s, FRAME_S)
    nearest = np.searchsorted(times_s, frames_s).clip(max=len(hz) - 1)
    heard = np.maximum(hz[nearest], 0.0)
    return Melody(PitchTrack(frames_s, heard, (heard > 0).astype(float)), tonic_hz, raga)


def main(workspace: Path | None = None, features: Path | None = None) -> str:
    """Learn the ragas of the library's approved segments, or of a dataset's features.

    Parameters
    ----------
    workspace
        Where the library is; by default $STUDIO_WORKSPACE, else the folder beside app.py.
    features
        An unpacked CompMusic raga dataset to learn from instead of the library.
    """
    place = Workspace.at(workspace)
    path = place.models() / "ragas.npz"
    found = Recogniser.fit(features_of(features)) if features else learn(place, Library.of(place))
    found.save(path)
    return str(path)


if __name__ == "__main__":
    run(main)
