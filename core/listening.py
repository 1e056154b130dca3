"""Stage 5, before the cut: what must be heard first, tonics and what captions may say."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from core.clips import Clip, Plan, worded
from core.errors import DatasetError
from core.measure import measure_recording
from core.records import Recording
from core.workspace import Workspace

Tick = Callable[[str, int], None]  # what is at work, clips done since the last tick

TONIC_FROM_S = 180.0  # so much of a recording is listened to for its tonic


def hear_segments(decided: Plan, workspace: Workspace, tick: Tick) -> bool:
    """Measure what captions may say of each segment; say whether there was anything new."""
    segments = {clip.segment.id: clip for clip in decided.clips}
    by_recording: dict[str, list[Clip]] = defaultdict(list)
    for clip in segments.values():
        by_recording[clip.recording.id].append(clip)
    n_new = 0
    for recording_id, clips in by_recording.items():
        tick(recording_id, 0)
        marks = [clip.segment for clip in clips]
        n_new += measure_recording(clips[0].recording, marks, workspace)
    return n_new > 0


def with_tonics(decided: Plan, workspace: Workspace) -> Plan:
    """Fill in the tonics that the pictures' rows are counted from; measure them if asked to."""
    config = decided.config
    recordings = {clip.recording.id: clip.recording for clip in decided.clips}
    lacking = [recording for recording in recordings.values() if recording.tonic_hz is None]
    if not lacking or not (config.preset == "svara" or config.align_tonic):
        return decided
    if not config.estimate_tonic:
        raise DatasetError(
            f"No tonic is known for {', '.join(recording.id for recording in lacking)}, and the "
            "pictures' rows are counted from it. Set it in the Segment tab, or export with "
            "--estimate-tonic to have it measured."
        )
    tonics = {recording.id: _measured_tonic(recording, workspace) for recording in lacking}
    clips = tuple(
        replace(clip, recording=replace(clip.recording, tonic_hz=tonics[clip.recording.id]))
        if clip.recording.id in tonics
        else clip
        for clip in decided.clips
    )
    clips = tuple(worded(config, clips, workspace, decided.splits))  # captions may say the tonic
    measured = ", ".join(f"{key} at {hz:.1f} Hz" for key, hz in tonics.items())
    return replace(decided, clips=clips, notes=(*decided.notes, f"Tonic measured: {measured}."))


def _measured_tonic(recording: Recording, workspace: Workspace) -> float:
    from core import audio
    from core.tonic import tonic

    y, sr = audio.load(workspace.audio(recording.id), end_s=min(TONIC_FROM_S, recording.duration_s))
    return round(float(tonic(y, sr).hz), 2)
