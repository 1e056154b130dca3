"""The mridangam's level of segments that lack it, saved, so that captions and export can use it.

python -m core.segmentation levels      all segments of all recordings
"""

from dataclasses import replace

from core.library import Library
from core.segmentation import listening, mridangam
from core.segmentation.listening import Heard
from core.segmentation.model import Model, current
from core.workspace import Workspace

_BY = "measured"  # not a person: their undo skips it


def fill(
    recording_id: str, library: Library, heard: Heard, model: Model, *, approved_only: bool = False
) -> int:
    """Save the level of each segment of a recording that has none; how many."""
    lacking = [
        each
        for each in library.segments(recording_id)
        if each.mridangam_level is None and (each.status == "approved" or not approved_only)
    ]
    levelled = [
        replace(
            each,
            mridangam_level=mridangam.level(model.drum, heard, each.start_s, each.end_s),
        )
        for each in lacking
    ]
    if levelled:
        library.save_all(levelled, _BY)
    return len(levelled)


def fill_all(workspace: Workspace, library: Library) -> int:
    """Listen to every recording that has segments without a level, and save it; how many."""
    model = current(workspace)
    lacking = {each.recording_id for each in library.segments() if each.mridangam_level is None}
    return sum(
        fill(recording_id, library, listening.heard(recording_id, workspace), model)
        for recording_id in sorted(lacking)
    )
