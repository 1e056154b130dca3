"""Stage 4, by ear: register, density, tempo and mridangam of each segment, measured from its sound.

    python -m core.measure     then captions say what was heard

register is where the melody lies above the tonic, density how many notes it rests on, tempo how
many strokes and notes begin each second: what a listener calls fast, whatever the akshara is. (The
akshara itself could not be told from onsets: 7 of 17 estimates on sample concerts were twice, half
or two thirds of the truth. Density and tempo follow the true notes and strokes with a correlation
of 0.80 and 0.85.) The mridangam's level is `core.segmentation`'s, where nobody has said it.

Numbers are kept beside the recording and worded when asked, so a corrected tonic corrects them too.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from core.errors import AudioError
from core.fields import IN_TALA, MELODIC, Fact
from core.records import Recording, Segment
from core.workspace import Workspace, replacing

log = logging.getLogger(__name__)

LISTENED_S = 90.0  # of a segment, from its middle; more changes the numbers little
MIN_VOICED_S = 5.0  # less melody than that says nothing
MOVED_S = 1.0  # a segment whose edges moved further must be heard again

# Boundaries: about the quartiles of 12 sample concerts, so that a word tells something.
LOW_BELOW_CENTS, HIGH_ABOVE_CENTS = 350.0, 1100.0
HELD_BELOW, QUICK_ABOVE = 1.9, 2.9  # notes rested on, each second of melody
SLOW_BELOW, FAST_ABOVE = 3.7, 5.0  # onsets each second


@dataclass(frozen=True)
class Measure:
    """What was heard in one segment; NaN where there was nothing to hear."""

    segment_id: str
    start_s: float
    end_s: float
    median_hz: float
    notes_per_s: float
    onsets_per_s: float
    mridangam: float = np.nan  # 0 none .. 1 nothing else


def measure(segment: Segment, path: Path) -> Measure:
    """Listen to the middle of a segment."""
    from core import audio, pitch

    margin_s = max(0.0, segment.duration_s - LISTENED_S) / 2
    start_s, end_s = segment.start_s + margin_s, segment.end_s - margin_s
    y, sr = audio.load(path, sr=pitch.SR, start_s=start_s, end_s=end_s)
    track = pitch.f0(y, sr)
    voiced_s = track.voiced.sum() * pitch.FRAME_S
    heard = voiced_s >= MIN_VOICED_S
    return Measure(
        segment.id,
        segment.start_s,
        segment.end_s,
        float(np.median(track.hz[track.voiced])) if heard else np.nan,
        float(np.sum(np.diff(track.resting.astype(int)) == 1) / voiced_s) if heard else np.nan,
        _onsets_per_s(y, sr),
    )


def measure_recording(
    recording: Recording, segments: Iterable[Segment], workspace: Workspace
) -> int:
    """Listen to what was not yet heard of a recording; return how many segments that were."""
    kept = kept_measures(recording.id, workspace)
    new = [segment for segment in segments if not _holds(kept.get(segment.id), segment)]
    levels = _mridangam_levels(recording, new, workspace) if new else {}
    for segment in new:
        try:
            found = measure(segment, workspace.audio(recording.id))
            kept[segment.id] = replace(found, mridangam=levels.get(segment.id, np.nan))
        except AudioError as error:
            log.warning("%s at %.0f s: %s", recording.id, segment.start_s, error)
    if new:
        keep_measures(recording.id, kept.values(), workspace)
    return len(new)


def keep_measures(recording_id: str, measures: Iterable[Measure], workspace: Workspace) -> None:
    """Keep what was heard of a recording beside it."""
    columns = zip(*map(astuple, measures), strict=True)
    names = [each.name for each in fields(Measure)]
    with replacing(workspace.features(recording_id, "measures")) as part:
        np.savez(part, **{name: np.array(c) for name, c in zip(names, columns, strict=True)})


def kept_measures(recording_id: str, workspace: Workspace) -> dict[str, Measure]:
    """What was heard of a recording so far, by segment id."""
    path = workspace.features(recording_id, "measures")
    if not path.exists():
        return {}
    with np.load(path) as kept:
        if set(kept.files) != {each.name for each in fields(Measure)}:
            return {}  # of an earlier version: heard again when asked
        columns = [kept[each.name].tolist() for each in fields(Measure)]
    return {row[0]: Measure(*row) for row in zip(*columns, strict=True)}


def leveled(segment: Segment, kept: Mapping[str, Measure]) -> Segment:
    """The segment with the mridangam's level as it was heard, where nobody has said it."""
    found = kept.get(segment.id)
    if segment.mridangam_level is not None or not _holds(found, segment):
        return segment
    return (
        segment if np.isnan(found.mridangam) else replace(segment, mridangam_level=found.mridangam)
    )


def heard_facts(
    segment: Segment, recording: Recording, kept: Mapping[str, Measure]
) -> dict[str, Fact]:
    """What was heard of a segment, in words; nothing where it is neither one nor the other."""
    found = kept.get(segment.id)
    if found is None or not _holds(found, segment):
        return {}
    said: dict[str, str | None] = {}
    if segment.section in MELODIC:
        said["density"] = _word(
            found.notes_per_s, (HELD_BELOW, "long held notes"), (QUICK_ABOVE, "many quick notes")
        )
        if recording.tonic_hz:
            cents = 1200 * np.log2(found.median_hz / recording.tonic_hz)
            said["register"] = _word(
                cents, (LOW_BELOW_CENTS, "low"), (HIGH_ABOVE_CENTS, "high"), "middle"
            )
    if segment.section in IN_TALA:
        said["tempo"] = _word(
            found.onsets_per_s, (SLOW_BELOW, "slow"), (FAST_ABOVE, "fast"), "medium"
        )
    return {name: Fact(text, "measured") for name, text in said.items() if text}


def _mridangam_levels(
    recording: Recording, segments: Iterable[Segment], workspace: Workspace
) -> dict[str, float]:
    from core.segmentation.listening import heard
    from core.segmentation.model import current
    from core.segmentation.mridangam import level

    try:
        found, weights = heard(recording.id, workspace), current(workspace).drum
    except AudioError as error:
        log.warning("%s: %s", recording.id, error)
        return {}
    return {each.id: level(weights, found, each.start_s, each.end_s) for each in segments}


def _holds(found: Measure | None, segment: Segment) -> bool:
    return found is not None and (
        abs(found.start_s - segment.start_s) <= MOVED_S
        and abs(found.end_s - segment.end_s) <= MOVED_S
    )


def _word(
    value: float, low: tuple[float, str], high: tuple[float, str], between: str | None = None
) -> str | None:
    if np.isnan(value):
        return None
    if value < low[0]:
        return low[1]
    return high[1] if value > high[0] else between


def _onsets_per_s(y: np.ndarray, sr: int) -> float:
    import librosa  # its compiler takes seconds to load

    onsets = librosa.onset.onset_detect(y=y, sr=sr, hop_length=320, units="time")
    return len(onsets) * sr / len(y)


def main(recording: str | None = None, workspace: Path | None = None) -> None:
    """Listen to the segments, so that captions can say register, density, tempo and mridangam.

    Args:
        recording: only this one.
        workspace: the folder that holds everything; $STUDIO_WORKSPACE or workspace/ if not given.
    """
    from core.command import progress_bar
    from core.library import Library

    place = Workspace.at(workspace)
    library = Library.of(place)
    recordings = [library.recording(recording)] if recording else library.recordings()
    with progress_bar(len(recordings), "recording", "listening") as bar:
        for each in recordings:
            segments = [s for s in library.segments(each.id) if s.status != "rejected"]
            measure_recording(each, segments, place)
            bar.update()


if __name__ == "__main__":
    from core.command import run

    run(main)
